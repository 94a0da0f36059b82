import { expect, test } from "vitest";
import { createCrypto } from "../platform/keys/crypto.ts";
import type { Action } from "../kernel/action.ts";
import type { JsonObject } from "../kernel/json.ts";
import { NO_TELEMETRY, type TelemetrySetting } from "../protocol/telemetry-setting.ts";
import { traceParent } from "../protocol/trace-context.ts";
import { createContexts } from "./telemetry.ts";

const crypto = createCrypto();
const start = "a".repeat(32);
const action = (driver: string, args: JsonObject = {}): Action => ({
  v: 1,
  request: "b".repeat(32),
  agent: "writer",
  instance: "i-00112233445566aa",
  verb: "call",
  driver,
  name: "read",
  arguments: args,
});

test("our trace goes to the servers and providers that a setting names, and to nobody else", () => {
  const telemetry = {
    setting: {
      ...NO_TELEMETRY,
      otlp: { to: "http://127.0.0.1:4318", signals: ["traces"] },
      context: ["driver:files", "provider:local"],
    } as TelemetrySetting,
    record: 1,
  };
  const contexts = createContexts({ start, powers: { crypto } }, { telemetry });
  const ours = traceParent((data) => crypto.sha256(data), { start, seq: 7 });
  expect(contexts(7, action("files"))).toBe(ours);
  expect(contexts(7, action("infer", { provider: "local" }))).toBe(ours);
  // An agent's own context is an argument like any other.
  expect(contexts(7, action("files", { traceparent: "00-1", _meta: { traceparent: "00-2" } }))).toBe(ours);
  expect(contexts(7, action("mail"))).toBeNull();
  expect(contexts(7, action("infer", { provider: "other" }))).toBeNull();
  // Off again: nobody.
  const off = createContexts({ start, powers: { crypto } }, { telemetry: { setting: NO_TELEMETRY, record: 0 } });
  expect(off(7, action("files"))).toBeNull();
});
