import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { record, action, CANARY } from "../../test/telemetry/records.ts";
import type { LogRecord } from "../protocol/record.ts";
import { createNames, showText, type Names } from "./names.ts";

const sha256 = (data: Uint8Array): Uint8Array => createHash("sha256").update(data).digest();
const names = (mode: "hashed" | "shown"): Names => createNames(mode, { salt: "s", sha256 });
const intent = (what: string): Extract<LogRecord, { kind: "intent" }> => ({
  ...record(1, { kind: "intent", ...action(what), by: { kind: "grant", grants: [] }, pin: action().policy }),
  kind: "intent",
  ...action(what),
  by: { kind: "grant", grants: [] },
  pin: action().policy,
});

test("a granted tool has its name, and a resource a salted digest, unless names are shown", () => {
  expect(names("hashed").subject(intent("files/read_text"))).toEqual({
    driver: "files",
    verb: "call",
    name: "read_text",
  });
  const read = names("hashed").subject(intent(`files#file:///${CANARY}`));
  expect(read).toMatchObject({ driver: "files", verb: "read" });
  expect(read.name).toMatch(/^hashed-[0-9a-f]{16}$/u);
  expect(names("shown").subject(intent(`files#file:///${CANARY}`)).name).toBe(`file:///${CANARY}`);
  // Two homes have two salts: what one name is in the one says nothing about it in the other.
  expect(createNames("hashed", { salt: "t", sha256 }).resource("a")).not.toBe(names("hashed").resource("a"));
});

test("words that an agent chose before anybody knew them are digests", () => {
  const denied = { ...intent(`${CANARY}/${CANARY}`), kind: "denied", stage: "select", code: "unknown-tool" } as const;
  expect(JSON.stringify(names("hashed").subject(denied))).not.toContain(CANARY);
  expect(names("hashed").subject({ ...denied, stage: "approve", what: "files/write" })).toMatchObject({
    name: "write",
  });
});

test("control, invisible and endless text does not pass as it is", () => {
  expect(showText("a\u001b[2Jb\u202ec\u0000\n")).toBe("a\\u{1b}[2Jb\\u{202e}c\\u{0}\\u{a}");
  expect(showText("x".repeat(10_000))).toHaveLength(256);
  expect(showText("\u0000".repeat(300)).length).toBeLessThanOrEqual(256);
  expect(showText("\ud800")).toBe("\ufffd");
});
