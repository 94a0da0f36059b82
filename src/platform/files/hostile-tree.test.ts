import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { emptyTree, makePlaces, measureTree, openTree } from "./hostile-tree.ts";

const MANY = { bytes: 2 ** 40, entries: 1_000_000 };
let base: string;
let volume: string;
let outside: string;
let root: number;

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "aios-tree-")));
  [volume, outside] = [join(base, "volume"), join(base, "outside")];
  mkdirSync(volume);
  mkdirSync(outside);
  writeFileSync(join(outside, "canary"), Buffer.alloc(1_000_000));
  root = openTree(volume);
});
afterEach(() => {
  closeSync(root);
  rmSync(base, { recursive: true, force: true });
});

/** By a program that goes down with what it makes: no path could name it. */
const nest = (depth: number): void => {
  const script = `const fs = require("node:fs");
    for (let at = 0; at < ${depth}; at++) { fs.mkdirSync("d"); process.chdir("d"); }
    fs.writeFileSync("bottom", "deep");`;
  execFileSync(process.execPath, ["-e", script], { cwd: volume });
};

describe("the size of a tree", () => {
  it("is what lies on disk, with every name counted and every file once", () => {
    writeFileSync(join(volume, "file"), Buffer.alloc(1_000_000));
    linkSync(join(volume, "file"), join(volume, "again"));
    writeFileSync(join(volume, "sparse"), "");
    truncateSync(join(volume, "sparse"), 2 ** 40);
    const { bytes, entries, whole } = measureTree(root, MANY);
    expect({ entries, whole }).toEqual({ entries: 3, whole: true });
    expect(bytes).toBeGreaterThanOrEqual(1_000_000);
    expect(bytes).toBeLessThan(1_100_000);
  });

  it("follows no link: neither to a file nor to a folder nor to itself", () => {
    for (const [at, name] of [outside, join(outside, "canary"), "/", "."].entries())
      symlinkSync(name, join(volume, `l${at}`));
    const { bytes, entries, whole } = measureTree(root, MANY);
    expect({ entries, whole }).toEqual({ entries: 4, whole: true });
    expect(bytes).toBeLessThan(100_000);
  });

  it("counts names that are no text, and what lies in folders that nobody may read", () => {
    writeFileSync(Buffer.concat([Buffer.from(`${volume}/`), Buffer.from([0xff, 0xfe])]), "x");
    mkdirSync(join(volume, "shut"));
    writeFileSync(join(volume, "shut", "hidden"), Buffer.alloc(500_000));
    execFileSync("chmod", ["000", join(volume, "shut")]);
    expect(measureTree(root, MANY)).toMatchObject({ entries: 3, whole: true });
    expect(measureTree(root, MANY).bytes).toBeGreaterThan(500_000);
  });

  it("is not whole when it is over a bound, or deeper than anybody looks", () => {
    writeFileSync(join(volume, "file"), Buffer.alloc(1_000_000));
    expect(measureTree(root, { ...MANY, bytes: 500_000 }).whole).toBe(false);
    expect(measureTree(root, { ...MANY, entries: 0 }).whole).toBe(false);
    nest(80);
    expect(measureTree(root, MANY).whole).toBe(false);
  });
});

describe("emptying a tree", () => {
  it("removes what is as deep as no path can name, and nothing that links lead to", () => {
    nest(2200); // PATH_MAX is 4096
    symlinkSync(outside, join(volume, "out"));
    linkSync(join(outside, "canary"), join(volume, "linked"));
    execFileSync("mkfifo", [join(volume, "pipe")]);
    emptyTree(root);
    expect(readdirSync(volume)).toEqual([]);
    expect(readFileSync(join(outside, "canary")).length).toBe(1_000_000);
  });
});

describe("places to mount on", () => {
  it("are made where nothing is, and kept where they are", () => {
    mkdirSync(join(volume, ".claude"));
    writeFileSync(join(volume, ".claude", "settings.json"), "the agent's");
    expect(makePlaces(root, [".claude/settings.json", ".claude/agents/", "a/b/c"])).toEqual([]);
    expect(readFileSync(join(volume, ".claude", "settings.json"), "utf8")).toBe("the agent's");
    expect(readdirSync(join(volume, ".claude")).toSorted()).toEqual(["agents", "settings.json"]);
    expect(readFileSync(join(volume, "a/b/c"), "utf8")).toBe("");
  });

  it("are never where a link leads: the link is put aside", () => {
    symlinkSync(outside, join(volume, ".claude"));
    symlinkSync(join(outside, "made"), join(volume, "CLAUDE.md"));
    expect(makePlaces(root, [".claude/settings.json", "CLAUDE.md"])).toEqual([".claude", "CLAUDE.md"]);
    expect(readdirSync(outside)).toEqual(["canary"]);
    expect(existsSync(join(volume, ".claude", "settings.json"))).toBe(true);
    // Again, while what was put aside is still there.
    rmSync(join(volume, ".claude"), { recursive: true });
    symlinkSync(outside, join(volume, ".claude"));
    expect(makePlaces(root, [".claude/settings.json"])).toEqual([".claude"]);
    expect(readdirSync(volume).toSorted()).toEqual([
      ".claude",
      ".claude.aside-0",
      ".claude.aside-1",
      "CLAUDE.md",
      "CLAUDE.md.aside-0",
    ]);
  });

  it("are of their kind: a file in the way of a folder is put aside, a pipe in the way of a file too", () => {
    writeFileSync(join(volume, "agents"), "");
    mkdirSync(join(volume, "CLAUDE.md"));
    execFileSync("mkfifo", [join(volume, "SOUL.md")]);
    expect(makePlaces(root, ["agents/", "CLAUDE.md", "SOUL.md"])).toEqual(["agents", "CLAUDE.md", "SOUL.md"]);
  });
});
