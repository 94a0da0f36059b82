import { describe, expect, test } from "vitest";
import { addCosignature, testWitness, type TestWitness } from "../../test/evidence/logs.ts";
import { createMemoryDisk } from "../../test/fakes/memory-disk.ts";
import { CRYPTO, openTestLog, STILL, testKeys } from "../../test/fakes/open-log.ts";
import { appendMany } from "../../test/fakes/records.ts";
import type { JsonObject } from "../kernel/json.ts";
import { createTimer } from "../platform/timer.ts";
import type { WitnessReply } from "../protocol/cosign-order.ts";
import { splitNote } from "../protocol/note.ts";
import { readAddCheckpoint } from "../protocol/witness.ts";
import type { RecordBody } from "../protocol/record.ts";
import type { WitnessSet } from "../protocol/witness-set.ts";
import { asJson } from "../protocol/as-json.ts";
import { applyRecord } from "./reducer.ts";
import { emptyState } from "./state.ts";
import { createCosigning, type Cosigning, type Submit } from "./cosigning.ts";

const [one, two] = [testWitness(1), testWitness(2)];
const SET: WitnessSet = {
  witnesses: [
    { key: one.text, at: "http://localhost:1" },
    { key: two.text, at: "http://localhost:2" },
  ],
  quorum: 2,
  before: "reserved",
};

/** What an honest witness answers to any checkpoint. */
const honest = (witness: TestWitness, text: string): WitnessReply => {
  const note = readAddCheckpoint(text)?.note ?? "";
  const line = splitNote(addCosignature(note, witness, 1_790_000_000))?.signatures.at(-1)?.line ?? "";
  return { kind: "answered", status: 200, text: line };
};

async function setUp(submit: Submit, set: () => WitnessSet = () => SET, options = { failing: 0 }) {
  const keys = testKeys(createMemoryDisk().open());
  const log = await openTestLog("", { files: createMemoryDisk().open(), keys, timer: STILL });
  await appendMany(log, 10);
  const said: string[] = [];
  const recorded: RecordBody[] = [];
  const timer = createTimer();
  const state = emptyState();
  /** A record that is durable, as the state takes it. */
  const record = async (body: RecordBody, payload: JsonObject | null = null): Promise<number> => {
    const seq = await log.append(body, null);
    applyRecord(state, { seq, at: 7, body, payload, replay: true });
    return seq;
  };
  const ports = {
    log,
    powers: { timer, crypto: CRYPTO },
    submit,
    witnesses: set,
    witnessed: () => state.witnessed,
    now: () => 7,
    journal: {
      write: (body: RecordBody) => {
        recorded.push(body);
        return recorded.length > options.failing ? Promise.resolve(0) : Promise.reject(new Error("full"));
      },
    },
    report: (words: string) => void said.push(words),
  };
  const cosigning: Cosigning = createCosigning(ports);
  return { log, said, recorded, cosigning, record };
}

describe("a log with two witnesses", () => {
  test("is covered as far as both cosigned, and asks again only for what is newer", async () => {
    const asked: string[] = [];
    const { log, cosigning } = await setUp((at, text) => {
      asked.push(`${at} ${text.split("\n")[0] ?? ""}`);
      return Promise.resolve(honest(at.endsWith("1") ? one : two, text));
    });
    expect(await cosigning.covers(9)).toBe(true);
    expect(await cosigning.covers(3)).toBe(true);
    expect(asked).toEqual(["http://localhost:1 old 0", "http://localhost:2 old 0"]);
    await appendMany(log, 5);
    expect(await cosigning.covers(14)).toBe(true);
    expect(asked.slice(2)).toEqual(["http://localhost:1 old 10", "http://localhost:2 old 10"]);
    expect(splitNote((await log.cosigned()) ?? "")?.signatures).toHaveLength(3);
  });

  test("starts from what a witness saw, when it says that", async () => {
    const { cosigning } = await setUp((at, text) => {
      const witness = at.endsWith("1") ? one : two;
      if (readAddCheckpoint(text)?.old === 0) return Promise.resolve({ kind: "answered", status: 409, text: "4\n" });
      return Promise.resolve(honest(witness, text));
    });
    expect(await cosigning.covers(9)).toBe(true);
  });

  test("asks once for many that wait at once", async () => {
    let asked = 0;
    const { cosigning } = await setUp((at, text) => {
      asked += 1;
      return Promise.resolve(honest(at.endsWith("1") ? one : two, text));
    });
    expect(await Promise.all([0, 5, 9].map((seq) => cosigning.covers(seq)))).toEqual([true, true, true]);
    expect(asked).toBe(2);
  });
});

