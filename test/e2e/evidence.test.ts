import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { noteKeyText } from "../../src/protocol/note.ts";
import { createSigner } from "../../src/platform/keys/signer.ts";
import { createDesk, type Desk } from "../fakes/cli-powers.ts";
import { CRYPTO } from "../fakes/open-log.ts";
import { checkOdd } from "../evidence/odd-pack.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { packageSource } from "./sources.ts";
import { REPO, startSubstrate, type Substrate } from "./substrate.ts";

/* Evidence for somebody who trusts nobody here: a folder, the log's key, and a verifier that shares no code with the rest. */

const VERIFIER = join(REPO, "verifier/check-evidence.mjs");
const [OURS, THEIRS] = ["our-words-51c2", "their-words-9e07"];
let aios: Substrate;
let folder: string;
let key: string;
let erased: number;

beforeAll(async () => {
  aios = await startSubstrate();
  folder = makeTemporaryFolder();
  const source = await packageSource("@modelcontextprotocol/server-filesystem", {
    args: ["/workspace"],
    workspace: "write",
  });
  const tools = { write_file: { risk: "reserved", fields: { path: "path" } } } as const;
  for (const agent of ["writer", "other"]) {
    await aios.grant({
      id: `files-${agent}`,
      agents: [agent],
      drivers: { files: { source, tools } },
      allow: [{ what: "files/write_file", where: { path: { under: "/workspace" } } }],
      lease: true,
      limits: { uses: 9 },
    });
  }
  const call = (name: string, content: string): unknown => ({
    method: "tools/call",
    params: { name, arguments: { path: "/workspace/a.txt", content } },
  });
  const at = { workspace: aios.workspace };
  // What ends a line for some readers ends none in JSON.
  await aios.follow(
    "writer",
    [call("files__write_file", `${OURS}\u2028\u2029`), call("<img src=x onerror=alert(1)>", "none")],
    at,
  );
  await aios.follow("other", [call("files__write_file", THEIRS)], at);
  await aios.follow("writer", [call("files__write_file", "to be erased")], at);
  const { entries } = await aios.client.request("log-show", {
    from: 0,
    limit: 1000,
    instance: null,
    kinds: ["intent"],
  });
  erased = entries.at(-1)?.record.seq ?? -1;
  await aios.sign("erase-payload", { record: erased });
  const seed = readFileSync(join(aios.home, "keys", "log-signing"));
  const [name = ""] = readFileSync(join(aios.home, "log", "checkpoint"), "utf8").split("\n");
  key = noteKeyText((data) => CRYPTO.sha256(data), { name, publicKey: createSigner(seed).publicKey });
});
afterAll(() => aios.stop());

async function pack(name: string, ...flags: readonly string[]): Promise<string> {
  await packAt(name, ...flags);
  return join(folder, name);
}
async function packAt(name: string, ...flags: readonly string[]): Promise<Desk> {
  const desk = createDesk({});
  const { powers } = desk;
  const home = {
    ...powers.home(null),
    connect: () => Promise.resolve({ ...aios.client, onEvent: () => {}, onEnd: () => {}, close: () => {} }),
  };
  const exit = await runProgram(["log", "evidence", join(folder, name), ...flags], { ...powers, home: () => home });
  expect({ exit, said: desk.err() }).toEqual({ exit: 0, said: "" });
  return desk;
}
function check(path: string, ...flags: readonly string[]): { readonly code: number | null; readonly said: string } {
  const run = spawnSync(process.execPath, [VERIFIER, path, "--key", key, ...flags], {
    encoding: "utf8",
    cwd: "/",
    env: {},
    timeout: 60_000, // of a verifier that waits for a pipe
  });
  return { code: run.status, said: run.stderr };
}
const textOf = (path: string): string =>
  readdirSync(path)
    .map((name) => readFileSync(join(path, name), "utf8"))
    .join("\n");
const linesOf = (path: string): readonly string[] =>
  readFileSync(join(path, "records.jsonl"), "utf8").trimEnd().split("\n");

