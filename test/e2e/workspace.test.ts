import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { LogRecord, RecordKind } from "../../src/protocol/record.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { type Ran, REPO, startSubstrate, type Substrate } from "./substrate.ts";
import { readUser } from "./user.ts";

/*
 * An agent that works directly in a folder of a person's, under a real monitor: what it may do there, what is written down
 * of it, and how it is taken back.
 */
let aios: Substrate;
const OWN_USER = process.geteuid?.() === 0 ? readUser("aios") : null;

beforeAll(async () => {
  aios = await startSubstrate();
  await aios.grant({ id: "work", agents: ["worker"], allow: [], programs: "any", workspace: "write" });
});
afterAll(() => aios.stop());

function put(path: string, text: string): void {
  const file = join(aios.workspace, path);
  writeFileSync(file, text);
  if (OWN_USER !== null) chownSync(file, OWN_USER.uid, OWN_USER.gid);
}

beforeEach(() => {
  put("notes.txt", "mine\n");
  put("old.txt", "old\n");
});
afterEach(async () => {
  // What a test left when it failed is no fault of the next: what still runs, and what lies in the folder.
  const { instances } = await aios.client.request("ps", { all: false });
  for (const { instance } of instances) await aios.client.request("kill", { instance });
  const empty = "chmod -R u+rwX . && find . -mindepth 1 -maxdepth 1 -exec rm -rf {} +";
  chmodSync(aios.workspace, 0o755);
  execFileSync("sh", ["-c", empty], { cwd: aios.workspace });
});

function work(script: string): Promise<Ran> {
  return aios.run({ agent: "worker", workspace: aios.workspace, command: ["sh", "-c", script] });
}

async function entriesOf<Kind extends RecordKind>(kind: Kind, instance: string) {
  const { entries } = await aios.client.request("log-show", { from: 0, limit: 10_000, instance, kinds: [kind] });
  return entries.flatMap(({ record, payload }) =>
    // The request asked for this kind alone, which the compiler cannot know.
    record.kind === kind ? [{ record: record as Extract<LogRecord, { kind: Kind }>, payload }] : [],
  );
}

/** The files of all records of a kind: an instance's are cut into records by time, so how many there are is the machine's. */
async function filesOf(kind: "files-written" | "files-refused", instance: string): Promise<readonly unknown[]> {
  const entries = await entriesOf(kind, instance);
  // The shape of the payloads of both.
  const files = entries.flatMap(({ payload }) => (payload as { files: readonly unknown[] }).files);
  expect(entries.reduce((sum, { record }) => sum + record.count, 0)).toBe(files.length);
  return files;
}

describe("a folder that is no workspace to write in", () => {
  const start = (workspace: string, agent = "worker"): Promise<Ran> =>
    aios.run({ agent, workspace, command: ["true"] });
  const make = (path: string): string => {
    const folder = join(aios.workspace, path);
    mkdirSync(folder, { recursive: true });
    for (let at = folder; at !== aios.workspace; at = dirname(at))
      if (OWN_USER !== null) chownSync(at, OWN_USER.uid, OWN_USER.gid);
    return folder;
  };

  test("lies where other tools obey what is there: below it, no name would tell what is a control file", async () => {
    for (const path of [".github/workflows", ".github", "sub/.git/hooks", ".vscode"])
      await expect(start(make(path))).rejects.toThrow(/other tools obey what lies there/);
    expect(await start(make("sub/github/workflows"))).toMatchObject({ state: "ended", exit: 0 });
  });

  test("twin: a grant that opens the name lets one work in it", async () => {
    await aios.grant({ id: "ci", agents: ["ci"], allow: [], programs: "any", workspace: "write", open: [".github"] });
    expect(await start(make(".github/workflows"), "ci")).toMatchObject({ state: "ended", exit: 0 });
  });

  test("holds what runs outside of every sandbox: the substrate's own program", async () => {
    for (const folder of [join(REPO, "src"), REPO, dirname(process.execPath)])
      await expect(start(folder)).rejects.toThrow(/own program lies in it or around it/);
  });
});

