import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { canonicalize } from "../kernel/canonical.ts";
import { PLAIN_PURPOSES } from "../protocol/statement.ts";
import { plainText } from "./line.ts";
import { plainDocument, plainQuestion, renderPlain, type Plain } from "./plain-statement.ts";
import { statementCode, type Draft } from "./statement-code.ts";

const digest = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

function draft(plain: Plain): Draft {
  return {
    v: 1,
    purpose: plain.purpose,
    subject: digest(canonicalize(plainDocument(plain))),
    nonce: "0".repeat(32),
    policy: digest("policy"),
    start: "1".repeat(32),
    expires: 1,
  };
}

describe("a statement that one sentence says all of", () => {
  test.each(PLAIN_PURPOSES)("%s is shown with its question and the code of its draft", (purpose) => {
    const plain = { purpose, value: "x" };
    const shown = renderPlain(plain, { statement: draft(plain), digest });
    const text = shown.kind === "shown" ? shown.lines.map(plainText).join("\n") : shown.why;
    expect(text).toBe(
      `${plainQuestion(plain)}\n\npurpose    ${purpose}\ncode       ${statementCode(draft(plain), digest)}`,
    );
  });

  test("has words that hide nothing", () => {
    expect(plainQuestion({ purpose: "revoke-grant", value: "a\u202Eb" })).toBe("Revoke the grant a‹U+202E›b?");
  });

  test("names what a quarantine is by and which, spaces and all", () => {
    const plain: Plain = { purpose: "release-memory", value: "source web/fetch of  a \u202Eb" };
    expect(plainDocument(plain)).toEqual({ by: "source", value: "web/fetch of  a \u202Eb" });
    expect(plainQuestion(plain)).toBe(
      "Let agents have again what is in quarantine by source web/fetch of  a ‹U+202E›b?",
    );
    expect(renderPlain(plain, { statement: draft({ ...plain, value: "source web/fetch" }), digest }).kind).toBe(
      "refused",
    );
    expect(renderPlain(plain, { statement: draft({ ...plain, value: "entry 7" }), digest }).kind).toBe("refused");
  });

  test("attack: a draft for another purpose or another document is not shown; twin: its own is", () => {
    const plain: Plain = { purpose: "thaw-instance", value: "i-0000000000000001" };
    const others: readonly Plain[] = [
      { purpose: "lift-hold", value: "i-0000000000000001" }, // the very same document
      { purpose: "thaw-instance", value: "i-0000000000000002" },
    ];
    for (const other of others)
      expect(renderPlain(plain, { statement: draft(other), digest })).toMatchObject({ kind: "refused" });
    expect(renderPlain(plain, { statement: draft(plain), digest })).toMatchObject({ kind: "shown" });
  });
});