describe("a log that a witness has seen otherwise", () => {
  const GRAVE: readonly (readonly [
    what: string,
    answer: (old: number, size: number) => WitnessReply,
    code: "rolled-back" | "forked",
    seen: number,
    says: RegExp,
  ])[] = [
    [
      "with more records",
      () => ({ kind: "answered", status: 409, text: "11\n" }),
      "rolled-back",
      11,
      /^\S+ has seen 11 records of this log, which has 10: it was rolled back$/u,
    ],
    [
      "with as many, and another root",
      () => ({ kind: "answered", status: 409, text: "10\n" }),
      "forked",
      10,
      /^\S+ has seen other records of this log, 10 as there are here: it was forked$/u,
    ],
    [
      "with fewer, from which it did not grow",
      (old) =>
        old === 0 ? { kind: "answered", status: 409, text: "6\n" } : { kind: "answered", status: 422, text: "no\n" },
      "forked",
      6,
      /^\S+ has seen 6 records of this log from which these 10 did not grow: it was forked/u,
    ],
  ];

  test.each(GRAVE)("%s: it is named, recorded once and kept", async (_, answer, code, seen, says) => {
    let speaks = true;
    const { cosigning, recorded, said } = await setUp((at, text) => {
      if (at.endsWith("1")) return Promise.resolve(honest(one, text));
      if (!speaks) return Promise.resolve({ kind: "silent" });
      const { old = 0 } = readAddCheckpoint(text) ?? {};
      return Promise.resolve(answer(old, 10));
    });
    expect(await cosigning.covers(9)).toBe(false);
    const body = { kind: "witness-refused", witness: two.key.name, code, size: 10, seen };
    expect(recorded).toEqual([body]);
    expect(said).toContainEqual(expect.stringMatching(says));
    expect(await cosigning.covers(9)).toBe(false);
    expect(recorded).toEqual([body]);
    const { witnesses } = await cosigning.standing();
    expect(witnesses).toMatchObject([
      { name: one.key.name, size: 10, trouble: null },
      { name: two.key.name, size: null, trouble: { code, seen, size: 10, at: 7 } },
    ]);
    // That it says nothing later takes nothing back.
    speaks = false;
    expect(await cosigning.covers(9)).toBe(false);
    expect((await cosigning.standing()).witnesses).toMatchObject([{ trouble: null }, { trouble: { code, seen } }]);
    // Other witnesses are others.
    cosigning.changed();
    expect((await cosigning.standing()).witnesses).toMatchObject([{ trouble: null }, { trouble: null }]);
  });

  test("is recorded with the next round when the log could not be written", async () => {
    const answer: WitnessReply = { kind: "answered", status: 409, text: "11\n" };
    const { cosigning, recorded } = await setUp(
      () => Promise.resolve(answer),
      () => ({ ...SET, witnesses: SET.witnesses.slice(0, 1), quorum: 1 }),
      { failing: 1 },
    );
    expect(await cosigning.covers(9)).toBe(false);
    expect(recorded).toHaveLength(2); // two rounds, the first of which could not write it
    await cosigning.covers(9);
    expect(recorded).toHaveLength(2);
  });

  test.each([
    ["silent", { kind: "silent" }],
    ["refused", { kind: "answered", status: 404, text: "no\n" }],
    ["refused", { kind: "answered", status: 422, text: "no\n" }],
    ["unsigned", { kind: "answered", status: 200, text: "hello\n" }],
    ["unsteady", { kind: "answered", status: 409, text: "0\n" }],
  ] as const)("is not one of which it says nothing (%s)", async (code, answer) => {
    const { cosigning, recorded } = await setUp((at, text) =>
      Promise.resolve(at.endsWith("1") ? honest(one, text) : answer),
    );
    expect(await cosigning.covers(9)).toBe(false);
    expect(recorded).toEqual([]);
    expect((await cosigning.standing()).witnesses[1]).toMatchObject({ trouble: { code } });
  });

  test("and what each cosigned is known after a start too, from the checkpoint that is kept", async () => {
    const { cosigning, log } = await setUp((at, text) => Promise.resolve(honest(at.endsWith("1") ? one : two, text)));
    expect(await cosigning.covers(9)).toBe(true);
    const ports = { timer: createTimer(), crypto: CRYPTO };
    const again = createCosigning({
      log,
      powers: ports,
      submit: () => Promise.resolve({ kind: "silent" }),
      witnesses: () => SET,
      witnessed: () => new Map(),
      journal: { write: () => Promise.resolve(0) },
      now: () => 7,
      report: () => {},
    });
    expect((await again.standing()).witnesses).toMatchObject([{ size: 10 }, { size: 10 }]);
  });
});

