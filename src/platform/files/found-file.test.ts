import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import { findFile } from "./found-file.ts";

describe("what lies below a folder", () => {
  let folder: string;
  const find = (...names: readonly string[]): ReturnType<typeof findFile> => findFile(folder, { names, most: 100 });

  beforeAll(() => {
    const base = makeTemporaryFolder();
    folder = join(base, "work");
    mkdirSync(join(folder, "deep"), { recursive: true });
    writeFileSync(join(base, "secret"), "secret");
    writeFileSync(join(folder, "deep", "text"), "Grüße\n");
    writeFileSync(join(folder, "binary"), Buffer.of(1, 0, 2));
    writeFileSync(join(folder, "latin"), Buffer.of(0xfc));
    writeFileSync(join(folder, "long"), "x".repeat(101));
    writeFileSync(join(folder, "just"), "x".repeat(100));
    symlinkSync("../secret", join(folder, "link"));
    symlinkSync("deep", join(folder, "way"));
    symlinkSync("/proc/self/fd", join(folder, "proc"));
    spawnSync("mkfifo", [join(folder, "pipe")]);
  });

  test("is a text, of at most so many bytes", async () => {
    expect(await find("deep", "text")).toMatchObject({ kind: "file", size: 8, text: "Grüße\n" });
    expect(await find("just")).toMatchObject({ text: "x".repeat(100) });
    expect(await find("long")).toEqual({ kind: "file", size: 101, bytes: null, text: null });
  });

  test.each(["binary", "latin"])("is no text: %s", async (name) => {
    expect(await find(name)).toMatchObject({ kind: "file", text: null });
  });

  test("is nothing, or no file; a pipe holds nobody up", async () => {
    expect(await find("none")).toEqual({ kind: "nothing" });
    expect(await find("deep")).toEqual({ kind: "no-file" });
    expect(await find("pipe")).toEqual({ kind: "no-file" });
  });

  test("attack: no link is followed, at the end or on the way, and no name leads up", async () => {
    expect(await find("link")).toEqual({ kind: "link" });
    expect(await find("way", "text")).toEqual({ kind: "link" });
    expect(await find("proc", "0")).toEqual({ kind: "link" });
    for (const names of [["..", "secret"], ["deep/../../secret"], [".", "just"], [""], []])
      expect(await find(...names)).toEqual({ kind: "unreadable" });
  });
});
