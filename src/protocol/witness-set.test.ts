import { describe, expect, test } from "vitest";
import { LOG_KEY, testWitness } from "../../test/evidence/logs.ts";
import { CRYPTO } from "../../test/fakes/open-log.ts";
import { decodeWitnessSet, NO_WITNESSES, witnessKeys, type WitnessSet } from "./witness-set.ts";

const [one, two] = [testWitness(1), testWitness(2)];
const at = "https://witness.example";
const SET = {
  witnesses: [
    { key: one.text, at },
    { key: two.text, at: "http://localhost:7741" },
  ],
  quorum: 2,
  before: "reserved",
} as const;
const keysOf = (set: WitnessSet) => witnessKeys(set, (data) => CRYPTO.sha256(data));

describe("a set of witnesses", () => {
  test("is read, with the keys in its order", () => {
    expect(decodeWitnessSet(SET)).toEqual({ kind: "ok", value: SET });
    expect(keysOf(SET)).toEqual({ kind: "ok", keys: [one.key, two.key] });
    expect(keysOf(NO_WITNESSES)).toEqual({ kind: "ok", keys: [] });
  });

  test.each([
    ["no object", []],
    ["a field more", { ...SET, more: 1 }],
    ["a field less", { witnesses: [], quorum: 0 }],
    ["http to another machine", { ...SET, witnesses: [{ key: one.text, at: "http://witness.example" }] }],
    ["a query in the address", { ...SET, witnesses: [{ key: one.text, at: `${at}/?a=b` }] }],
    ["a quorum below zero", { ...SET, quorum: -1 }],
    ["too many", { ...SET, witnesses: Array.from({ length: 17 }, () => ({ key: one.text, at })) }],
    ["something else to wait for", { ...SET, before: "all" }],
  ])("is refused with %s", (_, value) => {
    expect(decodeWitnessSet(value).kind).toBe("refused");
  });

  test.each<[string, WitnessSet]>([
    ["a larger quorum than witnesses", { ...SET, quorum: 3 }],
    ["no quorum", { ...SET, quorum: 0 }],
    ["a quorum of nobody", { witnesses: [], quorum: 1, before: "nothing" }],
    ["nobody to wait for", { witnesses: [], quorum: 0, before: "reserved" }],
    [
      "one witness twice",
      {
        ...SET,
        witnesses: [
          { key: one.text, at },
          { key: one.text, at },
        ],
      },
    ],
    ["the key of a log", { ...SET, witnesses: [{ key: LOG_KEY, at }], quorum: 1 }],
    ["a key that is none", { ...SET, witnesses: [{ key: "witness", at }], quorum: 1 }],
  ])("is none with %s", (_, set) => {
    expect(keysOf(set).kind).toBe("refused");
  });
});