describe("evidence of everything", () => {
  let path: string;
  beforeAll(async () => {
    path = await pack("all");
  });

  test("is verified by two files that know no home", () => {
    const { code, said } = check(path);
    expect(code, said).toBe(0);
    expect(said).toMatch(/^verified: \d+ records of aios\S* at size \d+\n/u);
    expect(said).toMatch(/^selection: everybody's records, with payloads, of records 0 to \d+$/mu);
    expect(said).toMatch(/^not shown: 0 of these, 0 before them, 0 after them\npayloads/mu);
    expect(said).toMatch(/signatures: 4 of enrolled owners/u);
    const first = /the first of whom is (?<key>\S+)/u.exec(said)?.groups?.["key"] ?? "";
    expect(check(path, "--owner", first).code).toBe(0);
    expect(check(path, "--owner", "ed25519:0000000000000000")).toMatchObject({ code: 1 });
  });

  test("holds every record without a gap, with what was sealed, and says what is gone", () => {
    const lines = linesOf(path).map((text) => JSON.parse(text) as { seq: number; leaf: string; salted: string | null });
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, at) => at));
    expect(textOf(path)).toContain(OURS);
    expect(lines[erased]).toMatchObject({ salted: null, leaf: expect.stringContaining('"payload":{"bytes":') });
    expect(textOf(path)).not.toContain("to be erased");
  });

  test("has a report in which nothing that an agent wrote is markup", () => {
    const report = readFileSync(join(path, "report.html"), "utf8");
    expect(report).toContain("&lt;img src=x onerror=alert(1)&gt;");
    expect(report).not.toContain("<img");
    expect(report).not.toContain("<script");
    expect(report).toMatch(/writer<\/td><td>files\/write_file<\/td><td>2<\/td>/u);
  });

  test("is readable by its owner alone", () => {
    for (const name of readdirSync(path)) expect(statSync(join(path, name)).mode & 0o77, name).toBe(0);
    expect(statSync(path).mode & 0o77).toBe(0);
  });
});

describe("a part of the evidence", () => {
  test("of one agent shows nothing of another's, and that nothing is missing", async () => {
    const path = await pack("writer", "--agent", "writer");
    expect(textOf(path)).toContain(OURS);
    expect(textOf(path)).not.toContain(THEIRS);
    const { code, said } = check(path);
    expect(code, said).toBe(0);
    const left = linesOf(path).filter((line) => line.includes('"hash"')).length;
    expect(left).toBeGreaterThan(0);
    // What is not shown is counted, and nothing is claimed that it could undo.
    expect(said).toContain(
      `\nnot shown: ${left} of these, 0 before them, 0 after them\nnot shown: what those ${left} are`,
    );
    expect(said).toMatch(/signatures: 4 of owners who were enrolled and not removed by what is shown,/u);
    hide(path, (record) => record.kind === "payload-erased");
    expect(check(path).said).toContain(`\nnot shown: ${left + 1} of these, `);
  });

  test("of an agent that there is not says that no record is of it", async () => {
    const desk = await packAt("nosuch", "--agent", "nosuch", "--agent", "writer");
    expect(desk.out()).toMatch(/\n {2}no record of these is of nosuch\n/u);
    expect(desk.out()).not.toContain("of writer");
    expect(readFileSync(join(folder, "nosuch", "report.html"), "utf8")).toContain("none is of nosuch");
  });

  test("without payloads shows no argument and no result, and still who signed", async () => {
    const path = await pack("bare", "--no-payloads");
    expect(textOf(path)).not.toContain(OURS);
    const { code, said } = check(path);
    expect(code, said).toBe(0);
    expect(said).toContain("selection: everybody's records, without payloads");
    expect(said).toMatch(/signatures: 3 of enrolled owners[^\n]*\nsignatures: 1 could not be checked/u);
  });

  test("since a moment has what authority rests on from the beginning", async () => {
    const { entries } = await aios.client.request("log-show", { from: erased, limit: 1, instance: null, kinds: [] });
    const second = new Date(entries[0]?.record.at ?? 0).toISOString().replace(/\.\d+Z$/u, "Z");
    const path = await pack("late", "--since", second);
    const seqs = linesOf(path).map((text) => (JSON.parse(text) as { seq: number }).seq);
    expect(seqs.length).toBeLessThan(erased);
    const { code, said } = check(path);
    expect(code, said).toBe(0);
    expect(said).toMatch(/signatures: 4 of owners who were enrolled and not removed by what is shown,/u);
    expect(said).toMatch(/\nnot shown: 0 of these, [1-9]\d* before them, 0 after them\n/u);
    hide(path, (record) => record.kind === "grant-signed");
    expect(check(path)).toMatchObject({ code: 1, said: expect.stringContaining("though authority rests on") });
  });
});

