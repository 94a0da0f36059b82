import { describe, expect, it } from "vitest";
import type { JsonValue } from "../kernel/json.ts";
import { decode, type Decoder } from "./decode.ts";
import { GATE_SIDE, MONITOR_GATE } from "./port-gate-table.ts";

function refusal<T>(decoder: Decoder<T>, value: JsonValue): string {
  const decoded = decode(decoder, value);
  return decoded.kind === "ok" ? "accepted" : decoded.path;
}

describe("a gate", () => {
  const visited = { port: "web", connections: 1, requests: 2, refused: { origin: 1 }, peers: ["127.0.0.1:4000"] };

  it("says what came, who came in, and nothing else", () => {
    expect(refusal(MONITOR_GATE.serves.visited, visited)).toBe("accepted");
    expect(refusal(MONITOR_GATE.serves.visited, { ...visited, instance: "i-0" })).toBe("/instance");
    expect(refusal(MONITOR_GATE.serves.visited, { ...visited, refused: { "Any Words": 1 } })).toContain("/refused");
    expect(refusal(MONITOR_GATE.serves.visited, { ...visited, peers: ["<script>"] })).toBe("/peers/0");
    expect(refusal(MONITOR_GATE.serves.entered, { port: "web", key: "A".repeat(43) })).toBe("accepted");
    // Another text for the same bytes would be another key of the same client.
    expect(refusal(MONITOR_GATE.serves.entered, { port: "web", key: `${"A".repeat(42)}B` })).toBe("/key");
    expect(Object.keys(MONITOR_GATE.serves)).toEqual(["ready", "entered", "visited"]);
  });

  it("hears who may come, as the monitor says it", () => {
    expect(Object.keys(GATE_SIDE.hears)).toEqual(Object.keys(MONITOR_GATE.says));
    expect(refusal(GATE_SIDE.hears.admit, { ports: [{ name: "web", keys: ["A".repeat(43)] }] })).toBe("accepted");
    expect(refusal(GATE_SIDE.hears.admit, { ports: [{ name: "web", keys: ["short"] }] })).toContain("/ports/0/keys");
  });

  it("hears of ports with a host for one opening, and no other", () => {
    const port = { name: "web", agent: "a", inside: 80, outside: 8080, listeners: 2, keys: [] };
    const host = "0123456789abcdef.web.a.localhost";
    const ready = (said: object): string => refusal(GATE_SIDE.asks.ready, { ports: [{ ...port, host, ...said }] });
    expect(ready({})).toBe("accepted");
    for (const other of ["web.a.localhost", "evil.example", `${host}.`, `x.${host}`])
      expect(ready({ host: other })).toBe("/ports/0/host");
    for (const listeners of [0, 3]) expect(ready({ listeners })).toBe("/ports/0/listeners");
  });
});
