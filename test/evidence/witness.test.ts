import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { readCosignatures } from "../../src/protocol/cosignature.ts";
import { readNoteKey } from "../../src/protocol/note.ts";
import { readSeenSize, writeAddCheckpoint } from "../../src/protocol/witness.ts";
import { COMMAND } from "../fakes/command.ts";
import { CRYPTO, ORIGIN } from "../fakes/open-log.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { consistencyPath } from "./consistency.ts";
import { buildGo, hasGo } from "./go-tools.ts";
import { LOG_KEY, makeLog, publicCopy, verify, type MadeLog } from "./logs.ts";

/* The witness as a process: two of them, a log, and what somebody with the log's key tries. */

interface Running {
  readonly child: ChildProcess;
  readonly key: string;
  readonly folder: string;
  readonly url: string;
}
const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
});

const show = (...words: readonly string[]) => spawnSync(COMMAND, ["witness", "show", ...words], { encoding: "utf8" });

function startWitness(folder: string, name: string | null, ...more: readonly string[]): Promise<Running> {
  const named = name === null ? [] : ["--name", name];
  const args = ["witness", "serve", folder, ...named, "--log", LOG_KEY, "--port", "0", ...more];
  const child = spawn(COMMAND, args, { stdio: ["ignore", "pipe", "pipe"], env: { PATH: "/usr/bin:/bin" } });
  running.add(child);
  return new Promise((ready, failed) => {
    let said = "";
    const hear = (part: Buffer): void => {
      said += part.toString();
      const found = /^key {2}(?<key>\S+)\nat {3}(?<url>\S+)$/mu.exec(said)?.groups;
      if (found !== undefined) ready({ child, folder, key: found["key"] ?? "", url: found["url"] ?? "" });
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("exit", (code) => failed(new Error(`it ended with ${code}: ${said}`)));
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) done();
    else child.once("exit", () => done());
  });
}

async function post(url: string, body: string): Promise<{ status: number; type: string; text: string }> {
  // A connection that is kept may be closed while this process waits for a command of its own.
  const response = await fetch(url, { method: "POST", body, headers: { connection: "close" } });
  return { status: response.status, type: response.headers.get("content-type") ?? "", text: await response.text() };
}

let log: MadeLog;
let fork: MadeLog;
beforeAll(async () => {
  log = await makeLog({ sizes: [100, 300, 400] });
  fork = await makeLog({ sizes: [100, 300, 400], changed: [200] });
});
const note = (of: MadeLog, size: number): string => of.checkpoints.get(size) ?? "";
async function add(witness: Running, of: MadeLog, [old, size]: readonly [number, number]) {
  const path = old === 0 ? [] : await consistencyPath(of.disk, old, size);
  return await post(witness.url, writeAddCheckpoint({ old, path, note: note(of, size) }));
}
function timesOf(cosigned: string, ...witnesses: readonly Running[]): readonly number[] {
  const sha256 = (data: Uint8Array): Uint8Array => CRYPTO.sha256(data);
  const keys = witnesses.map(({ key }) => readNoteKey(sha256, key, "cosignature"));
  const found = readCosignatures(cosigned, {
    witnesses: keys.filter((key) => key !== null),
    sha256,
    verify: (key, message, signature) => CRYPTO.verify(key, message, signature),
  });
  return (found ?? []).map(({ time }) => time);
}

describe("two witnesses", () => {
  test("cosign a log that grows, and a reader who holds their keys alone is content", async () => {
    const base = makeTemporaryFolder();
    const one = await startWitness(join(base, "one"), "witness.test/one");
    const two = await startWitness(join(base, "two"), "witness.test/two");
    let cosigned = note(log, 400);
    for (const witness of [one, two]) {
      expect(await add(witness, log, [0, 100])).toMatchObject({ status: 200 });
      const answer = await add(witness, log, [100, 400]);
      expect(answer).toMatchObject({ status: 200 });
      cosigned += answer.text;
    }
    const now = Date.now() / 1000;
    const times = timesOf(cosigned, one, two);
    expect(times).toHaveLength(2);
    for (const time of times) expect(Math.abs(now - time)).toBeLessThan(60);
    const copy = publicCopy(log.disk);
    copy.put("cosigned", Buffer.from(cosigned));
    const keys = [one, two].map(({ key }) => readNoteKey((data) => CRYPTO.sha256(data), key, "cosignature"));
    const witnesses = { keys: keys.filter((key) => key !== null), quorum: 2, since: now - 60 };
    expect(await verify(copy, { witnesses })).toMatchObject({ kind: "verified", witnessed: { size: 400 } });
    if (hasGo()) {
      const folder = makeTemporaryFolder();
      const file = join(folder, "proof");
      const { proofs } = await makeLog({ sizes: [100, 300, 400], prove: [7] });
      const proof = proofs.get(7) ?? "";
      writeFileSync(file, proof.slice(0, proof.indexOf("\n\n") + 2) + cosigned);
      expect(buildGo()("proof", file, [LOG_KEY, one.key, two.key].join(",")).kind).toBe("verified");
    }
  });

  test("refuse a fork, whichever side they saw, and leave no quorum for it", async () => {
    const base = makeTemporaryFolder();
    const one = await startWitness(join(base, "one"), "witness.test/one");
    const two = await startWitness(join(base, "two"), "witness.test/two");
    // Somebody with the log's key shows each another history: each signs its own, and neither signs the other.
    expect(await add(one, log, [0, 300])).toMatchObject({ status: 200 });
    expect(await add(two, fork, [0, 300])).toMatchObject({ status: 200 });
    expect(await add(one, fork, [300, 400])).toMatchObject({ status: 422 });
    expect(await add(two, log, [300, 400])).toMatchObject({ status: 422 });
    expect(await add(one, fork, [300, 300])).toMatchObject({ status: 409 });
    // The harmless twin.
    expect(await add(one, log, [300, 400])).toMatchObject({ status: 200 });
    expect(await add(two, fork, [300, 400])).toMatchObject({ status: 200 });
  });
});