test("what a witness is on record with stands after a start while it does not answer, until it cosigns again", async () => {
  let answers = false;
  const { cosigning, record } = await setUp((at, text) =>
    Promise.resolve(answers ? honest(at.endsWith("1") ? one : two, text) : { kind: "silent" }),
  );
  const [name = ""] = one.text.split("+");
  const refused = { kind: "witness-refused", witness: name, code: "rolled-back", size: 8, seen: 9 } as const;
  await record(refused);
  const troubles = async () => (await cosigning.standing()).witnesses.map(({ trouble }) => trouble?.code ?? null);
  // Nobody has been asked yet; then nobody answers.
  cosigning.changed();
  expect(await troubles()).toEqual(["rolled-back", null]);
  expect(await cosigning.covers(9)).toBe(false);
  expect(await troubles()).toEqual(["rolled-back", "silent"]);
  // What an owner set since, they have set knowing it.
  await record({ kind: "witnesses-set", quorum: 2, key: "ed25519:0" }, { document: asJson(SET) });
  cosigning.changed();
  expect(await troubles()).toEqual([null, null]);
  await record(refused);
  cosigning.changed();
  expect(await troubles()).toEqual(["rolled-back", null]);
  answers = true;
  expect(await cosigning.covers(12)).toBe(true);
  expect(await troubles()).toEqual([null, null]);
});

test("what a witness is on record with stands behind any number of records of others", async () => {
  const { cosigning, record } = await setUp(() => Promise.resolve({ kind: "silent" }));
  const [[name = ""], [other = ""]] = [one.text.split("+"), two.text.split("+")];
  await record({ kind: "witness-refused", witness: name, code: "forked", size: 8, seen: 9 });
  for (let at = 0; at < 100; at += 1)
    await record({ kind: "witness-refused", witness: other, code: "rolled-back", size: at, seen: at + 1 });
  const { witnesses } = await cosigning.standing();
  expect(witnesses.map(({ trouble }) => trouble)).toMatchObject([
    { code: "forked", size: 8, seen: 9 },
    { code: "rolled-back", size: 99, seen: 100 },
  ]);
});

test("what a witness finds again after it had cosigned is recorded again, since a start knows only records", async () => {
  let forked = true;
  const { cosigning, log, recorded } = await setUp((at, text) => {
    const { old = 0 } = readAddCheckpoint(text) ?? {};
    if (at.endsWith("1") || !forked) return Promise.resolve(honest(at.endsWith("1") ? one : two, text));
    return Promise.resolve(
      old === 0 ? { kind: "answered", status: 409, text: "6\n" } : { kind: "answered", status: 422, text: "no\n" },
    );
  });
  expect(await cosigning.covers(9)).toBe(false);
  forked = false;
  expect(await cosigning.covers(9)).toBe(true);
  expect(recorded).toHaveLength(1);
  forked = true;
  await appendMany(log, 2);
  expect(await cosigning.covers(11)).toBe(false);
  expect(recorded.map((body) => body.kind === "witness-refused" && body.code)).toEqual(["forked", "forked"]);
});

describe("a log is not covered", () => {
  const cases: { readonly [name: string]: (text: string) => WitnessReply } = {
    "when one does not answer": () => ({ kind: "silent" }),
    "when one refuses": () => ({ kind: "answered", status: 422, text: "no\n" }),
    "when one has seen more records than there are": () => ({ kind: "answered", status: 409, text: "11\n" }),
    "when one says the size it was told": () => ({ kind: "answered", status: 409, text: "0\n" }),
    "when one answers with no signature": () => ({ kind: "answered", status: 200, text: "hello\n" }),
    "when one answers with another's signature": (text) => honest(one, text),
    "when one signs with another key": (text) => honest({ ...two, signer: one.signer }, text),
    "when one signs another checkpoint": (text) => honest(two, text.replace("\n10\n", "\n11\n")),
  };
  test.each(Object.entries(cases))("%s", async (_, answer) => {
    const { cosigning, said, log } = await setUp((at, text) =>
      Promise.resolve(at.endsWith("1") ? honest(one, text) : answer(text)),
    );
    expect(await cosigning.covers(9)).toBe(false);
    expect(said.length).toBeGreaterThan(1);
    expect(await log.cosigned()).toBeNull();
  });

  test("by what others cosigned before the witnesses were changed", async () => {
    let answers = true;
    const { cosigning } = await setUp((at, text) =>
      Promise.resolve(answers ? honest(at.endsWith("1") ? one : two, text) : { kind: "silent" }),
    );
    expect(await cosigning.covers(9)).toBe(true);
    answers = false;
    cosigning.changed();
    expect(await cosigning.covers(9)).toBe(false);
  });

  test("when there are no witnesses", async () => {
    const { cosigning } = await setUp(
      () => Promise.resolve({ kind: "silent" }),
      () => ({ witnesses: [], quorum: 0, before: "nothing" }),
    );
    expect(await cosigning.covers(0)).toBe(false);
  });
});