/** One change to a copy of the folder, and what the verifier must say. */
type Forgery = readonly [name: string, change: (path: string) => void, says: RegExp];
const rewrite = (path: string, name: string, change: (text: string) => string): void => {
  const file = join(path, name);
  const before = readFileSync(file, "utf8");
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(file, after);
};
const lines = (path: string, change: (rows: string[]) => string[]): void =>
  rewrite(path, "records.jsonl", (text) => `${change(text.trimEnd().split("\n")).join("\n")}\n`);
const head = (
  path: string,
  change: (document: {
    to: number;
    selection: { agents: string[] };
    ranges: { from: number; to: number; before: string[]; after: string[] }[];
  }) => void,
): void =>
  rewrite(path, "evidence.json", (text) => {
    const document = JSON.parse(text) as Parameters<typeof change>[0];
    change(document);
    return JSON.stringify(document);
  });

/** The hash of a record in the tree (RFC 6962), in base64. */
const hashOf = (path: string, seq: number): string => {
  const { leaf } = JSON.parse(linesOf(path)[seq] ?? "") as { leaf: string };
  return createHash("sha256")
    .update(Buffer.from([0]))
    .update(leaf)
    .digest("base64");
};
/** Puts its hash in the place of each record that is meant, as a packer may for others' records. */
const hide = (path: string, isMeant: (record: { readonly kind: string }) => boolean): void =>
  lines(path, (rows) =>
    rows.map((row) => {
      const { seq, leaf } = JSON.parse(row) as { seq: number; leaf?: string };
      return leaf !== undefined && isMeant(JSON.parse(leaf) as { kind: string })
        ? JSON.stringify({ seq, hash: hashOf(path, seq) })
        : row;
    }),
  );
const pipe = (path: string, name: string): void => {
  rmSync(join(path, name));
  execFileSync("mkfifo", [join(path, name)]);
};

