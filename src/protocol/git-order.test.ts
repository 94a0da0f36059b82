import { expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../kernel/json.ts";
import { decode } from "./decode.ts";
import { COURIER_SIDE, MONITOR_COURIER } from "./git-order.ts";

const TICKET = "a".repeat(32);
const CALL = { tool: "refs", host: "example.org", port: 22, user: "git", path: "/me/x.git" };
const RESULT = { end: "done", fault: null, sent: 1, received: 2, address: "192.0.2.1" };
const KEY = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAA";
const BINDING = {
  secret: "deploy",
  to: "ssh://git@example.org",
  paths: ["/me"],
  hostKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"],
};

function order(call: JsonObject): string {
  const read = decode(COURIER_SIDE.serves.session, { ticket: TICKET, call, most: null });
  return read.kind === "ok" ? "ok" : `${read.path}: ${read.message}`;
}

test("an order is a call as the kernel reads it, and nothing besides", () => {
  expect(decode(COURIER_SIDE.serves.session, { ticket: TICKET, call: CALL, most: 5 })).toEqual({
    kind: "ok",
    value: { ticket: TICKET, call: CALL, most: 5 },
  });
  expect(order({ ...CALL, path: "/a b" })).toBe("/call: is no call: path: not a repository's path");
  expect(order({ ...CALL, tool: "shell" })).toBe("/call: is no tool of git over SSH");
  expect(order({ ...CALL, command: "x" })).toBe('/call: is no call: unknown field "command"');
});

test("a courier is armed with a binding and a key, and of what is no key nothing is said", () => {
  const arm = (value: JsonValue): unknown => decode(COURIER_SIDE.serves.arm, { binding: BINDING, value });
  expect(arm(KEY)).toEqual({ kind: "ok", value: { binding: BINDING, value: KEY } });
  const message = "is no private key without a passphrase";
  expect(arm("hunter2-hunter2")).toEqual({ kind: "refused", path: "/value", message });
});

test("what a courier says is read like a stranger's words", () => {
  const read = (answer: JsonObject): string => decode(MONITOR_COURIER.asks.session, answer).kind;
  expect(read(RESULT)).toBe("ok");
  expect(read({ ...RESULT, fault: "made-up" })).toBe("refused");
  expect(read({ ...RESULT, address: "example.org" })).toBe("refused");
  expect(read({ ...RESULT, words: "x" })).toBe("refused");
});
