import { describe, expect, it } from "vitest";
import type { JsonValue } from "../kernel/json.ts";
import { CONSOLE_SIDE, MONITOR_CONSOLE } from "./console-table.ts";
import { MONITOR_CLI } from "./cli-side.ts";
import { decode, type Decoder } from "./decode.ts";

function refusal<T>(decoder: Decoder<T>, value: JsonValue): string {
  const decoded = decode(decoder, value);
  return decoded.kind === "ok" ? "accepted" : decoded.path;
}

describe("the console", () => {
  const { serves, says } = MONITOR_CONSOLE;
  const visited = { connections: 1, requests: 2, refused: { origin: 1 }, peers: ["127.0.0.1:4000"] };

  it("says what came, and nothing else", () => {
    expect(refusal(serves.visited, visited)).toBe("accepted");
    expect(refusal(serves.visited, { ...visited, peers: ["<script>"] })).toBe("/peers/0");
    expect(refusal(serves.visited, { ...visited, refused: { "Any Words": 1 } })).toContain("/refused");
    expect(refusal(serves.entered, { by: "code", key: null })).toBe("accepted");
    expect(refusal(serves.entered, { by: "passkey", key: "passkey:0123456789abcdef" })).toBe("accepted");
    expect(refusal(serves.entered, { by: "passkey", key: "maria" })).toBe("/key");
    expect(refusal(serves.entered, { by: "owner", key: null })).toBe("/by");
  });

  it("may ask this and nothing else", () => {
    expect(Object.keys(serves)).toEqual([
      "ready",
      "entered",
      "visited",
      "hello",
      "ps",
      "held",
      "held-show",
      "grants",
      "grant-show",
      "policy-show",
      "policy-check",
      "policy-explain",
      "policy-simulate",
      "log-show",
      "log-newest",
      "log-disclose",
      "log-prove",
      "log-grown",
      "checkpoint",
      "owners",
      "away",
      "memory-planes",
      "memory-proposals",
      "memory-entries",
      "hold",
      "freeze",
      "kill",
      "prepare",
      "submit",
      "propose-grant",
      "proposed-grants",
      "proposed-grant",
      "narrow-grant",
      "passkey-party",
      "sign-in-open",
      "sign-in",
      "enrolment-open",
      "enrolment-offer",
      "watch",
    ]);
    expect(Object.keys(CONSOLE_SIDE.asks)).toEqual(Object.keys(serves));
  });

  it("is never told the code of a second screen", () => {
    const asked = { request: "0".repeat(32), beside: null };
    expect(Object.hasOwn(MONITOR_CLI.serves, "second-code")).toBe(true);
    expect(Object.hasOwn(MONITOR_CONSOLE.serves, "second-code")).toBe(false);
    expect(decode(MONITOR_CLI.serves["second-code"], asked).kind).toBe("ok");
    expect(Object.hasOwn(MONITOR_CLI.serves, "proposed-code")).toBe(true);
    expect(Object.hasOwn(serves, "proposed-code")).toBe(false);
  });

  it("has a grant proposed over what was asked for, exactly and within bounds: it may lie about how much it asked for", () => {
    const terms = {
      instance: "i-0123456789abcdef",
      from: "held",
      like: null,
      folders: false,
      uses: 100,
      span: 86_400_000,
    };
    const propose = serves["propose-grant"];
    expect(refusal(propose, terms)).toBe("accepted");
    expect(refusal(propose, { ...terms, folders: true })).toBe("/folders");
    expect(refusal(propose, { ...terms, uses: 101 })).toBe("/uses");
    expect(refusal(propose, { ...terms, span: 86_400_001 })).toBe("/span");
    expect(refusal(propose, { ...terms, grant: {} })).toBe("/grant");
    expect(refusal(MONITOR_CLI.serves["propose-grant"], { ...terms, folders: true, uses: 101, span: 86_400_001 })).toBe(
      "accepted",
    );
  });

  it("has statements drawn up for what one sentence says, and for nothing else", () => {
    expect(refusal(serves.prepare, { purpose: "thaw-all", document: { frozen: 1 } })).toBe("accepted");
    expect(refusal(serves.prepare, { purpose: "release-memory", document: { by: "entry", value: "7" } })).toBe(
      "accepted",
    );
    for (const purpose of [
      "sign-grant",
      "erase-memory",
      "freeze-memory",
      "enrol-owner",
      "set-policy",
      "approve-action",
    ])
      expect(refusal(serves.prepare, { purpose, document: {} })).toBe("/purpose");
  });

  it("hears what a command line that watches hears, and who comes in", () => {
    expect(Object.keys(says)).toEqual(["recovering", "record", "held", "stage", "admit", "left"]);
    expect(refusal(CONSOLE_SIDE.hears.admit, { code: `sha256:${"0".repeat(64)}`, ms: 1 })).toBe("accepted");
    expect(refusal(CONSOLE_SIDE.hears.admit, { code: "the code itself", ms: 1 })).toBe("/code");
  });
});
