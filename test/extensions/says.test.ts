import { describe, expect, test } from "vitest";
import { DeclareFault, showUnseen } from "../../src/extensions/declare/line.ts";
import { readSays, type SaidExtension } from "../../src/extensions/declare/says.ts";
import { decode } from "../../src/protocol/decode.ts";
import { EXTENSION_SAYS, type ExtensionSays } from "../../src/protocol/extension.ts";
import { object } from "../../src/protocol/decode.ts";
import type { ArchiveForm } from "../../src/protocol/extension-order.ts";
import type { JsonValue } from "../../src/kernel/json.ts";

const NOTHING = { files: [], hosts: [], secrets: [], memory: [], tools: [] };

async function says(form: ArchiveForm, files: { readonly [path: string]: string }): Promise<SaidExtension> {
  const read = await readSays({ text: async (path) => files[path] ?? null }, { form, label: "folder" });
  // Whatever a stranger wrote, the monitor takes it for an answer of its own process.
  const value: JsonValue = JSON.parse(JSON.stringify(read.says));
  expect(decode(object<ExtensionSays>(EXTENSION_SAYS), value)).toMatchObject({ kind: "ok" });
  return read;
}

test("an unpacker that was taken over names no program out of the tree", async () => {
  const { says: said } = await says("tar", {});
  for (const [entry, kind] of [
    ["dist/index.js", "ok"],
    ["../workspace/x.js", "refused"],
    ["/workspace/x.js", "refused"],
    ["a/./b.js", "refused"],
    ["", "refused"],
    ["a\\..\\b.js", "refused"],
  ] as const)
    expect([
      entry,
      decode(object<ExtensionSays>(EXTENSION_SAYS), { ...JSON.parse(JSON.stringify(said)), entry }).kind,
    ]).toEqual([entry, kind]);
});

test("what nobody would see in a name is told by its code point", () => {
  expect(showUnseen("a\u001b[2Jb\u202e\u00a0c\u200d d\ud800\u{e0041}")).toBe(
    "a<U+001B>[2Jb<U+202E><U+00A0>c<U+200D> d<U+D800><U+E0041>",
  );
  expect(showUnseen("src/größe (2).js")).toBe("src/größe (2).js");
});

