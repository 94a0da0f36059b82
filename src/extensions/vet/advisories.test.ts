import { describe, expect, test } from "vitest";
import { findAdvisory, readAdvisories, shippedAdvisories } from "./advisories.ts";

const osv = (name: string, more: object): string =>
  JSON.stringify({
    schema_version: "1.7.4",
    id: `MAL-${name}`,
    affected: [{ package: { ecosystem: "npm", name }, ...more }],
  });

const FILE = [
  osv("all-bad", {}),
  osv("two-bad", { versions: ["1.0.1", "1.0.2"] }),
  osv("open-range", { ranges: [{ type: "SEMVER", events: [{ introduced: "1.0.16" }] }] }),
  osv("closed-range", { ranges: [{ type: "SEMVER", events: [{ introduced: "1.2.0" }, { fixed: "1.2.5" }] }] }),
  "",
  JSON.stringify({ id: "file-1", sha256: "ab".repeat(32) }),
].join("\n");

describe("advisories", () => {
  const read = readAdvisories(FILE);
  const found = (name: string, wanted: string): boolean =>
    read.kind === "ok" && findAdvisory(read.advisories, { name, wanted }) !== null;

  test.each([
    ["all-bad", "9.9.9"],
    ["two-bad", "1.0.1"],
    ["open-range", "1.0.16"],
    ["open-range", "^1.0.12"],
    ["open-range", "latest"],
    ["closed-range", "1.2.4"],
    ["postmark-mcp", "1.0.16"],
  ])("%s %s is known", (name, wanted) => {
    expect(found(name, wanted)).toBe(true);
  });

  test.each([
    ["two-bad", "1.0.3"],
    ["two-bad", "^1.0.0"],
    ["open-range", "1.0.15"],
    ["closed-range", "1.2.5"],
    ["closed-range", "*"],
    ["express", "5.0.0"],
    ["postmark-mcp", "1.0.12"],
  ])("%s %s is not", (name, wanted) => {
    expect(found(name, wanted)).toBe(false);
  });

  test("a file that is good in part is refused as a whole, with the line", () => {
    for (const bad of [
      "not json",
      "[]",
      "{}",
      '{"id":"x"}',
      '{"id":"x","sha256":"AB"}',
      '{"id":"x","affected":[{"package":{}}]}',
    ])
      expect(readAdvisories(`${FILE}\n${bad}`)).toMatchObject({ kind: "refused", line: 7 });
  });

  test("an empty file leaves what is shipped", () => {
    expect(readAdvisories("")).toMatchObject({ kind: "ok" });
    expect(findAdvisory(shippedAdvisories(), { name: "flatmap-stream", wanted: "0.1.1" })).not.toBeNull();
  });
});
