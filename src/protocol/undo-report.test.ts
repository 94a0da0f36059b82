import { describe, expect, it } from "vitest";
import type { JsonValue } from "../kernel/json.ts";
import { decodeUndoReport, UNDO_LISTED } from "./undo-report.ts";

const REPORT = {
  changes: [{ what: "restored", path: "/workspace/a" }],
  changed: 1,
  left: [{ path: "/workspace/b", why: "it was changed since the run" }],
  leftCount: 1,
  noted: true,
};

function refusal(value: JsonValue): string {
  const decoded = decodeUndoReport(value);
  return decoded.kind === "ok" ? "accepted" : `${decoded.path}: ${decoded.message}`;
}

describe("a report of an undoing", () => {
  it("is read as it was written", () => {
    expect(decodeUndoReport(REPORT)).toEqual({ kind: "ok", value: REPORT });
  });

  it("is refused with a word, a field or a length that it does not have", () => {
    expect(refusal({ ...REPORT, changes: [{ what: "burnt", path: "/a" }] })).toContain("/changes/0/what");
    expect(refusal({ ...REPORT, more: 1 })).toContain("/more");
    expect(refusal({ ...REPORT, changed: -1 })).toContain("/changed");
    const many = Array.from({ length: UNDO_LISTED + 1 }, () => ({ what: "mode", path: "/a" }));
    expect(refusal({ ...REPORT, changes: many })).toContain("/changes");
  });
});