describe("what an extension is and says is read from its own files", () => {
  test("a package", async () => {
    const manifest = { name: "@acme/notes", version: "1.2.3", author: { name: "Acme" }, description: "Keeps\nnotes" };
    expect(await says("tgz", { "package.json": JSON.stringify(manifest) })).toEqual({
      kind: "read",
      is: "npm",
      says: {
        name: "@acme/notes",
        version: "1.2.3",
        publisher: "Acme",
        about: "Keeps notes",
        entry: null,
        words: [],
        settings: [],
        asks: NOTHING,
      },
    });
  });

  test.each<readonly [string, { readonly [field: string]: JsonValue }, string | null]>([
    ["its one command", { bin: "./dist/index.js", main: "lib.js" }, "dist/index.js"],
    ["its one command by name", { bin: { "mcp-notes": "cli.js" } }, "cli.js"],
    ["of several the one called as it is", { bin: { other: "a.js", notes: "b.js" } }, "b.js"],
    ["of several none", { bin: { other: "a.js", more: "b.js" }, main: "lib.js" }, null],
    ["its main file", { main: "lib.js" }, "lib.js"],
    ["nothing that leads out", { bin: "../../bin/sh" }, null],
    ["nothing absolute", { bin: "/bin/sh" }, null],
    ["nothing with two readings", { bin: "a//b.js" }, null],
    ["nothing that cannot be seen", { bin: "a\u202e.js" }, null],
    ["no text", { bin: 7 }, null],
  ])("what a package runs: %s", async (_what, fields, entry) => {
    const manifest = { name: "@acme/notes", version: "1.0.0", ...fields };
    expect((await says("tgz", { "package.json": JSON.stringify(manifest) })).says.entry).toBe(entry);
  });

  test("what a bundle runs, when that is a program for Node", async () => {
    const entryOf = async (server: JsonValue): Promise<string | null> =>
      (await says("zip", { "manifest.json": JSON.stringify({ name: "files", server }) })).says.entry;
    expect(await entryOf({ type: "node", entry_point: "server/index.js" })).toBe("server/index.js");
    expect(await entryOf({ type: "python", entry_point: "server/main.py" })).toBeNull();
    expect(await entryOf({ type: "node", entry_point: "../index.js" })).toBeNull();
  });

  test("a bundle, with its tools, its secrets and its folders", async () => {
    const manifest = {
      name: "files",
      version: "0.1.0",
      author: { name: "Somebody" },
      tools: [{ name: "read" }, { name: "write" }, { name: "read" }],
      user_config: {
        api_key: { type: "string", sensitive: true },
        root: { type: "directory" },
        shown: { type: "string" },
      },
    };
    const { is, says: said } = await says("zip", { "manifest.json": JSON.stringify(manifest) });
    expect([is, said.asks]).toEqual([
      "mcpb",
      {
        ...NOTHING,
        files: ["${user_config.root}"],
        secrets: ["api_key"],
        tools: [
          { name: "read", risk: "reserved" },
          { name: "write", risk: "reserved" },
        ],
      },
    ]);
  });

  test("a zip with a SKILL.md and no manifest.json is a skill, and with both it is a bundle", async () => {
    const skill = { "SKILL.md": "---\nname: notes\n---\nText.\n" };
    expect(await says("zip", skill)).toMatchObject({ is: "skill", says: { name: "notes", entry: null } });
    expect((await says("zip", { ...skill, "manifest.json": '{"name":"files"}' })).is).toBe("mcpb");
    await expect(says("zip", { "index.js": "" })).rejects.toThrow(/neither a manifest\.json .* nor a SKILL\.md/u);
  });

  test("a bundle's arguments, and what its person is asked for in them", async () => {
    const bundle = (config: JsonValue, user: JsonValue = {}): Promise<SaidExtension> => {
      const server: JsonValue = { type: "node", entry_point: "server/index.js", mcp_config: config };
      return says("zip", { "manifest.json": JSON.stringify({ name: "files", server, user_config: user }) });
    };
    const args = ["${__dirname}/server/index.js", "${user_config.root}", "--most=${user_config.most}"];
    const user = {
      root: { type: "directory", required: true, multiple: true, default: ["${HOME}/Desktop"] },
      most: { type: "number", default: 10 },
      key: { type: "string", sensitive: true, default: "sk-1" },
    };
    const plain = { required: false, sensitive: false, multiple: false, preset: [] };
    expect((await bundle({ command: "node", args }, user)).says).toMatchObject({
      words: args.slice(1),
      settings: [
        { ...plain, name: "root", type: "directory", required: true, multiple: true, preset: ["${HOME}/Desktop"] },
        { ...plain, name: "most", type: "number", preset: ["10"] },
        { ...plain, name: "key", type: "string", sensitive: true },
      ],
    });
    expect((await bundle({ args: ["server/index.js", "-v"] })).says.words).toEqual(["-v"]);
    // What stands before its entry would be for Node.
    expect((await bundle({ args: ["--require", "./evil.js", "server/index.js"] })).says.words).toEqual([]);
    await expect(bundle({ args: ["server/index.js", "a\u202eb"] })).rejects.toThrow(DeclareFault);
    await expect(bundle({ args: ["server/index.js", { a: 1 }] })).rejects.toThrow(DeclareFault);
    await expect(bundle({}, { root: { type: "folder" } })).rejects.toThrow(DeclareFault);
    await expect(bundle({}, { "a b": { type: "string" } })).rejects.toThrow(DeclareFault);
  });

  test("a skill, with the tools that it wants allowed", async () => {
    const text = '---\nname: summarise\ndescription: "Sums up"\nallowed-tools: Read, Bash(git log *)\n---\n# Words\n';
    expect((await says("tar", { "SKILL.md": text })).says).toMatchObject({
      name: "summarise",
      about: "Sums up",
      asks: { tools: [{ name: "Read" }, { name: "Bash(git log *)" }] },
    });
    const list = "---\nname: summarise\nallowed-tools:\n  - Read\n  - Grep\n---\n";
    expect((await says("tar", { "SKILL.md": list })).says.asks.tools.map(({ name }) => name)).toEqual(["Read", "Grep"]);
    expect(await says("tar", { "SKILL.md": "no front matter" })).toMatchObject({
      is: "skill",
      says: { name: "folder" },
    });
  });

  test("a folder that says nothing", async () => {
    expect(await says("tar", {})).toMatchObject({ is: "folder", says: { name: "folder", asks: NOTHING } });
  });

  test("what it asks for in our words, whatever it is", async () => {
    const own = {
      v: 1,
      hosts: [{ host: "api.example.com", methods: ["GET"] }],
      secrets: ["ACME_KEY"],
      memory: ["ephemeral"],
      tools: [{ name: "send", risk: "reach" }],
    };
    const { v: _v, ...asks } = own;
    const files = { "package.json": '{"name":"n"}', "aios-extension.json": JSON.stringify(own) };
    expect((await says("tgz", files)).says.asks).toEqual({ ...NOTHING, ...asks });
  });
});

describe("what cannot be shown, or has two readings, is refused", () => {
  test.each<readonly [string, ArchiveForm, { readonly [path: string]: string }]>([
    ["a bundle without a manifest", "zip", { "package.json": '{"name":"n"}' }],
    ["a package without a name", "tgz", { "package.json": "{}" }],
    ["a name that turns its line round", "tgz", { "package.json": '{"name":"a\u202eb"}' }],
    ["a name said twice", "tgz", { "package.json": '{"name":"a","name":"b"}' }],
    ["a package.json that is none", "tgz", { "package.json": "[]" }],
    ["a skill that says its name twice", "tar", { "SKILL.md": "---\nname: a\nname: b\n---\n" }],
    ["a skill whose front matter has no end", "tar", { "SKILL.md": "---\nname: a\n" }],
    ["an unknown wish", "tar", { "aios-extension.json": '{"v":1,"everything":true}' }],
    ["a risk that does not exist", "tar", { "aios-extension.json": '{"v":1,"tools":[{"name":"a","risk":"none"}]}' }],
    ["a host that is none", "tar", { "aios-extension.json": '{"v":1,"hosts":[{"host":"a b","methods":[]}]}' }],
    ["another version", "tar", { "aios-extension.json": '{"v":2}' }],
  ])("%s", async (_what, form, files) => {
    await expect(says(form, files)).rejects.toThrow(DeclareFault);
  });

  test("a stranger's words are cut to one line", async () => {
    const manifest = { name: "n", description: `\u001b[2J${"long \u202e".repeat(500)}`, version: "1\n2" };
    const { says: said } = await says("tgz", { "package.json": JSON.stringify(manifest) });
    expect(said.version).toBe("1 2");
    expect(said.about?.length).toBeLessThanOrEqual(512);
    expect(said.about).not.toMatch(/[\p{C}]/u);
  });
});
