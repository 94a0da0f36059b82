import { describe, expect, it } from "vitest";
import type { JsonValue } from "../kernel/json.ts";
import { asJson } from "../protocol/as-json.ts";
import { decodeStorageAnswer, decodeStorageOrder, type StorageAnswer, type StorageOrder } from "./storage-wire.ts";

const TARGET = { at: "path", path: "/workspace/a", follow: true } as const;
const ORDERS: readonly StorageOrder[] = [
  { order: "root" },
  { order: "open", target: TARGET, flags: 0o101, mode: 0o644 },
  { order: "open", target: { at: "descriptor" }, flags: 1, mode: 0 },
  { order: "make-folder", path: "/workspace/\u00e9", mode: 0o755 },
  { order: "remove", path: "/workspace/a", folder: false },
  { order: "rename", from: "/workspace/a", to: "/workspace/b", flags: 1 },
  { order: "link", from: TARGET, to: "/workspace/b" },
  { order: "symlink", text: "../a", path: "/workspace/b" },
  { order: "truncate", target: TARGET, length: "-1" },
  { order: "mode", target: TARGET, mode: 0o600 },
];
const ANSWERS: readonly StorageAnswer[] = [
  { answer: "pass" },
  { answer: "done", note: null },
  { answer: "done", note: { operation: "made", path: "/workspace/a" } },
  { answer: "kept", refused: { operation: "mode", path: "/workspace", why: "it keeps its mode" } },
  { answer: "failed", errno: 2, refused: null },
  { answer: "failed", errno: 13, refused: { operation: "made", path: "/workspace/.npmrc", why: "it is obeyed" } },
];

describe("what a supervisor and a storage device say", () => {
  it.each(ORDERS)("order $order is read as it was written", (order) => {
    expect(decodeStorageOrder(asJson(order))).toEqual({ kind: "ok", value: order });
  });

  it.each(ANSWERS)("answer $answer is read as it was written", (answer) => {
    expect(decodeStorageAnswer(asJson(answer))).toEqual({ kind: "ok", value: answer });
  });

  it.each([
    { order: "format" },
    { order: "root", path: "/" },
    { order: "open", target: TARGET, flags: -1, mode: 0 },
    { order: "open", target: { at: "path", path: "/a" }, flags: 0, mode: 0 },
    { order: "truncate", target: TARGET, length: "1e3" },
    { order: "remove", path: "x".repeat(8193), folder: false },
  ] as readonly JsonValue[])("nonsense is refused: %j", (order) => {
    expect(decodeStorageOrder(order).kind).toBe("refused");
  });

  it.each([
    { answer: "done" },
    { answer: "kept", refused: null },
    { answer: "failed", errno: 0, refused: null },
    { answer: "done", note: { operation: "burnt", path: "/a" } },
    { answer: "pass", note: null },
  ] as readonly JsonValue[])("an answer that is none is refused: %j", (answer) => {
    expect(decodeStorageAnswer(answer).kind).toBe("refused");
  });
});
