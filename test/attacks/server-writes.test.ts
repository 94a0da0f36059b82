import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { LogRecord, RecordKind } from "../../src/protocol/record.ts";
import { packageSource } from "../e2e/sources.ts";
import { type Ran, REPO, startSubstrate, type Substrate } from "../e2e/substrate.ts";
import { readUser } from "../e2e/user.ts";

/*
 * A folder that an MCP server may write in: what other tools obey there stays as it is, and what it writes is recorded with its
 * name and can be undone, as what its agent writes. Mounted writable and no more, each of these attacks succeeded.
 */
let aios: Substrate;
const OWN_USER = process.geteuid?.() === 0 ? readUser("aios") : null;
const SERVER = join(REPO, "test/fakes/malicious-server.mjs");
const CODE = [SERVER, ...["node_modules/koffi", "node_modules/@koromix"].map((path) => join(REPO, path))];
const TOOLS = ["write", "rename", "link", "symlink", "truncate", "remove", "mode"];
/** For what hangs: what happened inside is recorded a moment later. */
const POLL = { timeout: 60_000 };

/** A grant over such servers, for an agent of the same name, whose own sandbox gets what `own` says. */
async function trust(
  agent: string,
  {
    servers = [agent],
    own = "none",
    words = [],
    risk = "observe",
    open,
  }: {
    servers?: readonly string[];
    own?: "none" | "read" | "write";
    words?: readonly string[];
    risk?: "observe" | "reserved";
    open?: readonly string[];
  } = {},
): Promise<void> {
  const source = { kind: "stdio", command: ["node", SERVER, ...words], code: CODE, workspace: "write" } as const;
  const tools = Object.fromEntries(TOOLS.map((tool) => [tool, { risk }]));
  await aios.grant({
    id: agent,
    agents: [agent],
    drivers: Object.fromEntries(servers.map((name) => [name, { source, tools }])),
    allow: servers.flatMap((name) => TOOLS.map((tool) => `${name}/${tool}`)),
    workspace: own,
    programs: "any",
    ...(open === undefined ? {} : { open }),
  });
}

function call(server: string, tool: string, args: object) {
  return { method: "tools/call", params: { name: `${server}__${tool}`, arguments: args } };
}

const run = (agent: string, ...steps: readonly object[]): Promise<Ran> =>
  aios.follow(agent, steps, { workspace: aios.workspace });

const said = ({ answers }: Ran): readonly (string | undefined)[] =>
  answers.map(({ result }) => result?.content?.map(({ text }) => text).join(""));

async function filesOf(kind: RecordKind & ("files-written" | "files-refused"), instance: string, driver?: string) {
  const { entries } = await aios.client.request("log-show", { from: 0, limit: 10_000, instance, kinds: [kind] });
  return entries.flatMap(({ record, payload }) => {
    // The request asked for this kind alone, which the compiler cannot know.
    const { driver: named } = record as Extract<LogRecord, { kind: "files-written" | "files-refused" }>;
    return named === driver ? (payload as { files: { operation: string; path: string }[] }).files : [];
  });
}

const at = (path: string): string => join(aios.workspace, path);
const read = (path: string): string => readFileSync(at(path), "utf8");

function put(path: string, text: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
}

beforeAll(async () => {
  aios = await startSubstrate();
});
afterAll(() => aios.stop());
beforeEach(() => {
  execFileSync("sh", ["-c", "find . -mindepth 1 -maxdepth 1 -exec rm -rf {} +"], { cwd: aios.workspace });
  put(".git/hooks/pre-push", "mine\n");
  put(".vscode/tasks.json", "{}\n");
  put("CLAUDE.md", "obey\n");
  put("notes.txt", "mine\n");
  put("other.txt", "mine too\n");
  if (OWN_USER !== null) execFileSync("chown", ["-R", `${OWN_USER.uid}:${OWN_USER.gid}`, aios.workspace]);
});

/** Processes below one whose command line has this word. */
function processesBelow(ancestor: number, word: string): readonly number[] {
  const lines = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
  const rows = lines.flatMap((line) => {
    const [, pid, parent, args = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), args }];
  });
  const below = new Set([ancestor]);
  for (let size = 0; size !== below.size;) {
    size = below.size;
    for (const { pid, parent } of rows) if (below.has(parent)) below.add(pid);
  }
  // Not those of bubblewrap, which have it among their words too.
  return rows
    .filter(({ pid, args }) => below.has(pid) && args.startsWith("/aios/node") && args.includes(word))
    .map(({ pid }) => pid);
}
const devicesBelow = (pid: number): readonly number[] => processesBelow(pid, "/aios/src/main/storage.ts");
const serversBelow = (pid: number): readonly number[] => processesBelow(pid, "malicious-server.mjs");

