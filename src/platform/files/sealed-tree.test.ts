import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  existsSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import { emptyTree, openTree } from "./hostile-tree.ts";
import { readTree, unsealTree, type SealedTree } from "./sealed-tree.ts";

/** A tree of three files. */
function makeTree(): string {
  const root = join(makeTemporaryFolder(), "tree");
  mkdirSync(join(root, "a", "b"), { recursive: true });
  writeFileSync(join(root, "z"), "last");
  writeFileSync(join(root, "a", "run"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(root, "a", "b", "c"), "deep");
  return root;
}

function read(root: string, seal = false): SealedTree {
  const fd = openTree(root);
  try {
    return readTree(fd, { seal });
  } finally {
    closeSync(fd);
  }
}

describe("the digest of a tree", () => {
  test("is over paths, executable bits and bytes, by the bytes of the paths, and nothing else", () => {
    const [one, other] = [makeTree(), makeTree()];
    const tree = read(one);
    expect(tree.files.map(({ path, executable, bytes }) => [path, executable, bytes])).toEqual([
      ["a/b/c", false, 4],
      ["a/run", true, 10],
      ["z", false, 4],
    ]);
    expect(tree.bytes).toBe(18);
    chmodSync(join(other, "z"), 0o640);
    expect(read(other).digest).toBe(tree.digest);
  });

  test.each<readonly [string, (root: string) => void]>([
    ["a byte", (root) => writeFileSync(join(root, "z"), "lasT")],
    ["a name", (root) => renameSync(join(root, "z"), join(root, "y"))],
    ["an executable bit", (root) => chmodSync(join(root, "z"), 0o700)],
    ["a file more", (root) => writeFileSync(join(root, "a", "more"), "")],
    ["a file less", (root) => rmSync(join(root, "z"))],
  ])("is another when %s is", (_what, change) => {
    const root = makeTree();
    const { digest } = read(root);
    change(root);
    expect(read(root).digest).not.toBe(digest);
  });
});

describe("what is no plain file or folder is refused, whoever let it through", () => {
  test.each<readonly [string, (root: string) => void]>([
    ["a link out", (root) => symlinkSync("/etc/passwd", join(root, "l"))],
    ["a link to a folder", (root) => symlinkSync("/etc", join(root, "l"))],
    ["a link inside", (root) => symlinkSync("z", join(root, "l"))],
    ["a file with a second name", (root) => linkSync(join(root, "z"), join(root, "y"))],
    ["a pipe", (root) => execFileSync("mkfifo", [join(root, "p")])],
    ["an empty folder, which no digest would show", (root) => mkdirSync(join(root, "empty"))],
    ["a name with a line feed, which would be two lines", (root) => writeFileSync(join(root, "a\nb"), "")],
    ["a name that is no UTF-8", (root) => writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.of(0xff)]), "")],
    [
      "sixty folders in each other",
      (root) => {
        const deep = join(root, ...Array.from({ length: 60 }, () => "d"));
        mkdirSync(deep, { recursive: true });
        writeFileSync(join(deep, "f"), "");
      },
    ],
    ["nothing at all", (root) => rmSync(root, { recursive: true })],
  ])("%s", (_what, spoil) => {
    const root = makeTree();
    expect(() => read(root)).not.toThrow();
    spoil(root);
    expect(() => read(root, true)).toThrow();
  });
});

test("a sealed tree can be written by nobody, read again, and removed", () => {
  const root = makeTree();
  const { digest } = read(root, true);
  const modes = ["", "z", "a", "a/run"].map((path) => statSync(join(root, path)).mode & 0o777);
  expect(modes).toEqual([0o500, 0o400, 0o500, 0o500]);
  expect(read(root).digest).toBe(digest);
  const fd = openTree(root);
  try {
    unsealTree(fd);
    emptyTree(fd);
  } finally {
    closeSync(fd);
  }
  rmdirSync(root);
  expect(existsSync(root)).toBe(false);
});