describe("a direct workspace", () => {
  test("is written in, every change is recorded, and control files stay out and are recorded too", async () => {
    const ran = await work("echo more >> notes.txt; mkdir made; mv old.txt made/; echo x > .mcp.json; rm -f none");
    expect(ran).toMatchObject({
      state: "ended",
      exit: 0,
      stderr: "sh: 1: cannot create .mcp.json: Permission denied\n",
    });
    expect(readFileSync(join(aios.workspace, "notes.txt"), "utf8")).toBe("mine\nmore\n");
    expect(existsSync(join(aios.workspace, ".mcp.json"))).toBe(false);
    expect(await filesOf("files-written", ran.instance)).toEqual([
      { operation: "changed", path: "/workspace/notes.txt" },
      { operation: "made", path: "/workspace/made" },
      { operation: "moved", path: "/workspace/made/old.txt" },
    ]);
    expect(await filesOf("files-refused", ran.instance)).toMatchObject([
      { path: "/workspace/.mcp.json", program: "/usr/bin/dash" },
    ]);
    const [refused] = await entriesOf("files-refused", ran.instance);
    expect(refused?.record).toMatchObject({ agent: "worker", count: 1 });
  });

  test("has what its git configuration names closed, from a look at each start, or is not worked in", async () => {
    const configure = (hooks: string): void => put(".git/config", `[core]\n\thooksPath = ${hooks}\n`);
    mkdirSync(join(aios.workspace, ".git"));
    configure("hooks");
    const ran = await work("mkdir hooks; echo x > pre-commit; mv pre-commit hooks; ls");
    expect(ran.stdout).toBe("notes.txt\nold.txt\npre-commit\n");
    const why = "the configuration of git names it, and git obeys it";
    expect(await filesOf("files-refused", ran.instance)).toMatchObject([
      { operation: "made", path: "/workspace/hooks", why },
      { operation: "moved", path: "/workspace/hooks", why },
    ]);
    configure(aios.workspace);
    await expect(work("true")).rejects.toMatchObject({
      code: "workspace",
      message: expect.stringContaining("has git run what lies in the folder itself"),
    });
  });

  test("is written in by many threads at once, each of which sees what a folder of its own would show", async () => {
    // A folder comes to be under the eyes of another thread that makes what is in it: npm does so in every install.
    const program = `
      const { mkdir, rename, writeFile } = require("node:fs/promises");
      const faults = {};
      const note = (error) => { faults[error.code] = (faults[error.code] ?? 0) + 1; };
      const lasting = async (act) => { for (let left = 5000; left > 0; left--) try { return await act(); } catch (error) {
        if (error.code !== "ENOENT") throw error; } };
      (async () => {
        for (let round = 0; round < 60; round++) {
          const at = "m" + round;
          await writeFile(at + ".txt", "x");
          await Promise.all([
            mkdir(at + "/a", { recursive: true }),
            mkdir(at + "/b/c", { recursive: true }),
            lasting(() => writeFile(at + "/a/file", "x")),
            lasting(() => rename(at + ".txt", at + "/b/moved")),
          ].map((made) => made.catch(note)));
        }
        console.log(JSON.stringify(faults));
      })();`;
    const command = ["/aios/node", "-e", program];
    const ran = await aios.run({ agent: "worker", workspace: aios.workspace, command });
    expect(ran).toMatchObject({ exit: 0, stdout: "{}\n" });
    expect(readdirSync(join(aios.workspace, "m59/b")).toSorted()).toEqual(["c", "moved"]);
    await aios.client.request("undo", { instance: ran.instance, how: "do" });
    expect(existsSync(join(aios.workspace, "m59"))).toBe(false);
  });

  test("is as it was after an undo, which is recorded before and after", async () => {
    const ran = await work(
      "echo more >> notes.txt; rm old.txt; mkdir made; echo new > made/new.txt; chmod 600 notes.txt",
    );
    const { instance } = ran;
    const dry = await aios.client.request("undo", { instance, how: "dry" });
    expect(dry).toMatchObject({ leftCount: 0, noted: true });
    expect(readdirSync(aios.workspace).toSorted()).toEqual(["made", "notes.txt"]);
    const done = await aios.client.request("undo", { instance, how: "do" });
    expect(done.changes.toSorted((one, other) => one.path.localeCompare(other.path))).toEqual([
      { what: "removed", path: join(aios.workspace, "made") },
      { what: "removed", path: join(aios.workspace, "made/new.txt") },
      { what: "mode", path: join(aios.workspace, "notes.txt") },
      { what: "restored", path: join(aios.workspace, "notes.txt") },
      { what: "restored", path: join(aios.workspace, "old.txt") },
    ]);
    expect(readdirSync(aios.workspace).toSorted()).toEqual(["notes.txt", "old.txt"]);
    expect(readFileSync(join(aios.workspace, "notes.txt"), "utf8")).toBe("mine\n");
    expect(readFileSync(join(aios.workspace, "old.txt"), "utf8")).toBe("old\n");
    const records = await entriesOf("files-undone", instance);
    expect(records.map(({ record }) => record.stage)).toEqual(["begun", "ended"]);
    // There is nothing left to undo, and asking again harms nothing.
    expect(await aios.client.request("undo", { instance, how: "do" })).toMatchObject({ changed: 0, leftCount: 0 });
  });

  test("keeps what a person changed since, after a restart of the monitor too", async () => {
    const ran = await work("echo more >> notes.txt; echo more >> old.txt");
    appendFileSync(join(aios.workspace, "notes.txt"), "a person's\n");
    await aios.crash();
    await aios.restart();
    const report = await aios.client.request("undo", { instance: ran.instance, how: "do" });
    expect(report.left).toEqual([{ path: join(aios.workspace, "notes.txt"), why: "it was changed since the run" }]);
    expect(readFileSync(join(aios.workspace, "notes.txt"), "utf8")).toBe("mine\nmore\na person's\n");
    expect(readFileSync(join(aios.workspace, "old.txt"), "utf8")).toBe("old\n");
    // Once that is out of the way, the same undo goes on with it, and with nothing else.
    renameSync(join(aios.workspace, "notes.txt"), join(aios.workspace, "kept.txt"));
    appendFileSync(join(aios.workspace, "old.txt"), "a person's too\n");
    expect(await aios.client.request("undo", { instance: ran.instance, how: "do" })).toMatchObject({
      changes: [{ what: "restored", path: join(aios.workspace, "notes.txt") }],
      leftCount: 0,
    });
    expect(readFileSync(join(aios.workspace, "notes.txt"), "utf8")).toBe("mine\n");
    expect(readFileSync(join(aios.workspace, "old.txt"), "utf8")).toBe("old\na person's too\n");
  });

  test("is taken back through folders that the agent took its own rights from, and a person's work since is kept", async () => {
    const undo = ({ instance }: Ran) => aios.client.request("undo", { instance, how: "do" });
    const text = (name: string): string => readFileSync(join(aios.workspace, name), "utf8");
    const first = await work("echo ruined > notes.txt; mkdir z; echo 1 > z/f; chmod 000 z; chmod 000 /workspace");
    expect(first.stderr).toContain("'/workspace': Operation not permitted");
    expect(await undo(first)).toMatchObject({ leftCount: 0 });
    expect(text("notes.txt")).toBe("mine\n");
    expect(readdirSync(aios.workspace).toSorted()).toEqual(["notes.txt", "old.txt"]);
    // Nobody could see how the run left z/f, so the person who opened the folder keeps it; and what they wrote elsewhere.
    const second = await work("mkdir z; echo 1 > z/f; chmod 000 z; echo ruined > notes.txt; echo ruined > old.txt");
    appendFileSync(join(aios.workspace, "notes.txt"), "a person's\n");
    chmodSync(join(aios.workspace, "z"), 0o755);
    const left = (await undo(second)).left.map(({ path }) => path.slice(aios.workspace.length));
    expect(left.toSorted()).toEqual(["/notes.txt", "/z", "/z/f"]);
    expect([text("notes.txt"), text("old.txt")]).toEqual(["ruined\na person's\n", "old\n"]);
    rmSync(join(aios.workspace, "z"), { recursive: true });
    // A person's own folder that nobody may change names in has files that an agent may write to.
    mkdirSync(join(aios.workspace, "closed"));
    put("closed/f", "mine\n");
    if (OWN_USER !== null) chownSync(join(aios.workspace, "closed"), OWN_USER.uid, OWN_USER.gid);
    chmodSync(join(aios.workspace, "closed"), 0o500);
    const closed = await work("echo ruined > closed/f");
    expect(text("closed/f")).toBe("ruined\n");
    expect(await undo(closed)).toMatchObject({ changed: 1, leftCount: 0 });
    expect(text("closed/f")).toBe("mine\n");
    expect(statSync(join(aios.workspace, "closed")).mode & 0o777).toBe(0o500);
    // A path that is too long to come to is left, and the rest is taken back.
    put("notes.txt", "mine\n");
    const third = await work(
      `echo ruined > notes.txt; for i in $(seq 21); do mkdir ${"d".repeat(200)} && cd ${"d".repeat(200)}; done`,
    );
    expect((await undo(third)).leftCount).toBeGreaterThan(0);
    expect(text("notes.txt")).toBe("mine\n");
  });

  test("has links that lead out of it, which lead nowhere inside; what an agent makes belongs to who acts for it", async () => {
    const outside = makeTemporaryFolder();
    chmodSync(outside, 0o777);
    writeFileSync(join(outside, "canary"), "canary\n", { mode: 0o666 });
    symlinkSync(join(outside, "canary"), join(aios.workspace, "before"));
    const ran = await work(
      `ln -s ${outside}/canary made; ln -s ../../../../../..${outside} up; ls up/ 2>/dev/null
       for link in before made up/canary up/new; do cat $link; echo planted > $link; done 2>/dev/null
       mkdir inner; ln -s ../notes.txt inner/way; cat inner/way; echo more >> inner/way; echo new > inner/file`,
    );
    expect(ran.stdout).toBe("mine\n");
    expect(readdirSync(outside)).toEqual(["canary"]);
    expect(readFileSync(join(outside, "canary"), "utf8")).toBe("canary\n");
    // Twin: a link that stays inside works, and what is made belongs to the monitor's user.
    expect(readFileSync(join(aios.workspace, "notes.txt"), "utf8")).toBe("mine\nmore\n");
    expect(statSync(join(aios.workspace, "inner/file")).uid).toBe(OWN_USER?.uid ?? process.geteuid?.());
    // It can leave one that leads out, for others to follow (SECURITY.md); undo takes it away.
    expect(readlinkSync(join(aios.workspace, "made"))).toBe(join(outside, "canary"));
    await aios.client.request("undo", { instance: ran.instance, how: "do" });
    expect(readdirSync(aios.workspace).toSorted()).toEqual(["before", "notes.txt", "old.txt"]);
  });

  test("of an instance that still runs is not undone under its hands", async () => {
    let instance = "";
    aios.client.onRecord(({ record }) => {
      if (record.kind === "instance-started") instance ||= record.instance;
    });
    await aios.client.request("watch", { instance: null });
    const running = work("echo more >> notes.txt; sleep 60");
    while (!readFileSync(join(aios.workspace, "notes.txt"), "utf8").includes("more")) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await expect(aios.client.request("undo", { instance, how: "do" })).rejects.toThrow(/still writes in/);
    // Twin: of one beside it that changed nothing there is nothing to say, whoever writes.
    const idle = await work("true");
    expect(await aios.client.request("undo", { instance: idle.instance, how: "dry" })).toMatchObject({ changed: 0 });
    await aios.client.request("kill", { instance });
    await running;
    expect(await aios.client.request("undo", { instance, how: "do" })).toMatchObject({ changed: 1, leftCount: 0 });
  });

  test("of an agent that tries control files again and again is frozen, though not at the first", async () => {
    const script = (times: number): string =>
      `i=0; while [ $i -lt ${times} ]; do { echo > .mcp.json; } 2>/dev/null; i=$((i+1)); done; echo over`;
    expect(await work(script(20))).toMatchObject({ state: "ended", stdout: "over\n" });
    let frozen = "";
    aios.client.onRecord(({ record }) => {
      if (record.kind === "instance-frozen") {
        frozen = record.code;
        void aios.client.request("kill", { instance: record.instance });
      }
    });
    await aios.client.request("watch", { instance: null });
    expect(await work(`${script(300)}; sleep 60`)).toMatchObject({ why: "killed" });
    expect(frozen).toBe("refused-calls");
  });
});

test("a folder outside of it is never reached, and one that is only read is not written", async () => {
  await aios.grant({ id: "look", agents: ["reader"], allow: [], programs: "any", workspace: "read" });
  mkdirSync(join(aios.workspace, "deep"), { recursive: true });
  const ran = await aios.run({
    agent: "reader",
    workspace: aios.workspace,
    command: ["sh", "-c", "cat notes.txt; echo x > notes.txt; ls .."],
  });
  expect(ran.stdout).not.toContain("home/aios");
  expect(ran.stderr).toContain("Read-only file system");
  expect(await entriesOf("files-written", ran.instance)).toEqual([]);
});