/** Each way to have what others obey be what a server says. */
const ATTACKS = [
  ["write", { path: "/workspace/.git/hooks/pre-commit", text: "evil" }],
  ["write", { path: "/workspace/.vscode/tasks.json", text: "evil" }],
  ["write", { path: "/workspace/sub/.github/workflows/x.yml", text: "evil" }],
  ["rename", { from: "/workspace/other.txt", to: "/workspace/.mcp.json" }],
  ["rename", { from: "/workspace/.git/hooks", to: "/workspace/away" }],
  ["link", { from: "/workspace/notes.txt", to: "/workspace/.envrc" }],
  ["symlink", { to: "/workspace/notes.txt", path: "/workspace/.vscode/settings.json" }],
  ["truncate", { path: "/workspace/CLAUDE.md" }],
  ["mode", { path: "/workspace/.git/hooks/pre-push", mode: 0o755 }],
  ["remove", { path: "/workspace/.vscode/tasks.json" }],
] as const;

describe("what other tools obey in a folder that a server may write in", () => {
  for (const own of ["none", "write"] as const) {
    test(`stays as it is, whatever the server calls, and each attempt is recorded with its name (its agent's own: ${own})`, async () => {
      const agent = `hijacked-${own}`;
      await trust(agent, { own });
      const ran = await run(agent, ...ATTACKS.map(([tool, args]) => call(agent, tool, args)));
      expect(said(ran)).toEqual(ATTACKS.map(() => "EACCES"));
      expect(existsSync(at(".git/hooks/pre-commit"))).toBe(false);
      expect(read(".git/hooks/pre-push")).toBe("mine\n");
      expect(statSync(at(".git/hooks/pre-push")).mode & 0o111).toBe(0);
      expect(read(".vscode/tasks.json")).toBe("{}\n");
      expect(existsSync(at("sub/.github/workflows"))).toBe(false);
      for (const made of [".mcp.json", ".envrc", ".vscode/settings.json"])
        expect(lstatSync(at(made), { throwIfNoEntry: false }), made).toBeUndefined();
      expect(read("CLAUDE.md")).toBe("obey\n");
      await expect
        .poll(async () => (await filesOf("files-refused", ran.instance, agent)).map(({ path }) => path), POLL)
        .toEqual(
          expect.arrayContaining(["/workspace/.git/hooks/pre-commit", "/workspace/.mcp.json", "/workspace/CLAUDE.md"]),
        );
      expect(await filesOf("files-refused", ran.instance)).toEqual([]);
    });
  }
});

test("a run of refused changes freezes the instance, and takes the server from no other agent", async () => {
  await trust("flood");
  const hook = { path: "/workspace/.git/hooks/pre-commit", text: "evil" };
  const flood = Array.from({ length: 20 }, () => ({
    together: Array.from({ length: 20 }, () => call("flood", "write", hook)),
  }));
  const running = run("flood", ...flood, { until: 1 });
  await expect
    .poll(async () => (await aios.client.request("ps", { all: false })).instances.map(({ state }) => state), POLL)
    .toEqual(["frozen"]);
  const [frozen] = (await aios.client.request("ps", { all: false })).instances;
  await aios.client.request("kill", { instance: frozen?.instance ?? "" });
  await running;
  const later = await run("flood", call("flood", "write", { path: "/workspace/later.txt", text: "words" }));
  expect(said(later)).toEqual(["done"]);
});

