import { readFileSync, writeFileSync, existsSync, chmodSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageSource } from "./sources.ts";
import { startSubstrate, type Substrate } from "./substrate.ts";

// One monitor, the real npm package server-filesystem in its own sandbox, and a real agent process in another.
let aios: Substrate;
const call = (name: string, args: object) => ({ method: "tools/call", params: { name, arguments: args } });

beforeAll(async () => {
  aios = await startSubstrate();
  writeFileSync(join(aios.workspace, "notes.txt"), "the meeting is at noon\n");
  chmodSync(join(aios.workspace, "notes.txt"), 0o644);
  const source = await packageSource("@modelcontextprotocol/server-filesystem", {
    args: ["/workspace"],
    workspace: "write",
  });
  await aios.grant({
    id: "files",
    agents: ["reader"],
    drivers: {
      files: {
        source,
        tools: {
          read_text_file: { risk: "observe", labels: ["private", "untrusted"], fields: { path: "path" } },
          write_file: { risk: "reserved", fields: { path: "path" } },
          list_directory: { risk: "observe", fields: { path: "path" } },
        },
      },
    },
    allow: [{ what: "files/read_text_file", where: { path: { under: "/workspace" } } }, "files/write_file"],
  });
});
afterAll(() => aios.stop());

const INSIDE: ReadonlySet<string> = new Set(["programs-started", "calls-refused", "files-written"]);

async function kinds(instance: string): Promise<readonly string[]> {
  const { entries } = await aios.client.request("log-show", { from: 0, limit: 1000, instance, kinds: [] });
  // What happens inside its sandbox is recorded beside it, whenever it happens.
  return entries.map(({ record }) => record.kind).filter((kind) => !INSIDE.has(kind));
}

async function whenHeld(): Promise<string> {
  for (let tries = 0; tries < 3000; tries++) {
    const [first] = await aios.held();
    if (first !== undefined) return first.request;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("nothing was held");
}

describe("an agent under the substrate", () => {
  test("sees only the tools that a grant names", async () => {
    const ran = await aios.follow("reader", [{ method: "tools/list" }], { workspace: aios.workspace });
    expect(ran.answers[0]?.result?.tools?.map(({ name }) => name).toSorted()).toEqual([
      "files__read_text_file",
      "files__write_file",
    ]);
  });

  test("runs a granted read, and the log holds its intent and its outcome", async () => {
    const ran = await aios.follow("reader", [call("files__read_text_file", { path: "/workspace/notes.txt" })], {
      workspace: aios.workspace,
    });
    expect(ran.answers[0]?.result?.content?.[0]?.text).toContain("the meeting is at noon");
    expect(await kinds(ran.instance)).toEqual([
      "instance-started",
      "driver-pinned",
      "intent",
      "labelled",
      "outcome",
      "instance-ended",
    ]);
  });

  test("is denied what no grant allows, with the stage, the code and the smallest grant", async () => {
    const ran = await aios.follow("reader", [call("files__list_directory", { path: "/workspace" })], {
      workspace: aios.workspace,
    });
    expect(ran.answers[0]?.result?.isError).toBe(true);
    expect(ran.answers[0]?.result?.structuredContent).toMatchObject({
      stage: "validate",
      code: "no-grant",
      proposal: {
        agents: ["reader"],
        allow: [{ what: "files/list_directory", where: { path: { equals: "/workspace" } } }],
      },
    });
    expect(await kinds(ran.instance)).toContain("denied");
  });

  test("is denied a path that has more than one reading", async () => {
    const ran = await aios.follow("reader", [call("files__read_text_file", { path: "/workspace/../etc/passwd" })], {
      workspace: aios.workspace,
    });
    expect(ran.answers[0]?.result?.structuredContent).toMatchObject({ code: "not-canonical" });
  });

  test("waits for the human before a reserved write, and the write happens once when they sign", async () => {
    const target = join(aios.workspace, "approved.txt");
    const running = aios.follow(
      "reader",
      [call("files__write_file", { path: "/workspace/approved.txt", content: "yes" })],
      { workspace: aios.workspace },
    );
    const request = await whenHeld();
    expect(existsSync(target)).toBe(false);
    await aios.answer(request, "allow");
    const ran = await running;
    expect(ran.answers[0]?.result?.isError).not.toBe(true);
    expect(readFileSync(target, "utf8")).toBe("yes");
    expect((await kinds(ran.instance)).slice(-5)).toEqual(["held", "approved", "intent", "outcome", "instance-ended"]);
  });

  test("does not write when the human says no, and the no is a record with their key", async () => {
    const running = aios.follow(
      "reader",
      [call("files__write_file", { path: "/workspace/denied.txt", content: "no" })],
      { workspace: aios.workspace },
    );
    await aios.answer(await whenHeld(), "deny");
    const ran = await running;
    expect(ran.answers[0]?.result?.structuredContent).toMatchObject({ stage: "approve", code: "denied-by-owner" });
    expect(existsSync(join(aios.workspace, "denied.txt"))).toBe(false);
  });

  test("does not write when nobody answers", async () => {
    const ran = await aios.follow(
      "reader",
      [call("files__write_file", { path: "/workspace/late.txt", content: "late" })],
      { workspace: aios.workspace, holdSeconds: 1 },
    );
    expect(ran.answers[0]?.result?.structuredContent).toMatchObject({ stage: "approve", code: "hold-expired" });
    expect(existsSync(join(aios.workspace, "late.txt"))).toBe(false);
  });

  test("with the grant revoked is denied both what was granted and what was held", async () => {
    await aios.sign("revoke-grant", { grant: "files" });
    const ran = await aios.follow(
      "reader",
      [{ method: "tools/list" }, call("files__read_text_file", { path: "/workspace/notes.txt" })],
      { workspace: aios.workspace },
    );
    expect(ran.answers[0]?.result?.tools).toEqual([]);
    expect(ran.answers[1]?.result?.isError).toBe(true);
  });
});
