import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { runProgram } from "../../src/cli/program.ts";
import { canonicalize } from "../../src/kernel/canonical.ts";
import { readSource } from "../../src/main/read-source.ts";
import { judgePublication } from "../../src/monitor/extensions/publication.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { toBase64 } from "../../src/protocol/bytes.ts";
import type { ExtensionRequests, ExtensionView } from "../../src/protocol/extension-table.ts";
import { PUBLISHER_FILE } from "../../src/protocol/publisher.ts";
import { makeTgz } from "../fakes/archives.ts";
import { createDesk, NOW, PASSPHRASE, type Desk } from "../fakes/cli-powers.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";

const crypto = createCrypto();
const KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const OTHER = toBase64(new Uint8Array(32).fill(9));

function extension(at: number, publication: ExtensionView["publication"], grants: readonly string[]): ExtensionView {
  const said = { kind: "npm", name: `ext-${at}`, version: "1.0.0", source: "x.tgz", state: "added" } as const;
  const id = `sha256:${String(at).repeat(64)}`;
  return { id, ...said, at: NOW, why: null, provenance: null, publication, grants };
}

function open(
  typed: readonly string[],
  {
    listed = { only: false, publishers: [] },
    store = [],
  }: { listed?: ExtensionRequests["publishers"]["ok"]; store?: readonly ExtensionView[] } = {},
): Desk {
  return createDesk({
    typed,
    answers: {
      publishers: () => listed,
      extensions: () => ({ extensions: store }),
      prepare: ({ purpose, document }) => {
        const [nonce, subject] = ["0".repeat(32), crypto.digest(canonicalize(document))];
        return { statement: { v: 1, purpose, nonce, subject, policy: subject, start: nonce, expires: NOW + 1000 } };
      },
      submit: () => ({ seq: 7 }),
    },
  });
}
const signed = (desk: Desk): readonly unknown[] =>
  desk.monitor.asked
    .filter(({ name }) => name === "submit")
    .map(({ body }) => (body as { readonly document: unknown }).document);
const run = (desk: Desk, ...words: readonly string[]): Promise<number> => runProgram(words, desk.powers);

