import { describe, expect, it, test } from "vitest";
import { asJson } from "./as-json.ts";
import { decodeTelemetry, isTelemetryOn, NO_TELEMETRY, refuseTelemetry } from "./telemetry-setting.ts";

const on = {
  otlp: { to: "http://127.0.0.1:4318", signals: ["traces", "metrics", "logs"] },
  prometheus: { port: 9464 },
  siem: { file: { bytes: 65_536, keep: 3 }, to: "https://siem.example/in" },
  names: "hashed",
  content: "none",
  context: ["driver:files", "provider:local"],
};

describe("a setting of telemetry", () => {
  it("is read with every field, and a home without one shows nothing", () => {
    expect(decodeTelemetry(on)).toMatchObject({ kind: "ok" });
    expect(decodeTelemetry(JSON.parse(JSON.stringify(NO_TELEMETRY)))).toEqual({ kind: "ok", value: NO_TELEMETRY });
    expect(isTelemetryOn(NO_TELEMETRY)).toBe(false);
    expect(isTelemetryOn({ ...NO_TELEMETRY, prometheus: { port: 9464 } })).toBe(true);
  });

  it.each([
    ["a destination in clear text elsewhere", { siem: { file: null, to: "http://siem.example/in" } }],
    ["an address literal", { siem: { file: null, to: "https://10.0.0.1/in" } }],
    ["a query", { otlp: { to: "https://otel.example/?token=x", signals: ["logs"] } }],
    ["a receiver without a signal", { otlp: { to: "https://otel.example", signals: [] } }],
    ["a signal twice", { otlp: { to: "https://otel.example", signals: ["logs", "logs"] } }],
    ["a low port", { prometheus: { port: 80 } }],
    ["files that would fill the disk", { siem: { file: { bytes: 2 ** 40, keep: 3 }, to: null } }],
    ["another way to show names", { names: "plain" }],
    ["another way to show content", { content: "all" }],
    ["a context without traces", { otlp: { to: "https://otel.example", signals: ["logs"] } }],
    ["a context for anyone", { context: ["*"] }],
    ["a field that nobody knows", { headers: {} }],
  ])("is refused with %s", (_what, change) => {
    expect(decodeTelemetry({ ...on, ...change }).kind).toBe("refused");
  });

  it("is refused when a field is missing", () => {
    for (const name of Object.keys(on)) {
      expect(decodeTelemetry(Object.fromEntries(Object.entries(on).filter(([each]) => each !== name))).kind).toBe(
        "refused",
      );
    }
  });
});

test.each([
  ["https://127.0.0.1:4318", "/otlp/to is https to this machine"],
  ["https://localhost", "/otlp/to is https to this machine"],
  ["https://a.localhost:1/x", "/otlp/to is https to this machine"],
  ["http://127.0.0.1:4318", null],
  ["https://collector.example", null],
])("what could never be delivered to is told before it is signed for: %s", (to, why) => {
  const setting = { ...NO_TELEMETRY, otlp: { to, signals: ["logs" as const] } };
  // A log that has one from before is read all the same.
  expect(decodeTelemetry(asJson(setting)).kind).toBe("ok");
  const said = refuseTelemetry(setting);
  if (why === null) expect(said).toBeNull();
  else expect(said).toContain(why);
  expect(refuseTelemetry({ ...NO_TELEMETRY, siem: { file: null, to } })).toBe(
    said?.replace("/otlp/to", "/siem/to") ?? null,
  );
});