describe("what a server writes in its folder", () => {
  test("is recorded with its name, and is taken back", async () => {
    await trust("scribe");
    const ran = await run(
      "scribe",
      call("scribe", "write", { path: "/workspace/made/plain.txt", text: "words" }),
      call("scribe", "write", { path: "/workspace/notes.txt", text: "other words" }),
      call("scribe", "rename", { from: "/workspace/other.txt", to: "/workspace/moved.txt" }),
    );
    expect(said(ran)).toEqual(["done", "done", "done"]);
    expect([read("made/plain.txt"), read("notes.txt"), read("moved.txt")]).toEqual([
      "words",
      "other words",
      "mine too\n",
    ]);
    await expect
      .poll(() => filesOf("files-written", ran.instance, "scribe"), POLL)
      .toEqual([
        { operation: "made", path: "/workspace/made" },
        { operation: "made", path: "/workspace/made/plain.txt" },
        { operation: "changed", path: "/workspace/notes.txt" },
        { operation: "moved", path: "/workspace/moved.txt" },
      ]);
    const undone = await aios.client.request("undo", { instance: ran.instance, how: "do" });
    expect(undone).toMatchObject({ changed: 4, leftCount: 0, noted: true });
    expect([read("notes.txt"), read("other.txt")]).toEqual(["mine\n", "mine too\n"]);
    for (const gone of ["made", "moved.txt"]) expect(existsSync(at(gone)), gone).toBe(false);
  });

  test("is taken back in the order in which it came to be, whether its agent, this server or another did it", async () => {
    await trust("several", { servers: ["one", "two"], own: "write" });
    const ran = await run(
      "several",
      call("one", "write", { path: "/workspace/made/a.txt", text: "one" }),
      { append: "agent", to: "/workspace/made/a.txt" },
      call("two", "rename", { from: "/workspace/made", to: "/workspace/named" }),
      call("one", "write", { path: "/workspace/named/b.txt", text: "one" }),
      { append: "agent", to: "/workspace/notes.txt" },
      call("two", "write", { path: "/workspace/notes.txt", text: "two" }),
      call("one", "rename", { from: "/workspace/notes.txt", to: "/workspace/named/notes.txt" }),
    );
    expect(said(ran)).toEqual(["done", "done", "done", "done", "done"]);
    expect([read("named/a.txt"), read("named/notes.txt")]).toEqual(["oneagent", "two"]);
    const undone = await aios.client.request("undo", { instance: ran.instance, how: "do" });
    expect(undone).toMatchObject({ leftCount: 0, noted: true });
    expect(read("notes.txt")).toBe("mine\n");
    for (const gone of ["made", "named"]) expect(existsSync(at(gone)), gone).toBe(false);
    for (const [driver, changes] of [
      [undefined, 2],
      ["one", 4],
      ["two", 2],
    ] as const)
      await expect.poll(async () => (await filesOf("files-written", ran.instance, driver)).length, POLL).toBe(changes);
  });

  test("is what a person's own work is not: that is left and named", async () => {
    await trust("left");
    const { instance } = await run(
      "left",
      call("left", "write", { path: "/workspace/notes.txt", text: "theirs" }),
      call("left", "write", { path: "/workspace/new.txt", text: "theirs" }),
    );
    put("notes.txt", "mine since");
    const undone = await aios.client.request("undo", { instance, how: "do" });
    expect(undone).toMatchObject({ changed: 1, leftCount: 1, left: [{ path: at("notes.txt") }] });
    expect(read("notes.txt")).toBe("mine since");
  });

  test("on a yes that came after a restart, with no agent any more, is recorded and taken back too", async () => {
    await trust("later", { risk: "reserved" });
    const write = call("later", "write", { path: "/workspace/notes.txt", text: "theirs" });
    const hook = call("later", "write", { path: "/workspace/.git/hooks/pre-push", text: "theirs" });
    const gone = run("later", { together: [write, hook] }).catch(() => null);
    await expect.poll(async () => (await aios.held()).length, POLL).toBe(2);
    const held = await aios.held();
    await aios.crash();
    await gone;
    await aios.restart();
    for (const { request } of held) await aios.answer(request, "allow");
    expect([read("notes.txt"), read(".git/hooks/pre-push")]).toEqual(["theirs", "mine\n"]);
    const instance = held[0]?.instance ?? "";
    await expect
      .poll(async () => (await filesOf("files-written", instance, "later")).map(({ path }) => path), POLL)
      .toEqual(["/workspace/notes.txt"]);
    const undone = await aios.client.request("undo", { instance, how: "do" });
    expect(undone).toMatchObject({ changed: 1, leftCount: 0 });
    expect(read("notes.txt")).toBe("mine\n");
  });

  test("after its storage device ended goes on with another, and both are taken back; meanwhile it is stopped", async () => {
    await trust("interrupted");
    const running = run(
      "interrupted",
      call("interrupted", "write", { path: "/workspace/first.txt", text: "1" }),
      { until: 1 },
      // It may come before the monitor knows that the server is gone, and says so then.
      call("interrupted", "write", { path: "/workspace/second.txt", text: "2" }),
      call("interrupted", "write", { path: "/workspace/second.txt", text: "2" }),
    );
    await expect.poll(() => existsSync(at("first.txt")), POLL).toBe(true);
    const [device] = devicesBelow(aios.pid);
    if (device === undefined) throw new Error("there is no storage device");
    process.kill(device, "SIGKILL");
    // CONFINED-OR-NOT-AT-ALL: the server ends with it, and a later call starts one.
    await expect.poll(() => serversBelow(aios.pid), POLL).toEqual([]);
    aios.release("interrupted");
    const ran = await running;
    expect([said(ran)[0], said(ran)[2]]).toEqual(["done", "done"]);
    const undone = await aios.client.request("undo", { instance: ran.instance, how: "do" });
    expect(undone).toMatchObject({ changed: 2, leftCount: 0, noted: false });
    for (const path of ["first.txt", "second.txt"]) expect(existsSync(at(path)), path).toBe(false);
  });
});

