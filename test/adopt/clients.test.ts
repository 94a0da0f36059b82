import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import type { Drafts } from "../../src/cli/draft-powers.ts";
import { FACE_ENTRIES } from "../../src/extensions/adopt/faces.ts";
import { CLIENTS as CLIENT_KINDS } from "../../src/extensions/scan/clients.ts";
import { readConfiguration } from "../../src/extensions/scan/configuration.ts";
import { scanMachine } from "../../src/extensions/scan/scan.ts";
import { createLook } from "../../src/platform/files/machine-look.ts";
import { createDesk } from "../fakes/cli-powers.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { treeOf } from "../fakes/tree.ts";
import { prepareHome, VALUES } from "../scan/prepared-home.ts";

interface Ran {
  readonly status: number;
  readonly out: string;
}

let home: string;
let project: string;

beforeEach(() => {
  home = makeTemporaryFolder();
  ({ project } = prepareHome(home));
});

const at = (path: string): string => join(home, path);
const lookFrom = (folder: string): ReturnType<typeof createLook> => createLook({ home, folder, now: 0, variables: [] });

/** The command line on the prepared home, with the real file system; nothing that it says may hold a value. */
async function run(
  words: readonly string[],
  parts: { folder?: string; drafts?: (real: Drafts) => Drafts } = {},
): Promise<Ran> {
  const desk = createDesk({});
  const { drafts } = desk.powers;
  const status = await runProgram(["adopt", ...words], {
    ...desk.powers,
    look: () => lookFrom(parts.folder ?? home),
    resolve: (path) => (path.startsWith("/") ? path : join(parts.folder ?? home, path)),
    files: {
      read: (path) => Promise.resolve(readFileSync(path, "utf8")),
      exists: (path) => Promise.resolve(existsSync(path)),
    },
    drafts: parts.drafts?.(drafts) ?? drafts,
  });
  const out = desk.out() + desk.err();
  for (const value of Object.values(VALUES)) expect(out).not.toContain(value);
  return { status, out };
}

const CLIENTS = [...FACE_ENTRIES.keys()];
/** What somebody, or the client itself, writes into a configuration after it was adopted. */
const CHANGED: readonly { client: string; path: string; change: (text: string) => string }[] = [
  { client: "gemini", path: ".gemini/settings.json", change: (text) => text.replace("{", '{ "theme": "dark",') },
  { client: "codex", path: ".codex/config.toml", change: (text) => `theme = "dark"\n${text}` },
  {
    client: "claude-code",
    path: ".claude.json",
    change: (text) => JSON.stringify({ theme: "dark", ...JSON.parse(text) }),
  },
];
/** Everything fails from that step on, as it would when the process is gone. */
const cutAt = (step: number): ((real: Drafts) => Drafts) => {
  let done = 0;
  return (real) =>
    new Proxy(real, {
      get: (target, name, receiver) => {
        const act: unknown = Reflect.get(target, name, receiver);
        if (typeof act !== "function") return act;
        return (...words: readonly unknown[]) =>
          done++ >= step ? Promise.reject(new Error("cut off")) : Reflect.apply(act, target, words);
      },
    });
};
const FACE = ["/opt/aios/bin/aios", "mcp", "--agent"];

