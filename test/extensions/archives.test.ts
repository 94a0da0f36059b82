import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ArchiveFault } from "../../src/extensions/archive/fault.ts";
import { unpack, type Unpacked } from "../../src/extensions/archive/unpack.ts";
import { crc32, inflate } from "../../src/platform/files/inflate.ts";
import { packFolder } from "../../src/platform/files/pack-folder.ts";
import { unpackFolder } from "../../src/platform/files/unpack-folder.ts";
import type { ArchiveForm } from "../../src/protocol/extension-order.ts";
import { makeTar, makeTgz, makeZip, pax, type TarPart } from "../fakes/archives.ts";
import { HOSTILE_ARCHIVES } from "../fakes/hostile-archives.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";

/** Unpacks into memory; what was written is there also when it ends in a refusal. */
class Memory {
  readonly files = new Map<string, { readonly executable: boolean; text: string }>();

  async unpack(archive: Buffer, form: ArchiveForm): Promise<Unpacked> {
    const make = (path: string, { executable }: { readonly executable: boolean }) => {
      const file = { executable, text: "" };
      this.files.set(path, file);
      return {
        write(bytes: Uint8Array) {
          // Enough of it to tell what it is.
          if (file.text.length < 1024) file.text += Buffer.from(bytes).toString("latin1").slice(0, 1024);
        },
        close() {},
      };
    };
    return await unpack(archive, form, { target: { make }, inflate, crc32 });
  }
}

async function codeOf(archive: Buffer, form: ArchiveForm): Promise<string> {
  const memory = new Memory();
  try {
    await memory.unpack(archive, form);
    return `unpacked ${[...memory.files.keys()].join(", ")}`;
  } catch (error) {
    if (error instanceof ArchiveFault) return error.code;
    throw error;
  }
}

describe("an archive that nobody honest makes is refused, with its code", () => {
  test.each(HOSTILE_ARCHIVES)("$what ($form)", async ({ form, code, bytes }) => {
    expect(await codeOf(bytes(), form)).toBe(code);
  });

  test("the corpus has what it should", () => {
    expect(HOSTILE_ARCHIVES.length).toBeGreaterThanOrEqual(25);
    expect(new Set(HOSTILE_ARCHIVES.map(({ what }) => what)).size).toBe(HOSTILE_ARCHIVES.length);
  });
});