describe("aios publishers", () => {
  test("admits a key that is shown with its code before it is signed, and one code is on every screen", async () => {
    const desk = open(["y", PASSPHRASE]);
    expect(await run(desk, "publishers", "admit", "acme", KEY)).toBe(EXIT.ok);
    expect(signed(desk)).toEqual([{ kind: "admit", name: "acme", key: KEY }]);
    expect(desk.err()).toContain(KEY);
    const [, code = "none"] = /code +(\S+)/u.exec(desk.err()) ?? [];
    const listing = open([], { listed: { only: true, publishers: [{ name: "acme", key: KEY }] } });
    expect(await run(listing, "publishers", "list")).toBe(EXIT.ok);
    expect(listing.out()).toContain(code);
    expect(listing.out()).toContain("only extensions run that an admitted publisher signed");
  });

  test.each([
    ["a twin of a letter", ["publishers", "admit", "\u0430cme", KEY]],
    ["a capital", ["publishers", "admit", "Acme", KEY]],
    ["a short form for a key", ["publishers", "admit", "acme", "ed25519:0123456789abcdef"]],
    ["a name that ends with a hyphen", ["publishers", "admit", "acme-", KEY]],
    ["a name with two hyphens in a row", ["publishers", "admit", "ac--me", KEY]],
    ["neither on nor off", ["publishers", "only", "maybe"]],
  ])("asks nobody about %s", async (_what, words) => {
    const desk = open(["y", PASSPHRASE]);
    expect(await run(desk, ...words)).toBe(EXIT.usage);
    expect(desk.monitor.asked.map(({ name }) => name)).toEqual([]);
  });

  test.each(["A".repeat(43).concat("="), `AQ${"A".repeat(41)}=`, `7v${"/".repeat(40)}8=`])(
    "admits no key under which anybody can sign, or that has two spellings: %s",
    async (key) => {
      const desk = open(["y", PASSPHRASE]);
      expect(await run(desk, "publishers", "admit", "acme", key)).toBe(EXIT.setup);
      expect(desk.err()).toContain("(bad-key)");
      expect(desk.err()).toContain("hint: ");
      expect(desk.monitor.asked.map(({ name }) => name)).toEqual([]);
    },
  );

  test.each([
    ["\u0430\u0441me", '"‹U+0430›‹U+0441›me"'],
    ["ac me", '"ac me"'],
    ["ac\u200bme", '"ac‹U+200B›me"'],
  ])("shows a name that cannot be, and makes it visible once: %j", async (name, shown) => {
    const desk = open([]);
    expect(await run(desk, "publishers", "admit", name, KEY)).toBe(EXIT.usage);
    expect(desk.err()).toContain(`A publisher cannot be called ${shown} (usage)`);
    expect(await run(desk, "publishers", "only", name)).toBe(EXIT.usage);
    expect(desk.err()).toContain(`${shown} is neither on nor off`);
  });

  test("removes a publisher whose name is admitted no more", async () => {
    const listed = { only: false, publishers: [{ name: "acme-", key: KEY }] };
    const desk = open(["y", PASSPHRASE], { listed });
    expect(await run(desk, "publishers", "remove", "acme-")).toBe(EXIT.ok);
    expect(signed(desk)).toEqual([{ kind: "remove", name: "acme-" }]);
  });

  const store = [
    extension(1, { kind: "signed", key: KEY, admitted: "acme" }, ["one"]),
    extension(2, { kind: "signed", key: OTHER, admitted: null }, ["two"]),
    extension(3, null, ["three"]),
    extension(4, { kind: "refused", why: "x" }, ["four"]),
    extension(5, null, []),
  ];
  test.each([
    ["only on", ["only", "on"], false, ["ext-2", "ext-3", "ext-4", "every server that a grant names"]],
    ["a removal while others run, too", ["remove", "acme"], false, []],
    ["a removal while no others run", ["remove", "acme"], true, ["ext-1"]],
    ["only off", ["only", "off"], true, []],
  ] as const)("shows what stops by %s", async (_what, words, only, stops) => {
    const desk = open(["n"], { listed: { only, publishers: [{ name: "acme", key: KEY }] }, store });
    expect(await run(desk, "publishers", ...words)).toBe(EXIT.no);
    expect(signed(desk)).toEqual([]);
    const rows = desk
      .err()
      .split("\n")
      .filter((row) => row.startsWith("stops"));
    expect(rows).toHaveLength(stops.length);
    for (const [at, what] of stops.entries()) expect(rows[at]).toContain(what);
    expect(desk.err().includes("aios thaw")).toBe(stops.length > 0);
  });

  test("makes a key once, and says what to tell others", async () => {
    const desk = open([PASSPHRASE, PASSPHRASE]);
    expect(await run(desk, "publishers", "key", "tools")).toBe(EXIT.ok);
    expect(desk.out()).toContain(`aios publishers admit tools ${toBase64(desk.signer.publicKey)}`);
    const again = open([PASSPHRASE, PASSPHRASE]);
    expect(await run(again, "publishers", "key", "acme")).not.toBe(EXIT.ok);
    expect(again.prompts).toEqual([]);
  });
});