describe("a folder", () => {
  test("is written in by no server that nobody has signed for yet", async () => {
    await trust("eager", { words: ["writes", "/workspace/unasked.txt"] });
    expect(existsSync(at("unasked.txt"))).toBe(false);
    // Twin: signed for, it may.
    await run("eager", call("eager", "remove", { path: "/workspace/none" }));
    expect(read("unasked.txt")).toBe("written unasked");
  });

  test("has what a grant opens open to the agent itself and to no server", async () => {
    await trust("opened", { own: "write", open: [".vscode"] });
    const ran = await run(
      "opened",
      call("opened", "write", { path: "/workspace/.vscode/tasks.json", text: "server" }),
      { append: "agent", to: "/workspace/.vscode/tasks.json" },
    );
    expect(said(ran)).toEqual(["EACCES"]);
    expect(read(".vscode/tasks.json")).toBe("{}\nagent");
  });

  test("that lies where other tools obey what is there is not written in by a server", async () => {
    await trust("inside");
    put(".github/workflows/build.yml", "mine\n");
    if (OWN_USER !== null) execFileSync("chown", ["-R", `${OWN_USER.uid}:${OWN_USER.gid}`, at(".github")]);
    const write = call("inside", "write", { path: "/workspace/build.yml", text: "evil" });
    const ran = await aios.follow("inside", [write], { workspace: at(".github/workflows") });
    expect(ran.answers[0]?.result?.isError).toBe(true);
    expect(read(".github/workflows/build.yml")).toBe("mine\n");
  });
});

test("the filesystem server as npm has it works as before, but for what other tools obey, and is taken back", async () => {
  const source = await packageSource("@modelcontextprotocol/server-filesystem", {
    args: ["/workspace"],
    workspace: "write",
  });
  const tools = ["write_file", "edit_file", "create_directory", "move_file", "read_text_file"];
  await aios.grant({
    id: "files",
    agents: ["files"],
    drivers: {
      files: { source, tools: Object.fromEntries(tools.map((tool) => [tool, { risk: "observe" as const }])) },
    },
    allow: tools.map((tool) => `files/${tool}`),
  });
  const edits = [{ oldText: "mine", newText: "theirs" }];
  const ran = await run(
    "files",
    call("files", "create_directory", { path: "/workspace/a/b" }),
    call("files", "write_file", { path: "/workspace/a/b/new.txt", content: "one" }),
    call("files", "write_file", { path: "/workspace/a/b/new.txt", content: "two" }),
    call("files", "edit_file", { path: "/workspace/notes.txt", edits }),
    call("files", "move_file", { source: "/workspace/other.txt", destination: "/workspace/a/moved.txt" }),
    call("files", "read_text_file", { path: "/workspace/a/b/new.txt" }),
    call("files", "write_file", { path: "/workspace/.git/hooks/pre-commit", content: "evil" }),
    call("files", "edit_file", { path: "/workspace/CLAUDE.md", edits: [{ oldText: "obey", newText: "evil" }] }),
  );
  expect(ran.answers.map(({ result }) => result?.isError ?? false)).toEqual([...Array(6).fill(false), true, true]);
  expect(said(ran)[5]).toBe("two");
  for (const words of said(ran).slice(6)) expect(words).toMatch(/^EACCES: permission denied/u);
  expect([read("a/b/new.txt"), read("notes.txt"), read("a/moved.txt")]).toEqual(["two", "theirs\n", "mine too\n"]);
  expect(existsSync(at(".git/hooks/pre-commit"))).toBe(false);
  expect(read("CLAUDE.md")).toBe("obey\n");
  const undone = await aios.client.request("undo", { instance: ran.instance, how: "do" });
  expect(undone).toMatchObject({ leftCount: 0, noted: true });
  expect([read("notes.txt"), read("other.txt")]).toEqual(["mine\n", "mine too\n"]);
  expect(existsSync(at("a"))).toBe(false);
});
