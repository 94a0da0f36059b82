import { createHash } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import { ROOT } from "../../../test/source-modules.ts";
import { keepLauncherModules, readLauncherFiles } from "./launcher-files.ts";

const MARK = "// kept\n";
const made = readLauncherFiles(ROOT, "node");
const plain = Object.values(made.modules);

describe("the launcher's modules", () => {
  let root: string;
  let kept: string;

  beforeEach(() => {
    root = makeTemporaryFolder();
    kept = join(root, "node_modules", ".aios-cache", "launcher");
    mkdirSync(kept, { recursive: true });
    for (const name of Object.keys(made.modules)) {
      const source = join("src", name.replace(/mjs$/, "ts"));
      cpSync(join(ROOT, source), join(root, source));
    }
    keepLauncherModules(root, kept);
  });

  const modules = (): readonly string[] => Object.values(readLauncherFiles(root, "node").modules);
  const files = (): readonly string[] => readdirSync(kept).map((name) => join(kept, name));
  /** So that what was kept differs from what is made anew. */
  function mark(): void {
    for (const path of files()) {
      const text = `${readFileSync(path, "utf8").replace(/^.*\n/, "")}${MARK}`;
      writeFileSync(path, `${createHash("sha256").update(text).digest("hex")}\n${text}`);
    }
  }

  test("have no types, and import each other", () => {
    expect(plain.join("")).not.toContain(": string");
    expect(plain.join("")).toContain('"../platform/supervision/become-program.mjs"');
  });

  test("are the same when the set-up has kept them", () => {
    expect(modules()).toEqual(plain);
    mark();
    expect(modules()).toEqual(plain.map((text) => `${text}${MARK}`));
  });

  test("are made anew of a source that has changed", () => {
    mark();
    appendFileSync(join(root, "src", "main", "launcher.ts"), "export const more: number = 1;\n");
    const [entry = "", ...others] = modules();
    expect(entry).toBe(`${plain[0]}export const more         = 1;\n`);
    expect(others.every((text) => text.endsWith(MARK))).toBe(true);
  });

  test.each<readonly [string, (path: string) => void]>([
    ["cut short", (path) => truncateSync(path, statSync(path).size >> 1)],
    ["empty", (path) => truncateSync(path, 0)],
    ["altered", (path) => appendFileSync(path, "process.exit(0);\n")],
    ["under another digest", (path) => writeFileSync(path, `${"0".repeat(64)}\nprocess.exit(0);\n`)],
  ])("are made anew when what was kept is %s", (_how, spoil) => {
    mark();
    files().forEach(spoil);
    expect(modules()).toEqual(plain);
  });
});