describe("aios adopt CLIENT", () => {
  test("leaves each client with the face alone, as a scan sees it, and --undo brings back every name, byte and mode", async () => {
    chmodSync(at(".cursor/mcp.json"), 0o666);
    chmodSync(at(".codex/config.toml"), 0o600);
    const before = treeOf(home);
    for (const client of CLIENTS) expect(await run([client])).toMatchObject({ status: 0 });

    const { clients } = await scanMachine(lookFrom(home), () => {});
    for (const { id, servers } of clients.filter((found) => CLIENTS.includes(found.id))) {
      const own = servers.filter(({ from }) => from === "person").map(({ name, command }) => ({ name, command }));
      expect([id, own]).toEqual([
        id,
        [{ name: "aios", command: [...FACE, `${id}-mcp`, "--home", "/home/maria/.aios"] }],
      ]);
    }
    const during = treeOf(home);
    for (const path of [".cursor/mcp.json", ".codex/config.toml"])
      expect(during[path]?.split(" ")[0]).toBe(before[path]?.split(" ")[0]);
    // The originals, and what else a configuration holds, are where only their person looks.
    for (const [path, what] of Object.entries(during).filter(([name]) => name.startsWith(".aios-adopted")))
      expect([path, what.slice(0, 6)]).toEqual([path, what.startsWith("4") ? "40700 " : "100600"]);
    const changed = Object.keys(before).filter((path) => during[path] !== before[path]);
    expect(changed).toHaveLength(CLIENTS.length);

    for (const client of CLIENTS) expect(await run([client, "--undo"])).toMatchObject({ status: 0 });
    expect(treeOf(home)).toEqual(before);
  });

  test("says what to type for each server that goes: its exact source, and its keys by name", async () => {
    const { out } = await run(["claude-code"]);
    for (const step of [
      "aios ext add @example/server-github@VERSION",
      "aios secrets set github-token",
      "aios ext add @example/server-notes@1.2.3",
      "aios ext trust @example/server-notes --agent claude-code-mcp",
      "aios ext add @example/server-filesystem@2.0.0",
    ])
      expect(out.split("\n")).toContain(step);
    const cursor = await run(["cursor"]);
    expect(cursor.out).toContain("aios ext add https://mcp.example.com/sse\n");
    expect(cursor.out).toContain("aios secrets bind x-api-key --to https://mcp.example.com --method POST");
  });

  test("--dry-run says the same and changes nothing", async () => {
    const before = treeOf(home);
    const dry = await run(["claude-code", "--dry-run"]);
    expect(dry.status).toBe(0);
    expect(dry.out).toContain("Nothing was changed");
    expect(dry.out).toContain("Taken out: github, pinned, files");
    expect(treeOf(home)).toEqual(before);
  });

  test("a second time says so and does nothing; so does an --undo of what was not adopted", async () => {
    const before = treeOf(home);
    expect(await run(["codex", "--undo"])).toMatchObject({ status: 1, out: expect.stringContaining("(not-found)") });
    expect(treeOf(home)).toEqual(before);
    await run(["codex"]);
    const during = treeOf(home);
    const again = await run(["codex"]);
    expect(again).toMatchObject({ status: 0, out: expect.stringContaining("adopted already. Nothing was changed") });
    expect(treeOf(home)).toEqual(during);
  });

  test("--undo of what was changed since takes the face out, puts the servers back and leaves the rest as it is now", async () => {
    const before = new Map(CHANGED.map(({ path }) => [path, readFileSync(at(path), "utf8")]));
    for (const { client, path, change } of CHANGED) {
      await run([client]);
      writeFileSync(at(path), change(readFileSync(at(path), "utf8")));
      expect((await run([client])).out).toContain("changed since");
      const undo = await run([client, "--undo"]);
      expect([client, undo.status, undo.out]).toEqual([
        client,
        0,
        expect.stringContaining("put the servers back into"),
      ]);
      expect(undo.out).toContain("the rest of it stays as it is now");
      const now = readFileSync(at(path), "utf8");
      expect(now).not.toContain("--agent");
      expect(now).toContain("dark");
      // With the change and without the adoption: a scan sees the servers that it saw, and the change is all that is other.
      expect(existsSync(at(`.aios-adopted/${client}`))).toBe(false);
      expect((await run([client, "--undo"])).out).toContain("(not-found)");
      const kind = CLIENT_KINDS.find(({ id }) => id === client);
      const file = kind?.files.find((each) => each.path === `~/${path}`);
      const read = (text: string): unknown => readConfiguration(text, file?.format ?? "json");
      expect([client, read(now)]).toEqual([client, read(change(before.get(path) ?? ""))]);
    }
  });

  test("a server that is another one now, a project that is gone, or no file at all: --undo changes nothing and says what to do", async () => {
    await run(["gemini"]);
    const path = at(".gemini/settings.json");
    const adopted = readFileSync(path, "utf8");
    const original = readFileSync(at(".aios-adopted/gemini/before-1"), "utf8");
    const [name = ""] = Object.keys(
      (readConfiguration(original, "json")?.["mcpServers"] as { readonly [name: string]: unknown } | undefined) ?? {},
    );
    writeFileSync(path, adopted.replace('"aios"', `${JSON.stringify(name)}: { "command": "other" }, "aios"`));
    const during = treeOf(home);
    const undo = await run(["gemini", "--undo"]);
    expect(undo).toMatchObject({ status: 1, out: expect.stringContaining("(changed-since)") });
    expect(undo.out).toContain(`there is another server ${name} in it now`);
    expect(undo.out).toContain(`diff ${at(".aios-adopted/gemini/before-1")} ${path}`);
    expect(treeOf(home)).toEqual(during);
    writeFileSync(path, "{ no JSON");
    expect(await run(["gemini", "--undo"])).toMatchObject({ status: 1 });
    rmSync(path);
    const gone = await run(["gemini", "--undo"]);
    expect(gone).toMatchObject({
      status: 1,
      out: expect.stringContaining(`cp ${at(".aios-adopted/gemini/before-1")}`),
    });
    execFileSync("mkfifo", [path]);
    expect(await run(["gemini", "--undo"])).toMatchObject({ status: 1 });

    await run(["claude-code"]);
    const claude = at(".claude.json");
    writeFileSync(claude, JSON.stringify({ ...JSON.parse(readFileSync(claude, "utf8")), projects: {} }));
    const lost = await run(["claude-code", "--undo"]);
    expect(lost).toMatchObject({ status: 1, out: expect.stringContaining("is gone, which had the server") });
  });

  const refusals: readonly (readonly [name: string, code: string, spoil: (path: string) => void])[] = [
    ["a link", "bad-configuration", (path) => (renameSync(path, `${path}.real`), symlinkSync(`${path}.real`, path))],
    ["a file with a second name", "bad-configuration", (path) => linkSync(path, `${path}.twin`)],
    ["a pipe", "bad-configuration", (path) => (rmSync(path), execFileSync("mkfifo", [path]))],
    ["a folder", "bad-configuration", (path) => (rmSync(path), mkdirSync(path))],
    ["a file that is not to be written", "file-unwritable", (path) => chmodSync(path, 0o444)],
    ["no JSON", "bad-configuration", (path) => writeFileSync(path, '{"mcpServers": {')],
    ["a list", "bad-configuration", (path) => writeFileSync(path, "[]")],
    [
      "servers named twice",
      "bad-configuration",
      (path) => writeFileSync(path, '{"mcpServers": {"a": {}}, "mcpServers": {"b": {}}}'),
    ],
    ["no UTF-8", "file-unreadable", (path) => writeFileSync(path, Buffer.from([0x7b, 0xff, 0x7d]))],
    ["too large", "file-too-large", (path) => writeFileSync(path, " ".repeat(4 * 1024 * 1024 + 1))],
    ["nothing", "not-found", (path) => rmSync(path)],
  ];
  test.each(refusals)("%s is refused with a code and nothing is changed", async (_name, code, spoil) => {
    spoil(at(".cursor/mcp.json"));
    const before = treeOf(home);
    const ran = await run(["cursor"]);
    expect(ran.out).toContain(`(${code})\nhint: `);
    expect(ran.status).not.toBe(0);
    expect(treeOf(home)).toEqual(before);
  });

  test("cut off between any two steps, of an adoption or of an undo, each file is whole and --undo works", async () => {
    writeFileSync(at(".config/opencode/opencode.json"), '{ "mcp": { "more": { "command": ["x"] } } }\n');
    const before = treeOf(home);
    const files = [".config/opencode/opencode.json", ".config/opencode/opencode.jsonc"];
    await run(["opencode"]);
    const after = treeOf(home);
    await run(["opencode", "--undo"]);
    let cuts = 0;
    for (const words of [["opencode"], ["opencode", "--undo"]]) {
      for (let step = 0; ; step++) {
        if (words.includes("--undo")) await run(["opencode"]);
        const { status } = await run(words, { drafts: cutAt(step) });
        const now = treeOf(home);
        for (const file of files) expect([before[file], after[file]]).toContain(now[file]);
        await run(["opencode", "--undo"]);
        expect([step, treeOf(home)]).toEqual([step, before]);
        if (status === 0) break;
        cuts += 1;
      }
    }
    expect(cuts).toBeGreaterThan(20);
  });

  test("cut off between any two steps of an undo of what was changed since, the same again ends it", async () => {
    writeFileSync(at(".config/opencode/opencode.json"), '{ "mcp": { "more": { "command": ["x"] } } }\n');
    const before = treeOf(home);
    const files = [at(".config/opencode/opencode.json"), at(".config/opencode/opencode.jsonc")];
    const theme = (text: string): string => text.replace("{", '{ "theme": "dark",');
    const originals = files.map((path) => readFileSync(path, "utf8"));
    for (let step = 0; ; step++) {
      await run(["opencode"]);
      for (const path of files) writeFileSync(path, theme(readFileSync(path, "utf8")));
      const { status } = await run(["opencode", "--undo"], { drafts: cutAt(step) });
      await run(["opencode", "--undo"]);
      const now = files.map((path) => readConfiguration(readFileSync(path, "utf8"), "json"));
      expect([step, now]).toEqual([step, originals.map((text) => readConfiguration(theme(text), "json"))]);
      for (const [which, path] of files.entries()) writeFileSync(path, originals[which] ?? "");
      expect([step, treeOf(home)]).toEqual([step, before]);
      if (status !== 0) continue;
      expect(step).toBeGreaterThan(10);
      break;
    }
  });

  test("what a cut left half written is cleared away, and a copy that nothing speaks of is not", async () => {
    const before = treeOf(home);
    mkdirSync(at(".aios-adopted/codex"), { recursive: true, mode: 0o700 });
    writeFileSync(at(".aios-adopted/codex/before-1.0123456789abcdef"), "half");
    writeFileSync(at(".codex/config.toml.aios-adopt"), "half");
    await run(["codex"]);
    await run(["codex", "--undo"]);
    expect(treeOf(home)).toEqual(before);

    mkdirSync(at(".aios-adopted/codex"), { recursive: true, mode: 0o700 });
    writeFileSync(at(".aios-adopted/codex/before-1"), "somebody's only copy");
    const found = treeOf(home);
    for (const words of [["codex"], ["codex", "--undo"]]) {
      const ran = await run(words);
      expect([ran.status, ran.out]).toEqual([3, expect.stringContaining("(already-there)")]);
      expect(treeOf(home)).toEqual(found);
    }
  });

  test("the plain .mcp.json of a folder, and a client's own there, are adopted when they are named", async () => {
    const before = treeOf(home);
    const own = await run(["claude-code"], { folder: project });
    expect(own.out).toContain(
      "./.mcp.json in this folder may name servers as well and was left alone: aios adopt mcp-json",
    );
    expect(await run(["mcp-json"], { folder: project })).toMatchObject({ status: 0 });
    expect(Object.keys(JSON.parse(readFileSync(join(project, ".mcp.json"), "utf8")).mcpServers)).toEqual(["aios"]);
    expect(await run(["mcp-json", "--undo"], { folder: project })).toMatchObject({ status: 0 });
    expect(await run(["claude-code", "--undo"])).toMatchObject({ status: 0 });
    expect(await run(["claude-code", "--folder", project])).toMatchObject({ status: 0 });
    expect(await run(["claude-code", "--folder", project, "--undo"])).toMatchObject({ status: 0 });
    expect(treeOf(home)).toEqual(before);
    expect(await run(["codex", "--folder", project])).toMatchObject({ status: 2 });
    expect(await run(["emacs"])).toMatchObject({ status: 2 });
  });
});
