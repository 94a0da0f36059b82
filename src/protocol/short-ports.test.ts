import { describe, expect, it } from "vitest";
import type { JsonValue } from "../kernel/json.ts";
import { decode } from "./decode.ts";
import { PORTS } from "./short-ports.ts";

function read(value: JsonValue): unknown {
  const decoded = decode(PORTS, value);
  return decoded.kind === "ok" ? decoded.value : `${decoded.path} ${decoded.message}`;
}

describe("published ports as people write them", () => {
  const key = "A".repeat(43);

  it("are the same outside as inside when nothing else is written, and pair nobody", () => {
    expect(read({ gateway: { inside: 18_789 } })).toEqual([
      { name: "gateway", inside: 18_789, outside: 18_789, keys: [] },
    ]);
    expect(read({ web: { inside: 80, outside: 8080, keys: [key] } })).toEqual([
      { name: "web", inside: 80, outside: 8080, keys: [key] },
    ]);
  });

  it("are refused where they would need more than a person has, or name no key", () => {
    expect(read({ web: { inside: 80 } })).toBe("/web needs an outside port of 1024 or more");
    expect(read({ web: { inside: 80, outside: 443 } })).toContain("/web/outside ");
    expect(read({ web: { inside: 0 } })).toContain("/web/inside ");
    expect(read({ Web: { inside: 8080 } })).toContain("Web");
    expect(read({ web: { inside: 8080, keys: ["secret"] } })).toContain("/web/keys/0 ");
    expect(read({ web: { inside: 8080, host: "0.0.0.0" } })).toBe("/web/host is not a known field");
  });
});
