import { describe, expect, test } from "vitest";
import { decodeSecondScreen, readSecondCode, showSecondCode } from "./second-screen.ts";

describe("the second screen", () => {
  test("is demanded for nothing or for what is reserved, and the setting has one spelling", () => {
    expect(decodeSecondScreen({ for: "reserved" })).toEqual({ kind: "ok", value: { for: "reserved" } });
    expect(decodeSecondScreen({ for: "nothing" })).toEqual({ kind: "ok", value: { for: "nothing" } });
    for (const wrong of [{}, null, "reserved", { for: "" }, { for: "Reserved" }, { for: "reserved", since: 0 }])
      expect(decodeSecondScreen(wrong).kind).toBe("refused");
  });

  test("a code that was typed is what was told, with or without dash, capitals and look-alikes", () => {
    const code = "k3v9q10t";
    for (const typed of [showSecondCode(code), code, " K3V9 Q10T ", "k3v9-qiot", "k3v9-qlOt"])
      expect(readSecondCode(typed)).toBe(code);
    for (const none of ["", "k3v9", "k3v9-q10t-0", "k3v9-q10u", "k3v9_q10t", "ｋ3v9q10t"])
      expect(readSecondCode(none)).toBeNull();
  });
});