describe("a witness", () => {
  test("has what it saw on the disk before it answers: killed at once, it still refuses what is older", async () => {
    const folder = join(makeTemporaryFolder(), "one");
    const before = await startWitness(folder, "witness.test/one");
    expect(await add(before, log, [0, 300])).toMatchObject({ status: 200 });
    before.child.kill("SIGKILL");
    await ended(before.child);
    const after = await startWitness(folder, "witness.test/one");
    expect(after.key).toBe(before.key);
    const answer = await add(after, log, [0, 100]);
    expect(answer).toEqual({ status: 409, type: "text/x.tlog.size", text: "300\n" });
    expect(readSeenSize(answer.text)).toBe(300);
    expect(await add(after, fork, [0, 400])).toMatchObject({ status: 409 });
    expect(await add(after, log, [300, 400])).toMatchObject({ status: 200 });
  });

  test("judges requests that come together one after another", async () => {
    const one = await startWitness(join(makeTemporaryFolder(), "one"), "witness.test/one");
    const sizes = [100, 300, 400];
    const answers = await Promise.all(Array.from({ length: 30 }, (_, at) => add(one, log, [0, sizes[at % 3] ?? 100])));
    // Whatever came first was cosigned, and no other, since their old sizes were right for nothing but an empty state.
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(29);
  });

  test("cosigns nothing when what it saw was changed, and says so", async () => {
    const one = await startWitness(join(makeTemporaryFolder(), "one"), "witness.test/one");
    await add(one, log, [0, 300]);
    const [seen = ""] = readdirSync(one.folder).filter((name) => name.startsWith("seen-"));
    const kept = readFileSync(join(one.folder, seen), "utf8");
    for (const changed of [kept.replace("\n300\n", "\n100\n"), "", note(fork, 300)]) {
      writeFileSync(join(one.folder, seen), changed);
      expect((await add(one, log, [300, 400])).status).toBe(500);
    }
    // Whoever looks is not shown what somebody else wrote either.
    for (const changed of [kept.replace("\n300\n", "\n100\n"), note(fork, 300), "", null]) {
      rmSync(join(one.folder, seen));
      // Nobody waits for whoever may write into a pipe.
      if (changed === null) expect(spawnSync("mkfifo", [join(one.folder, seen)]).status).toBe(0);
      else writeFileSync(join(one.folder, seen), changed);
      const listed = show(one.folder);
      expect(listed).toMatchObject({
        status: 1,
        stdout: expect.stringContaining(`${seen} is not what this witness kept`),
      });
      expect(listed.stdout).not.toContain(ORIGIN);
      expect(show(one.folder, ORIGIN)).toMatchObject({
        status: 1,
        stdout: "",
        stderr: expect.stringContaining("not-found"),
      });
    }
    expect((await add(one, log, [300, 400])).status).toBe(500);
    rmSync(join(one.folder, seen));
    writeFileSync(join(one.folder, seen), kept);
    expect(show(one.folder)).toMatchObject({ status: 0, stdout: expect.stringMatching(/ 300 /u) });
    expect((await add(one, log, [300, 400])).status).toBe(200);
  });

  test("keeps its key for itself, under one name, and its folder to one process", async () => {
    const folder = join(makeTemporaryFolder(), "one");
    await expect(startWitness(folder, null)).rejects.toThrow(/a new one needs a name \(usage\)/u);
    const one = await startWitness(folder, "witness.test/one");
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o077, name).toBe(0);
    await expect(startWitness(folder, "witness.test/one")).rejects.toThrow(/witness-running/u);
    one.child.kill("SIGTERM");
    await ended(one.child);
    expect(one.child.exitCode).toBe(0);
    await expect(startWitness(folder, "witness.test/two")).rejects.toThrow(/its key has the name witness.test\/one/u);
    // It has its name from its folder when none is given.
    expect((await startWitness(folder, null)).key).toBe(one.key);
  });

  test("serves one path, at this machine, and reads no endless request", async () => {
    const one = await startWitness(join(makeTemporaryFolder(), "one"), "witness.test/one");
    expect(one.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/add-checkpoint$/u);
    expect((await fetch(one.url)).status).toBe(405);
    expect((await fetch(one.url.replace("add-checkpoint", "key"))).status).toBe(404);
    expect((await post(one.url, "hello")).status).toBe(400);
    // Its answer may be lost where the rest of the body is still being sent; it is not cosigned either way.
    const big = await fetch(one.url, { method: "POST", body: "x".repeat(1_000_000) }).catch(() => null);
    expect([413, undefined]).toContain(big?.status);
    expect((await post(one.url, "x".repeat(70_000))).status).toBe(413);
    expect((await fetch(one.url, { method: "POST", body: new Uint8Array([0xff, 0xfe]) })).status).toBe(400);
    expect(await add(one, log, [0, 100])).toMatchObject({ status: 200 });
    const shown = show(one.folder, ORIGIN);
    expect(shown.stdout.startsWith(note(log, 100))).toBe(true);
    expect(timesOf(shown.stdout, one)).toHaveLength(1);
  });
});