describe("an honest one is unpacked as it is", () => {
  test("a package as npm packs it", async () => {
    const memory = new Memory();
    const archive = makeTgz([
      { name: "package/package.json", body: "{}" },
      { name: "package/bin/run.js", body: "#!/usr/bin/env node\n", mode: 0o755 },
      pax({ path: `package/lib/${"long-".repeat(30)}name.js`, mtime: "1700000000.5" }),
      { name: "package/lib/long", body: "x" },
      { name: "package/docs/\u0645\u0631\u062d\u0628\u0627.md", body: "y" },
      { name: "package/empty/", type: "5" },
    ]);
    expect(await memory.unpack(archive, "tgz")).toEqual({ files: 4, bytes: 24 });
    expect([...memory.files].map(([path, { executable }]) => [path, executable])).toEqual([
      ["package.json", false],
      ["bin/run.js", true],
      [`lib/${"long-".repeat(30)}name.js`, false],
      ["docs/\u0645\u0631\u062d\u0628\u0627.md", false],
    ]);
  });

  test("a bundle with folders, deflated entries, sizes behind the data and a comment", async () => {
    const memory = new Memory();
    const archive = makeZip(
      [
        { name: "manifest.json", body: "{}" },
        { name: "server/", mode: 0o040755 },
        { name: "server/index.js", body: "a".repeat(5000), deflated: true, descriptor: true, mode: 0o100755 },
        { name: "icon.png", body: Buffer.alloc(300, 9), deflated: true },
      ],
      { comment: Buffer.from("made by hand") },
    );
    expect(await memory.unpack(archive, "zip")).toEqual({ files: 3, bytes: 5302 });
    expect(memory.files.get("server/index.js")).toMatchObject({ executable: true, text: "a".repeat(1024) });
  });

  test.each<readonly [string, readonly string[], readonly string[]]>([
    ["in its one folder", ["notes/SKILL.md", "notes/lib/a.md"], ["SKILL.md", "lib/a.md"]],
    ["at its top", ["SKILL.md", "lib/a.md"], ["SKILL.md", "lib/a.md"]],
    ["beside another folder", ["notes/SKILL.md", "other/a.md"], ["notes/SKILL.md", "other/a.md"]],
    ["beside a file", ["notes/SKILL.md", "a.md"], ["notes/SKILL.md", "a.md"]],
    ["deeper", ["a/notes/SKILL.md"], ["a/notes/SKILL.md"]],
    ["with a bundle's manifest", ["notes/SKILL.md", "notes/manifest.json"], ["notes/SKILL.md", "notes/manifest.json"]],
  ])("a skill in a zip, %s", async (_where, names, paths) => {
    const memory = new Memory();
    await memory.unpack(
      makeZip(
        [{ name: "notes/", mode: 0o040755 }, ...names.map((name) => ({ name }))].slice(
          names.every((name) => name.startsWith("notes/")) ? 0 : 1,
        ),
      ),
      "zip",
    );
    expect([...memory.files.keys()]).toEqual(paths);
  });

  test.each([
    ["notes/SKILL.md", "notes/../../a"],
    ["notes/SKILL.md", "notes//etc/passwd"],
    ["notes/SKILL.md", "Notes/SKILL.md"],
    ["notes/SKILL.md", "notes/skill.md"],
  ])("nothing gets out of a skill's folder, or twice into it: %s, %s", async (...names) => {
    const memory = new Memory();
    const archive = makeZip(names.map((name) => ({ name })));
    await expect(memory.unpack(archive, "zip")).rejects.toThrow(ArchiveFault);
    expect([...memory.files.keys()]).toEqual([]);
  });

  test("what GNU tar makes, with a path of 150 bytes", async () => {
    const folder = makeTemporaryFolder();
    const path = `package/${"n".repeat(70)}/${"m".repeat(70)}`;
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), "long");
    for (const format of ["gnu", "posix", "ustar"]) {
      const archive = execFileSync("tar", ["-C", folder, `--format=${format}`, "-cz", path]);
      const memory = new Memory();
      await memory.unpack(archive, "tgz");
      expect([...memory.files.keys()]).toEqual([path.slice("package/".length)]);
    }
  });

  test("a folder that the command line packs, and the tar of it for GNU tar", async () => {
    const folder = makeTemporaryFolder();
    const [from, to, other] = ["from", "to", "other"].map((name) => join(folder, name));
    if (from === undefined || to === undefined || other === undefined) throw new Error("no folders");
    const names = ["SKILL.md", "a/b/c.txt", `${"long/".repeat(22)}name`, "\u4f60\u597d.md", "x ".repeat(40) + "y"];
    for (const name of names) {
      mkdirSync(join(from, dirname(name)), { recursive: true });
      writeFileSync(join(from, name), `this is ${name}`);
    }
    mkdirSync(join(from, ".git"));
    writeFileSync(join(from, ".git", "config"), "left out");
    for (const each of [to, other]) mkdirSync(each);
    const packed = await collect(packFolder(from));
    await unpack(packed, "tar", { target: unpackFolder(to), inflate, crc32 });
    execFileSync("tar", ["-C", other, "-x"], { input: packed });
    for (const root of [to, other]) {
      expect(filesOf(root)).toEqual(names.toSorted());
      for (const name of names) expect(readFileSync(join(root, name), "utf8")).toBe(`this is ${name}`);
    }
  });

  test("but for a link in the folder, which is refused", async () => {
    const folder = makeTemporaryFolder();
    writeFileSync(join(folder, "a"), "1");
    symlinkSync("/etc/passwd", join(folder, "link"));
    expect(await codeOf(await collect(packFolder(folder)), "tar")).toBe("archive-link");
  });
});

test("bombs take a bounded time and memory, and little of them is ever written", () => {
  const program = fileURLToPath(new URL("../fakes/unpack-bombs.ts", import.meta.url));
  // Five bombs of together 5.5 GiB. The time is that of a machine that does much else.
  const said = execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", program], { timeout: 60_000 });
  const { ended, written, memory }: { ended: string[]; written: number; memory: number } = JSON.parse(said.toString());
  expect(ended).toEqual(HOSTILE_ARCHIVES.filter(({ what }) => what.includes("bomb")).map(({ code }) => code));
  expect(written).toBeLessThan(256 * 2 ** 20);
  expect(memory).toBeLessThan(400 * 2 ** 20);
});

