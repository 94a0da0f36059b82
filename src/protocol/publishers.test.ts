import { describe, expect, test } from "vitest";
import { toBase64 } from "./bytes.ts";
import {
  admittedAs,
  changePublishers,
  decodePublisherChange,
  MOST_PUBLISHERS,
  NO_PUBLISHERS,
  refuseToAdmit,
  tellChange,
  type PublisherChange,
  type Publishers,
} from "./publishers.ts";

const keyAt = (at: number): string => toBase64(new Uint8Array(32).fill(at));
const admit = (name: string, at: number): PublisherChange => ({ kind: "admit", name, key: keyAt(at) });
const after = (...changes: readonly PublisherChange[]): Publishers => {
  let publishers = NO_PUBLISHERS;
  for (const change of changes) {
    const changed = changePublishers(publishers, change);
    if (changed.kind === "refused") throw new Error(changed.why);
    publishers = changed.publishers;
  }
  return publishers;
};
const why = (publishers: Publishers, change: PublisherChange): string => {
  const changed = changePublishers(publishers, change);
  return changed.kind === "refused" ? changed.why : "nothing";
};

describe("publishers of a home", () => {
  test("are admitted by name and removed by name, and are told by their whole key", () => {
    const two = after(admit("acme", 1), admit("other", 2), { kind: "only", only: true });
    expect(two.only).toBe(true);
    expect([admittedAs(two, keyAt(1)), admittedAs(two, keyAt(3))]).toEqual(["acme", null]);
    const one = after(admit("acme", 1), admit("other", 2), { kind: "remove", name: "acme" });
    expect([...one.admitted.keys()]).toEqual(["other"]);
    expect([...NO_PUBLISHERS.admitted]).toEqual([]);
  });

  test("keep their names and keys: neither is taken twice", () => {
    const one = after(admit("acme", 1));
    expect(why(one, admit("acme", 2))).toContain("already");
    expect(why(one, admit("twin", 1))).toContain("already");
    expect(why(one, { kind: "remove", name: "other" })).toContain("no publisher");
    const full = after(...Array.from({ length: MOST_PUBLISHERS - 1 }, (_, at) => at).map((at) => admitAt(at)));
    expect(why(full, admitAt(MOST_PUBLISHERS - 1))).toBe("nothing");
    expect(why({ ...full, admitted: new Map([...full.admitted, ["last", keyAt(255)]]) }, admitAt(300))).toContain(
      "256",
    );
  });

  test("are admitted under no twin of a name, nor with a key that is nobody's, and a log that did so is read", () => {
    for (const name of ["acme-", "ac--me", "acme--"]) {
      expect(refuseToAdmit({ name, key: keyAt(5) })).toContain("hyphen");
      expect(after({ kind: "admit", name, key: keyAt(5) }, { kind: "remove", name }).admitted.size).toBe(0);
      expect(decodePublisherChange({ kind: "admit", name, key: keyAt(5) }).kind).toBe("ok");
    }
    for (const name of ["a", "acme", "ac-me", "a-1-b"]) expect(refuseToAdmit({ name, key: keyAt(5) })).toBeNull();
    expect(refuseToAdmit({ name: "acme", key: keyAt(0) })).toContain("small order");
    expect(refuseToAdmit({ name: "acme", key: keyAt(255) })).toContain("encoding");
    expect([...after(admit("acme", 0)).admitted.keys()]).toEqual(["acme"]);
  });

  test.each([
    ["nothing", {}],
    ["a twin of a name", { kind: "admit", name: "\u0430cme", key: keyAt(1) }],
    ["a name in capitals", { kind: "admit", name: "Acme", key: keyAt(1) }],
    ["a name that goes on", { kind: "admit", name: "acme ", key: keyAt(1) }],
    ["the short form of a key", { kind: "admit", name: "acme", key: "ed25519:0123456789abcdef" }],
    ["a key that is too short", { kind: "admit", name: "acme", key: toBase64(new Uint8Array(31)) }],
    ["a key with loose bits", { kind: "admit", name: "acme", key: "A".repeat(42).concat("B=") }],
    ["two changes", { kind: "only", only: true, name: "acme" }],
    ["a word for a truth value", { kind: "only", only: "on" }],
    ["another change", { kind: "any" }],
  ])("are not changed by %s", (_what, document) => {
    expect(decodePublisherChange(document).kind).toBe("refused");
  });

  test("are told of in a record by the change and the name", () => {
    expect(tellChange(admit("acme", 1))).toEqual({ change: "admit", publisher: "acme" });
    expect(tellChange({ kind: "remove", name: "acme" })).toEqual({ change: "remove", publisher: "acme" });
    expect([true, false].map((only) => tellChange({ kind: "only", only }).change)).toEqual(["only", "any"]);
  });
});

/** Each with a key of its own. */
function admitAt(at: number): PublisherChange {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(0, at);
  return { kind: "admit", name: `p-${at}`, key: toBase64(key) };
}