const FORGERIES: readonly Forgery[] = [
  [
    "a record says something else",
    (path) => rewrite(path, "records.jsonl", (text) => text.replace('\\"result\\":\\"ok\\"', '\\"result\\":\\"no\\"')),
    /do not lead to the root/u,
  ],
  [
    "a payload says something else",
    (path) => rewrite(path, "records.jsonl", (text) => text.replace(OURS, "our-words-51c3")),
    /is not what the record commits to/u,
  ],
  [
    "a payload stands at another record",
    (path) =>
      lines(path, (rows) =>
        rows.map((row, at) => (at === 0 ? row.replace(/"salted":(?:null|".*")\}$/u, '"salted":"0"}') : row)),
      ),
    /no payload|commits to/u,
  ],
  ["a record is left out", (path) => lines(path, (rows) => rows.toSpliced(5, 1)), /no line of record 5/u],
  ["the last record is left out", (path) => lines(path, (rows) => rows.slice(0, -1)), /ends before record/u],
  [
    "the last record is left out, and the range says so",
    (path) => {
      lines(path, (rows) => rows.slice(0, -1));
      head(path, (document) => {
        const last = document.ranges.at(-1);
        if (last !== undefined) last.to -= 1;
        document.to -= 1;
      });
    },
    /fewer hashes/u,
  ],
  [
    "two records change places",
    (path) => lines(path, ([first = "", second = "", ...rest]) => [second, first, ...rest]),
    /no line of record 0/u,
  ],
  ["a record is added", (path) => lines(path, (rows) => [...rows, rows.at(-1) ?? ""]), /goes on behind/u],
  [
    "a record is hidden behind another hash",
    (path) => {
      lines(path, (rows) => rows.with(4, JSON.stringify({ seq: 4, hash: encodeBase64(32) })));
      head(path, ({ selection }) => selection.agents.push("writer"));
    },
    /do not lead to the root/u,
  ],
  [
    "an erasure stands as a hash, and everybody's records are promised",
    (path) => hide(path, (record) => record.kind === "payload-erased"),
    /record \d+ is left out, though everybody's records are promised/u,
  ],
  [
    "a range ends before the one that was asked for does",
    (path) => {
      head(path, (document) => {
        const [whole] = document.ranges;
        if (whole === undefined) throw new Error("there is a range");
        document.ranges = [{ ...whole, to: whole.to - 1, after: [hashOf(path, whole.to - 1)] }];
      });
      lines(path, (rows) => rows.slice(0, -1));
    },
    /evidence\.json names another range/u,
  ],
  [
    "the head promises nothing",
    (path) => rewrite(path, "evidence.json", (text) => text.replace(/"selection":\{[^}]*\}/u, '"selection":{}')),
    /does not say whose records/u,
  ],
  ["a pipe is in the place of the checkpoint", (path) => pipe(path, "checkpoint"), /checkpoint is no plain file/u],
  ["a pipe is in the place of the records", (path) => pipe(path, "records.jsonl"), /records\.jsonl is no plain file/u],
  ["a hash is added", (path) => head(path, ({ ranges }) => ranges[0]?.after.push(encodeBase64(32))), /more hashes/u],
  [
    "the checkpoint says another size",
    (path) => rewrite(path, "checkpoint", (text) => text.replace(/\n\d+\n/u, "\n3\n")),
    /not signed by the key/u,
  ],
  ["the head is another file", (path) => writeFileSync(join(path, "evidence.json"), "[]"), /something else/u],
  [
    "a line of the records has no end",
    (path) => truncateSync(join(path, "records.jsonl"), 2 ** 31),
    /records\.jsonl has a line that is longer than any record/u,
  ],
  ["the records are no JSON", (path) => writeFileSync(join(path, "records.jsonl"), "x\n"), /is not JSON/u],
];
function encodeBase64(bytes: number): string {
  return Buffer.from(encodeUtf8("x".repeat(bytes))).toString("base64");
}

describe("a folder in which", () => {
  test.each(FORGERIES)("%s is refused", async (name, change, says) => {
    const path = join(folder, `forged ${name}`);
    cpSync(join(folder, "all"), path, { recursive: true });
    change(path);
    const { code, said } = check(path);
    expect(said).toMatch(/^refused: /u);
    expect(said).toMatch(says);
    expect(code).toBe(1);
  });

  test("anything else stands at any place is refused in one line, and never is that a fault of the verifier", async () => {
    const said = await checkOdd(join(folder, "all"), { key, folder: join(folder, "odd") });
    expect(said.length).toBeGreaterThan(500);
    // That a payload is not here is no fault of a pack: the verifier counts those.
    const wrong = said.filter(
      ({ place, words, exit }) =>
        !place.endsWith(" salted null") && (exit !== 1 || !/^refused: [ -~]{1,400}$/u.test(words)),
    );
    expect(wrong).toEqual([]);
    expect(check(join(folder, "odd")).code).toBe(0); // put back as it was
  });

  test("nothing was changed is refused under another log's key, and a folder that is not there is no evidence", () => {
    const foreign = noteKeyText((data) => CRYPTO.sha256(data), { name: "aios.test/x", publicKey: new Uint8Array(32) });
    const run = spawnSync(process.execPath, [VERIFIER, join(folder, "all"), "--key", foreign], { encoding: "utf8" });
    expect(run).toMatchObject({ status: 1, stderr: expect.stringContaining("refused: ") });
    expect(check(join(folder, "nowhere")).code).toBe(1);
  });
});