test("no byte that changes lets anything out, or another error", async () => {
  const honest: readonly (readonly [ArchiveForm, Buffer])[] = [
    ["tar", makeTar([pax({ path: "b/\u00e9" }), { name: "a", body: "1" }, { name: "c/d", body: "2".repeat(600) }])],
    [
      "zip",
      makeZip([
        { name: "a", body: "1" },
        { name: "c/d", body: "2".repeat(600), deflated: true, descriptor: true },
      ]),
    ],
    [
      "tgz",
      makeTgz([
        { name: "p/a", body: "1" },
        { name: "p/c/d", body: "2".repeat(600) },
      ]),
    ],
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...honest),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
      async ([form, archive], changes) => {
        const changed = Buffer.from(archive);
        for (const [at, byte] of changes) changed[at % changed.length] = byte;
        const memory = new Memory();
        const ended = await memory.unpack(changed, form).catch((error: unknown) => error);
        if (ended instanceof Error) expect(ended).toBeInstanceOf(ArchiveFault);
        for (const path of memory.files.keys()) expect(path).toMatch(/^(?!\/)(?!.*(?:^|\/)\.\.?(?:\/|$))[^\\\p{C}]+$/u);
      },
    ),
    { numRuns: 500 },
  );
});

describe("without the checks the attacks work", () => {
  const root = makeTemporaryFolder();

  /** What a first try looks like: a name is joined to the folder, a link is made. Writes below `root` only. */
  function unpackNaively(tar: Buffer, folder: string): void {
    for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
      const field = (from: number, to: number): string =>
        tar.toString("utf8", at + from, at + to).replace(/\0.*$/su, "");
      const size = Number.parseInt(field(124, 136), 8);
      const path = join(folder, field(0, 100));
      if (!path.startsWith(root)) throw new Error("the test itself would write elsewhere");
      mkdirSync(dirname(path), { recursive: true });
      if (field(156, 157) === "2") symlinkSync(field(157, 257), path);
      else writeFileSync(path, tar.subarray(at + 512, at + 512 + size));
      at += 512 + Math.ceil(size / 512) * 512;
    }
  }

  test.each<readonly [string, readonly TarPart[]]>([
    ["a path that leads up", [{ name: "package/../../canary", body: "out" }]],
    [
      "a link, and a file through it",
      [
        { name: "package/l", type: "2", link: "../../" },
        { name: "package/l/canary", body: "out" },
      ],
    ],
  ])("%s writes beside the folder", async (_what, parts) => {
    const folder = join(root, "inner");
    const archive = makeTgz(parts);
    unpackNaively(gunzipSync(archive), folder);
    expect(readFileSync(join(root, "canary"), "utf8")).toBe("out");
    for (const name of ["canary", "inner"]) rmSync(join(root, name), { recursive: true, force: true });
    mkdirSync(folder);
    await expect(unpack(archive, "tgz", { target: unpackFolder(folder), inflate, crc32 })).rejects.toThrow(
      ArchiveFault,
    );
    expect(existsSync(join(root, "canary"))).toBe(false);
    rmSync(folder, { recursive: true });
  });

  test("a second file of the same name takes the place of the first, which was shown", async () => {
    const archive = makeTgz([
      { name: "package/a", body: "shown" },
      { name: "package/a", body: "run" },
    ]);
    const folder = join(root, "twins");
    unpackNaively(gunzipSync(archive), folder);
    expect(readFileSync(join(folder, "package/a"), "utf8")).toBe("run");
    expect(await codeOf(archive, "tgz")).toBe("archive-twin");
  });

  test("a bomb of four mebibytes makes gibibytes, for who takes what comes", async () => {
    const bomb = HOSTILE_ARCHIVES.find(({ what }) => what === "a gzip bomb")?.bytes() ?? Buffer.alloc(0);
    expect(bomb.length).toBeLessThan(6 * 1024 * 1024);
    let bytes = 0;
    for await (const piece of inflate(bomb.subarray(10)).pieces) {
      bytes += piece.length;
      if (bytes > 64 * 1024 * 1024) break;
    }
    expect(bytes).toBeGreaterThan(64 * 1024 * 1024);
    expect(gzipSync(Buffer.alloc(1)).length).toBeLessThan(100);
  });
});

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

function filesOf(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted();
}
