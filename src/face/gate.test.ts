import { describe, expect, test } from "vitest";
import { admitText } from "./gate.ts";

const call = (id: string, ttl: string): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"memory__put","arguments":{"ttl":${ttl}}}}`;

describe("a message that the strict parser refuses", () => {
  test.each(["1e300", "1e400", "-0", "9007199254740993"])(
    "is answered under its id, and told what it is refused for: %s",
    (ttl) => {
      expect(admitText(call("7", ttl))).toMatchObject({
        kind: "refuse",
        reply: { id: 7, error: { code: -32_700, message: expect.stringContaining(ttl) as string } },
      });
      expect(admitText(call('"a"', ttl))).toMatchObject({ reply: { id: "a" } });
    },
  );

  test("has no id where it has none that can be answered", () => {
    expect(admitText(call("1e300", "1"))).toMatchObject({ kind: "refuse", reply: { id: null } });
    expect(admitText("{")).toMatchObject({ kind: "refuse", reply: { id: null } });
  });

  test("twin: one with ordinary numbers passes", () => {
    expect(admitText(call("7", "60"))).toMatchObject({ kind: "pass" });
  });
});
