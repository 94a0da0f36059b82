import { describe, expect, it } from "vitest";
import type { JsonValue } from "../kernel/json.ts";
import { decode } from "./decode.ts";
import { entryText, linkAddress, PORT_HOST, PORTS_ANSWERS, PORTS_TABLE } from "./port-entry.ts";

const HOST = "0123456789abcdef.web.a.localhost";

describe("coming to a published port", () => {
  it("has one text signed for each origin and challenge", () => {
    expect(entryText(`http://${HOST}:1`, "00")).toBe(`aios published port v1\nhttp://${HOST}:1\n00`);
  });

  it("has a link whose secret is in the fragment, which is sent to nobody", () => {
    const link = new URL(linkAddress(`http://${HOST}:8080`, "ab".repeat(32)));
    expect([link.pathname, link.search, link.hash]).toEqual(["/.aios/open", "", `#${"ab".repeat(32)}`]);
  });

  it("knows a host by its label, and none without", () => {
    expect(PORT_HOST.test(HOST)).toBe(true);
    for (const other of ["web.a.localhost", "0123456789abcde.web.a.localhost", `${HOST}.evil.example`, `a${HOST}`])
      expect([other, PORT_HOST.test(other)]).toEqual([other, false]);
  });

  it("is told to the command line with all that it takes, and nothing else", () => {
    const port = { instance: `i-${"0".repeat(16)}`, agent: "a", port: "web", host: HOST, inside: 80, outside: 8080 };
    const answer = (value: JsonValue): string => {
      const decoded = decode(PORTS_ANSWERS["open-ports"], { ports: [value] });
      return decoded.kind === "ok" ? "accepted" : decoded.path;
    };
    expect(decode(PORTS_TABLE["open-ports"], {}).kind).toBe("ok");
    expect(decode(PORTS_TABLE["open-ports"], { agent: "a" }).kind).toBe("refused");
    expect(answer({ ...port, keys: ["A".repeat(43)] })).toBe("accepted");
    expect(answer({ ...port, keys: [], host: "web.a.localhost" })).toBe("/ports/0/host");
    expect(answer({ ...port, keys: ["short"] })).toBe("/ports/0/keys/0");
  });
});