describe("aios ext sign", () => {
  const MANIFEST = '{"name":"notes","version":"1.0.0"}';
  function makeFolder(): string {
    const folder = join(makeTemporaryFolder(), "my-notes");
    mkdirSync(join(folder, ".git"), { recursive: true });
    writeFileSync(join(folder, ".git", "HEAD"), "ref");
    writeFileSync(join(folder, "package.json"), MANIFEST);
    writeFileSync(join(folder, "run.sh"), "exit 0\n", { mode: 0o755 });
    return folder;
  }
  /** With the real reader of sources. */
  async function sign(typed: readonly string[], ...words: readonly string[]): Promise<Desk> {
    const desk = open(typed);
    const sources = { ...desk.powers.sources, read: (from: Parameters<typeof readSource>[0]) => readSource(from) };
    const inspect = (path: string) => Promise.resolve(path.endsWith(".tgz") ? ("file" as const) : ("folder" as const));
    await runProgram(["ext", "sign", ...words], { ...desk.powers, sources: { ...sources, inspect } });
    return desk;
  }
  const about = { name: "notes", version: "1.0.0" } as const;
  const keyOf = (desk: Desk): unknown => ({ kind: "signed", key: toBase64(desk.signer.publicKey) });

  test("signs a folder as it is, and as npm packs it, and anew over what it signed before", async () => {
    const folder = makeFolder();
    const mask = process.umask(0o022);
    const desk = await sign([PASSPHRASE], folder, "--as", "acme").finally(() => process.umask(mask));
    expect(statSync(join(folder, PUBLISHER_FILE)).mode & 0o777).toBe(0o644);
    const text = readFileSync(join(folder, PUBLISHER_FILE), "utf8");
    const { files } = await readSource({ path: folder, form: "tar" });
    expect(files.map(({ path }) => path)).toEqual([PUBLISHER_FILE, "package.json", "run.sh"]);
    for (const kind of ["folder", "npm"] as const)
      expect(judgePublication({ kind, ...about }, { files, text }, crypto)).toEqual(keyOf(desk));
    const packed = join(makeTemporaryFolder(), "notes.tgz");
    const parts = [
      { name: "package/run.sh", body: "exit 0\n", mode: 0o755 },
      { name: "package/package.json", body: MANIFEST },
      { name: `package/${PUBLISHER_FILE}`, body: text },
    ];
    writeFileSync(packed, makeTgz(parts));
    const unpacked = await readSource({ path: packed, form: "tgz" });
    expect(judgePublication({ kind: "npm", ...about }, { files: unpacked.files, text }, crypto)).toEqual(keyOf(desk));

    writeFileSync(join(folder, "run.sh"), "exit 1\n");
    const changed = await readSource({ path: folder, form: "tar" });
    expect(judgePublication({ kind: "npm", ...about }, { files: changed.files, text }, crypto)).toMatchObject({
      kind: "refused",
    });
    const again = await sign([PASSPHRASE], folder, "--as", "acme");
    const fresh = readFileSync(join(folder, PUBLISHER_FILE), "utf8");
    const now = await readSource({ path: folder, form: "tar" });
    expect(judgePublication({ kind: "npm", ...about }, { files: now.files, text: fresh }, crypto)).toEqual(
      keyOf(again),
    );
  });

  test("prints what goes into a package that a tool made", async () => {
    const packed = join(makeTemporaryFolder(), "notes.tgz");
    writeFileSync(packed, makeTgz([{ name: "package/package.json", body: MANIFEST }]));
    const desk = await sign([PASSPHRASE], packed, "--as", "acme");
    const { files } = await readSource({ path: packed, form: "tgz" });
    const own = { path: PUBLISHER_FILE, executable: false, bytes: desk.out().length };
    const all = [{ ...own, sha256: crypto.digest(desk.out()).slice("sha256:".length) }, ...files];
    expect(judgePublication({ kind: "npm", ...about }, { files: all, text: desk.out() }, crypto)).toEqual(keyOf(desk));
  });

  test("signs nothing with another passphrase, for nobody's key, or of what the store does not take", async () => {
    const folder = makeFolder();
    expect((await sign(["wrong"], folder, "--as", "acme")).err()).toContain("(wrong-passphrase)");
    expect((await sign([PASSPHRASE], folder, "--as", "nobody")).err()).toContain("(not-found)");
    expect((await sign([PASSPHRASE], folder)).err()).toContain("(usage)");
    writeFileSync(join(folder, "RUN.SH"), "");
    expect((await sign([PASSPHRASE], folder, "--as", "acme")).err()).toContain("(file-unreadable)");
    expect(() => readFileSync(join(folder, PUBLISHER_FILE))).toThrow(/ENOENT/u);
  });

  test("takes a folder with a manifest for a bundle where that is said", async () => {
    const folder = makeFolder();
    writeFileSync(join(folder, "manifest.json"), '{"name":"bundled","version":"2.0.0"}');
    expect((await sign([PASSPHRASE], folder, "--as", "acme")).err()).toContain("sign it with --bundle");
    const desk = await sign([PASSPHRASE], folder, "--as", "acme", "--bundle");
    const text = readFileSync(join(folder, PUBLISHER_FILE), "utf8");
    const { files } = await readSource({ path: folder, form: "tar" });
    const bundle = { kind: "mcpb", name: "bundled", version: "2.0.0" } as const;
    expect(judgePublication(bundle, { files, text }, crypto)).toEqual(keyOf(desk));
  });
});
