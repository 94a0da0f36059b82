import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { findProgram, interpreterOf } from "./find-program.ts";

const base = mkdtempSync(join(tmpdir(), "aios-find-"));
afterAll(() => rmSync(base, { recursive: true }));
for (const folder of ["a", "b", "a/folder"]) mkdirSync(join(base, folder));
for (const [path, mode, text] of [
  ["a/tool", 0o644, "#!/bin/sh\n"],
  ["b/tool", 0o755, "#!/bin/sh\n"],
  ["b/plain", 0o644, "text"],
  ["b/spaced", 0o755, "#! \t/opt/x/run -e\n"],
  ["b/painted", 0o755, "#!/opt/\u001b[2Jx\n"],
  ["b/long", 0o755, `#!/${"x".repeat(500)}\n`],
  ["b/empty", 0o755, ""],
] as const) {
  writeFileSync(join(base, path), text);
  chmodSync(join(base, path), mode);
}
const PATH = ["a", "b"].map((folder) => join(base, folder)).join(":");
const kindOf = (word: string): string => findProgram(word, PATH).kind;

describe("findProgram", () => {
  it("takes the first file of the search path that may be executed", () => {
    expect(findProgram("tool", PATH)).toEqual({ kind: "found", program: join(base, "b/tool") });
  });

  it("takes a word with a slash as it is", () => {
    expect(findProgram(join(base, "b/tool"), "")).toEqual({ kind: "found", program: join(base, "b/tool") });
    expect(kindOf(join(base, "b/none"))).toBe("no-program");
  });

  it("tells what is not there from what cannot be executed, as shells do", () => {
    expect(
      ["none", "plain", "folder", join(base, "a"), join(base, "a/tool"), join(base, "b/tool/x")].map(kindOf),
    ).toEqual(["no-program", "bad-program", "bad-program", "bad-program", "bad-program", "no-program"]);
  });
});

describe("interpreterOf", () => {
  const named = (name: string): string | null => interpreterOf(join(base, "b", name));

  it("names what the first line names, cut and in characters that obey nobody", () => {
    expect(named("spaced")).toBe('"/opt/x/run"');
    expect(named("painted")).toBe('"/opt/?[2Jx"');
    expect(named("long")?.length).toBeLessThan(140);
  });

  it("is null for what is no script", () => {
    expect([named("plain"), named("empty"), named("none")]).toEqual([null, null, null]);
  });
});
