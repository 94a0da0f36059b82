import { chownSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canonicalize } from "../../src/kernel/canonical.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { keyId } from "../../src/protocol/statement.ts";
import type { HeldDetail } from "../../src/protocol/requests.ts";
import { renderHeld } from "../../src/showing/held-action.ts";
import { plainText } from "../../src/showing/line.ts";
import { until } from "../fakes/busy-instances.ts";
import { packageSource } from "./sources.ts";
import { signed, startSubstrate, type Ran, type Substrate } from "./substrate.ts";
import { readUser } from "./user.ts";

/* What a held write would change is shown from what lies there, and a yes to it is no yes to anything else. */

const { digest, sha256 } = createCrypto();

describe("a held write", () => {
  let aios: Substrate;
  let file: string;
  const user = process.geteuid?.() === 0 ? readUser("aios") : null;

  beforeAll(async () => {
    aios = await startSubstrate();
    file = join(aios.workspace, "page.html");
    const source = await packageSource("@modelcontextprotocol/server-filesystem", {
      args: ["/workspace"],
      workspace: "write",
    });
    await aios.grant({
      id: "site",
      agents: ["writer"],
      drivers: {
        files: { source, tools: { write_file: { fields: { path: "path" } }, edit_file: {} } },
      },
      allow: ["files/write_file", "files/edit_file"],
    });
  });
  afterAll(() => aios?.stop());

  function put(text: string | Uint8Array): void {
    writeFileSync(file, text);
    if (user !== null) chownSync(file, user.uid, user.gid);
  }

  async function ask(
    args: JsonObject,
    tool = "files__write_file",
  ): Promise<{ readonly look: () => Promise<HeldDetail>; readonly running: Promise<Ran> }> {
    const plan = [{ method: "tools/call", params: { name: tool, arguments: args } }];
    const running = aios.follow("writer", plan, { holdSeconds: 600, workspace: aios.workspace });
    await until(async () => (await aios.held()).length === 1, "the write is held");
    const [held] = await aios.held();
    return { look: () => aios.client.request("held-show", { request: held?.request ?? "" }), running };
  }
  const answer = ({ action, statement }: Pick<HeldDetail, "action" | "statement">): Promise<unknown> => {
    const key = keyId(aios.owner.publicKey, sha256);
    const envelope = signed({ ...statement, decision: "allow", key }, aios.owner);
    return aios.client.request("submit", { envelope, document: JSON.parse(action) as JsonObject });
  };
  const rowsOf = (detail: HeldDetail): readonly string[] => {
    const rendered = renderHeld(detail, { digest, columns: 100 });
    return rendered.kind === "shown" ? rendered.lines.map(plainText) : [rendered.why];
  };
  const path = "/workspace/page.html";

  test("attack: a yes is none when the file has changed since; twin: it is when it was looked at again", async () => {
    put("one\ntwo\n");
    const { look, running } = await ask({ path, content: "one\nthree\n" });
    const first = await look();
    expect(rowsOf(first)).toContain("  - │ two");
    put("one\nof great value\n");
    await expect(answer(first)).rejects.toThrow(/not as it was shown.*\(moved\)/u);
    expect(readFileSync(file, "utf8")).toBe("one\nof great value\n");
    expect(await aios.held()).toHaveLength(1);
    const second = await look();
    expect(rowsOf(second)).toContain("  - │ of great value");
    // Without what it says of the file, or with what was found before, it is no yes either.
    const { beside: _, ...bare } = second.statement;
    await expect(answer({ ...second, statement: bare })).rejects.toThrow(/moved/u);
    const old = first.statement.beside ?? "";
    await expect(answer({ ...second, statement: { ...second.statement, beside: old } })).rejects.toThrow(/moved/u);
    await answer(second);
    await running;
    expect(readFileSync(file, "utf8")).toBe("one\nthree\n");
  });

  test("attack: what the monitor says of the file and what is signed cannot be two things", async () => {
    put("safe\n");
    const { look, running } = await ask({ path, content: "x" });
    const detail = await look();
    const { found } = detail;
    if (found?.kind !== "text") throw new Error("no text was found");
    for (const other of [{ ...found, text: "other\n" }, { ...found, path: "/workspace/other" }, null])
      expect(rowsOf({ ...detail, found: other })).toEqual([
        "what was found of the file is not what the statement says",
      ]);
    await aios.answer(detail.request, "deny");
    await running;
  });

  test("attack: a link in the workspace shows nothing of where it leads", async () => {
    unlinkSync(file);
    symlinkSync("/etc/passwd", file);
    const { look, running } = await ask({ path, content: "x" });
    const detail = await look();
    expect(detail.found).toEqual({ kind: "link", path });
    expect(rowsOf(detail).join(" ")).toMatch(/A link is there/u);
    await aios.answer(detail.request, "deny");
    await running;
    unlinkSync(file);
  });

  test("attack: an argument more takes neither the diff nor the binding away", async () => {
    put("one\ntwo\n");
    const { look, running } = await ask({ path, content: "one\nthree\n", note: "a", edits: [] });
    const first = await look();
    expect(first.statement.beside).toBe(digest(canonicalize({ ...first.found })));
    expect(rowsOf(first)).toEqual(expect.arrayContaining(['  /note  "a"', "  - │ two", "  + │ three"]));
    put("one\nof great value\n");
    await expect(answer(first)).rejects.toThrow(/moved/u);
    await answer(await look());
    await running;
    expect(readFileSync(file, "utf8")).toBe("one\nthree\n");
  });

  test("attack: where a declared path is there and what changes cannot be told, that is said, and cannot be left out", async () => {
    for (const args of [
      { path: "/etc/passwd", content: "x" },
      { path, text: "x" },
    ]) {
      const { look, running } = await ask(args);
      const detail = await look();
      expect(detail.found).toEqual({ kind: "unknown" });
      expect(rowsOf(detail)).toContain("! What this changes in the workspace is not known; a yes is bound to no file.");
      expect(rowsOf({ ...detail, found: null })).toEqual(["what was found of the file is not what the statement says"]);
      await aios.answer(detail.request, "deny");
      await running;
    }
  });

  test("is compared with nothing where no owner declared a path", async () => {
    const { look, running } = await ask({ path, edits: [{ oldText: "a", newText: "b" }] }, "files__edit_file");
    const detail = await look();
    expect([detail.found, detail.statement.beside]).toEqual([null, undefined]);
    await aios.answer(detail.request, "deny");
    await running;
  });
});
