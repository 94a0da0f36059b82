import { describe, expect, test } from "vitest";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { CliFailure } from "../../src/cli/failure.ts";
import { runProgram } from "../../src/cli/program.ts";
import type { CliPowers } from "../../src/cli/powers.ts";
import type { ExtensionManifest } from "../../src/protocol/extension.ts";
import type { Provenance } from "../../src/protocol/provenance.ts";
import type { ExtensionView, TreeFile } from "../../src/protocol/extension-table.ts";
import type { CliRequests, GrantView } from "../../src/protocol/requests.ts";
import { decode } from "../../src/protocol/decode.ts";
import { VETTED } from "../../src/protocol/vetting-order.ts";
import { createDesk, NOW, type Desk } from "../fakes/cli-powers.ts";

const [ONE, TWO] = [`sha256:${"1".repeat(64)}`, `sha256:${"12".repeat(32)}`];

function view(id: string, change: Partial<ExtensionView> = {}): ExtensionView {
  const said = { kind: "npm", name: "notes", version: "1.0.0", source: "notes.tgz" } as const;
  return {
    id,
    ...said,
    at: NOW,
    state: "added",
    why: null,
    provenance: null,
    publication: null,
    grants: [],
    ...change,
  };
}

function file(path: string, change: Partial<TreeFile> = {}): TreeFile {
  return { path, executable: false, bytes: 10, sha256: "a".repeat(64), ...change };
}

function shown(
  extension: ExtensionView,
  files: readonly TreeFile[],
  change: Partial<ExtensionManifest> = {},
): CliRequests["extension-show"]["ok"] {
  const asks = { files: [], hosts: [], secrets: [], memory: [], tools: [] };
  const { id, kind, name, version } = extension;
  const said = { publisher: "Acme", about: "Keeps\u202e notes", entry: null, words: [], settings: [], asks };
  const manifest = {
    v: 1,
    id,
    kind,
    name,
    version,
    endpoint: null,
    files: files.length,
    bytes: 20,
    ...said,
    ...change,
  };
  return { extension, manifest: manifest as ExtensionManifest, files, damaged: null };
}

const STORE = new Map([
  [ONE, shown(view(ONE), [file("a.js"), file("b.js"), file("c.sh")])],
  [
    TWO,
    shown(
      view(TWO, { version: "1.1.0" }),
      [
        file("a.js"),
        file("b.js", { sha256: "b".repeat(64), bytes: 2048 }),
        file("c.sh", { executable: true }),
        file("d\u001b[2J"),
      ],
      {
        asks: {
          files: [],
          hosts: [{ host: "api.example.com", methods: ["POST"] }],
          secrets: [],
          memory: [],
          tools: [],
        },
      },
    ),
  ],
]);
const WITH_MORE = STORE.get(TWO) ?? shown(view(TWO), []);

/** As a vetter could answer that was taken over: the harmless first, and a rule that nobody knows. */
const FOUND = {
  findings: [
    { rule: "uses-network", message: "uses the network", path: "a.js", line: 3 },
    { rule: "runs-fetched", message: "runs what it fetched", path: "b.js", line: 7 },
    { rule: "made-up", message: "is fine", path: "c.sh", line: 1 },
  ],
  more: 4,
};

const GRANT: GrantView = {
  id: "notes",
  agents: ["helper"],
  state: "active",
  lease: false,
  uses: 0,
  bytes: 0,
  spent: { input: 0, output: 0, cost: 0 },
  expires: NOW,
  opens: null,
  key: `ed25519:${"0".repeat(16)}`,
  quarantined: [],
};

function open(
  sources: Partial<CliPowers["sources"]> = {},
  add: () => CliRequests["extension-add"]["ok"] = () => ({ extension: view(ONE), fresh: true }),
  quarantined: GrantView["quarantined"] = [],
): Desk {
  const desk = createDesk({
    answers: {
      extensions: () => ({ extensions: [...STORE.values()].map(({ extension }) => extension) }),
      "extension-show": ({ id }) => STORE.get(id) ?? shown(view(id), []),
      "extension-vet": () => FOUND,
      grants: () => ({ grants: [{ ...GRANT, quarantined }] }),
      "extension-add": add,
      "extension-remove": () => ({ seq: 7 }),
      "extension-quarantine": () => ({ seq: 8 }),
    },
  });
  return { ...desk, powers: { ...desk.powers, sources: { ...desk.powers.sources, ...sources } } };
}

const asked = (desk: Desk, name: string): unknown => desk.monitor.asked.find((each) => each.name === name)?.body;

describe("ext add knows a source by its form", () => {
  test.each<readonly [string, readonly string[], CliRequests["extension-add"]["body"]["source"]]>([
    [
      "a package",
      ["@acme/notes@1.2.3"],
      { kind: "npm", registry: "https://registry.example", name: "@acme/notes", version: "1.2.3", roots: null },
    ],
    [
      "the same, said so",
      ["npm:notes@1.2.3"],
      { kind: "npm", registry: "https://registry.example", name: "notes", version: "1.2.3", roots: null },
    ],
    [
      "one of another registry",
      ["notes@1.2.3", "--registry", "https://packages.example.com/npm/"],
      { kind: "npm", registry: "https://packages.example.com/npm", name: "notes", version: "1.2.3", roots: null },
    ],
    ["an address", ["https://mcp.example.com/mcp"], { kind: "http", url: "https://mcp.example.com/mcp" }],
  ])("%s", async (_what, words, source) => {
    const desk = open();
    expect(await runProgram(["ext", "add", ...words], desk.powers)).toBe(EXIT.ok);
    expect(asked(desk, "extension-add")).toEqual({ source });
    expect(desk.out()).toContain("added notes@1.0.0");
  });

  test.each([
    ["skill", "folder", "tar"],
    ["notes.mcpb", "file", "zip"],
    ["notes-1.0.0.tgz", "file", "tgz"],
  ] as const)("%s, a %s", async (name, is, form) => {
    const lent: unknown[] = [];
    const desk = open({
      inspect: () => Promise.resolve(is),
      lend: (offer) => {
        lent.push(offer);
        return Promise.resolve({ failed: () => null, stop: () => lent.push("stopped") });
      },
    });
    expect(await runProgram(["ext", "add", name], desk.powers)).toBe(EXIT.ok);
    const ticket = "ab".repeat(16);
    expect(lent).toEqual([{ home: "/home/maria/.aios", ticket, path: `/work/${name}`, is }, "stopped"]);
    expect(asked(desk, "extension-add")).toEqual({ source: { kind: "stream", form, ticket, label: name } });
  });

  test("and not a range, a tag or what is not there", async () => {
    for (const source of ["notes", "notes@latest", "notes@^1.0.0", "./nothing"]) {
      const desk = open();
      expect(await runProgram(["ext", "add", source], desk.powers)).toBe(EXIT.no);
      expect(desk.err()).toContain("(not-found)");
      expect(asked(desk, "extension-add")).toBeUndefined();
    }
  });
});

describe("ext add says in terms of what was typed why nothing is added", () => {
  test.each<readonly [words: readonly string[], status: number, told: string, hint: string]>([
    [["http://mcp.example.com/mcp"], EXIT.usage, "plain http can be read", "http://localhost:PORT"],
    [["https://me:hun@ter2@mcp.example.com/mcp"], EXIT.usage, "has a user or a password in it", "aios secrets set"],
    [["https://me:hun/ter2@mcp.example.com/mcp"], EXIT.usage, '"https://...@mcp.example.com/mcp"', "lower case"],
    [["HTTPS://MCP.example.com"], EXIT.usage, "no https address in its one spelling", "lower case"],
    [["ftp://mcp.example.com/x"], EXIT.usage, "it is no https address", "a folder"],
    [["/"], EXIT.usage, "is all of this machine", "the folder of one extension"],
    [
      ["notes@1.0.0", "--registry", "https://me:hunter2@packages.example/npm"],
      EXIT.usage,
      "of packages.example",
      "npm pack",
    ],
    [
      ["notes@1.0.0", "--registry", "http://packages.example/npm"],
      EXIT.usage,
      "no https address of a registry",
      "npm pack",
    ],
  ])("%j", async (words, status, told, hint) => {
    const desk = open({ inspect: () => Promise.resolve("folder") });
    expect(await runProgram(["ext", "add", ...words], desk.powers)).toBe(status);
    const [message = "", help = ""] = desk.err().split("\n");
    expect(message).toContain(told);
    expect(help).toContain(hint);
    expect(desk.err() + desk.out()).not.toMatch(/hun|ter2/u);
    expect(desk.monitor.asked.map(({ name }) => name)).not.toContain("extension-add");
  });

  test("of what npm is configured with, too, and of what the monitor refuses", async () => {
    const configured = open({ registry: () => Promise.resolve("https://me:hunter2@packages.example/npm") });
    expect(await runProgram(["ext", "add", "notes@1.0.0"], configured.powers)).toBe(EXIT.usage);
    expect(configured.err()).not.toContain("hunter2");
    const refuse = (code: string, message: string): Desk =>
      open(
        {
          inspect: () => Promise.resolve("file"),
          lend: () => Promise.resolve({ failed: () => null, stop: () => undefined }),
        },
        () => {
          throw CliFailure.fromMonitor({ code, message: `It is not added: ${message}.`, hint: null });
        },
      );
    const unreachable = refuse("fetch-unreachable", "it answered 401");
    expect(await runProgram(["ext", "add", "@acme/notes@1.0.0"], unreachable.powers)).toBe(EXIT.monitor);
    expect(unreachable.err()).toContain('Cannot add "@acme/notes@1.0.0": it answered 401. (fetch-unreachable)');
    expect(unreachable.err()).toContain("npm pack @acme/notes@1.0.0, then aios ext add ./acme-notes-1.0.0.tgz");
    const plain = refuse("archive-malformed", "it is no gzip");
    expect(await runProgram(["ext", "add", "/etc/passwd"], plain.powers)).toBe(EXIT.monitor);
    expect(plain.err()).toContain(
      'Cannot add "/etc/passwd": it is no gzip. (archive-malformed)\nhint: a folder, an npm',
    );
  });
});

test("a name that several have is ambiguous, and they are named; one that none has is not found", async () => {
  const two = open();
  expect(await runProgram(["ext", "show", "notes"], two.powers)).toBe(EXIT.no);
  expect(two.err()).toContain('"notes" is ambiguous: 2 extensions are called so (ambiguous)');
  expect(two.err()).toContain("one of 111111111111 (notes@1.0.0), 121212121212 (notes@1.1.0)");
  const none = open();
  expect(await runProgram(["ext", "show", "nothing"], none.powers)).toBe(EXIT.no);
  expect(none.err()).toContain("(not-found)");
});

test("ext quarantine takes a reason that can be shown, and says which character cannot", async () => {
  for (const [why, told] of [
    ["a\u001b[2Jb", 'cannot be seen: "‹U+001B›"'],
    ["a\u202eb", 'cannot be seen: "‹U+202E›"'],
    [" ", "WHY is empty"],
    ["x".repeat(1025), "has 1025 characters"],
  ] as const) {
    const desk = open();
    expect(await runProgram(["ext", "quarantine", "notes@1.0.0", why], desk.powers)).toBe(EXIT.usage);
    expect(desk.err()).toContain(told);
    expect(asked(desk, "extension-quarantine")).toBeUndefined();
  }
});

test("an archive without a package.json is called one", async () => {
  const desk = open();
  STORE.set(ONE, shown(view(ONE, { kind: "folder", name: "notes.tgz" }), []));
  expect(await runProgram(["ext", "show", ONE], desk.powers)).toBe(EXIT.ok);
  expect(desk.out()).toContain("  archive\n");
  expect(desk.out()).toContain("files without a package.json");
  STORE.set(ONE, shown(view(ONE), [file("a.js"), file("b.js"), file("c.sh")]));
});

test("ext add and ext show say what was found, by what we hold of each rule", async () => {
  for (const words of [
    ["add", "notes@1.2.3"],
    ["show", "notes@1.0.0"],
  ]) {
    const desk = open();
    expect(await runProgram(["ext", ...words], desk.powers)).toBe(EXIT.ok);
    const out = desk.out();
    const at = [
      "Found",
      "runs what it fetched [b.js:7]",
      "is fine [c.sh:1]",
      "uses the network [a.js:3]",
      "and 4 more",
    ].map((text) => out.indexOf(text));
    expect(at).toEqual(at.toSorted((one, two) => one - two));
    expect(at).not.toContain(-1);
    expect(out).toContain("critical made-up");
  }
});

const BUILT: Provenance = {
  kind: "verified",
  repository: "https://github.com/acme/notes",
  workflow: "https://github.com/acme/notes/.github/workflows/release.yml@refs/tags/v1.1.0",
  commit: "0123456789abcdef0123456789abcdef01234567",
  builder: "GitHub Actions, github-hosted",
  roots: null,
};

test.each<readonly [Provenance | null, string]>([
  [null, "nobody attests how it was built"],
  [BUILT, "was built from https://github.com/acme/notes at 0123456789abcdef"],
  [{ ...BUILT, roots: ONE }, `as verified with roots that were given: ${ONE}`],
  [{ kind: "refused", why: "of other\u202e bytes" }, "its attestation does not hold: of other‹U+202E› bytes"],
  [{ kind: "unread", why: "it answered 503" }, "how it was built is not known: it answered 503"],
])("ext add says of how it was built: %#", async (provenance, told) => {
  const desk = open();
  STORE.set(ONE, shown(view(ONE, { provenance }), []));
  expect(await runProgram(["ext", "add", "notes@1.0.0"], desk.powers)).toBe(EXIT.ok);
  expect(desk.out()).toContain(told);
  STORE.set(ONE, shown(view(ONE), [file("a.js"), file("b.js"), file("c.sh")]));
});

test.each<readonly [Provenance | null, string | null]>([
  [BUILT, null],
  [{ ...BUILT, repository: "https://github.com/evil/notes" }, "this one from https://github.com/evil/notes"],
  [null, "nothing proves that of this one"],
])("a version is held against the source of the one that is trusted: %#", async (provenance, told) => {
  const desk = open();
  STORE.set(TWO, shown(view(TWO, { grants: ["notes"], provenance: BUILT }), [file("a.js")]));
  STORE.set(ONE, shown(view(ONE, { provenance }), [file("a.js")]));
  expect(await runProgram(["ext", "add", "notes@1.0.0"], desk.powers)).toBe(EXIT.ok);
  if (told === null) expect(desk.out()).not.toContain("that one was built from");
  else expect(desk.out()).toContain(told);
  STORE.delete(TWO);
  STORE.set(ONE, shown(view(ONE), [file("a.js"), file("b.js"), file("c.sh")]));
  STORE.set(TWO, WITH_MORE);
});

test.each([
  ["a message that draws", { rule: "uses-network", message: "\u001b[2J", path: "a", line: 1 }],
  ["a path that turns round", { rule: "uses-network", message: "x", path: "a\u202eb", line: 1 }],
  ["a rule that is none", { rule: "__proto__", message: "x", path: "a", line: 1 }],
  ["a line before the first", { rule: "uses-network", message: "x", path: "a", line: 0 }],
  ["a field more", { rule: "uses-network", message: "x", path: "a", line: 1, severity: "low" }],
])("a vetter's answer with %s is none", (_what, finding) => {
  expect(decode(VETTED, { findings: FOUND.findings, more: 0 }).kind).toBe("ok");
  expect(decode(VETTED, { findings: [finding], more: 0 }).kind).toBe("refused");
  expect(decode(VETTED, { findings: Array.from({ length: 201 }, () => FOUND.findings[0] ?? null), more: 0 }).kind).toBe(
    "refused",
  );
});

test("ext show says whose words are whose, and that a changed tree is one", async () => {
  const desk = open();
  expect(await runProgram(["ext", "show", "notes@1.1.0"], desk.powers)).toBe(EXIT.ok);
  expect(desk.out()).toContain("says it is: Keeps‹U+202E› notes");
  expect(desk.out()).toContain("host api.example.com: POST");
  expect(desk.out()).toContain("d‹U+001B›[2J");
  STORE.set(ONE, { ...shown(view(ONE), []), damaged: "its files are not those that were added" });
  const changed = open();
  expect(await runProgram(["ext", "show", "notes@1.0.0"], changed.powers)).toBe(EXIT.no);
  expect(changed.out()).toContain("It is not as it was added");
  STORE.set(ONE, shown(view(ONE), [file("a.js"), file("b.js"), file("c.sh")]));
});

test("ext diff shows what is new, gone or other, and ends in 1 when anything is", async () => {
  const desk = open();
  expect(await runProgram(["ext", "diff", "notes@1.0.0", "notes@1.1.0", "--json"], desk.powers)).toBe(EXIT.no);
  expect(JSON.parse(desk.out())).toEqual({
    files: { added: ["d\u001b[2J"], removed: [], changed: ["b.js", "c.sh"] },
    asks: { added: ["host api.example.com: POST"], removed: [] },
    publisher: null,
  });
  const text = open();
  await runProgram(["ext", "diff", "notes@1.0.0", "notes@1.1.0"], text.powers);
  expect(text.out().split("\n")).toEqual([
    "+ asks for host api.example.com: POST",
    "+ d‹U+001B›[2J  10 B",
    "~ b.js  10 B to 2.0 KiB",
    "~ c.sh  10 B to 10 B, executable",
    "",
  ]);
  expect(await runProgram(["ext", "diff", "notes@1.0.0", ONE], open().powers)).toBe(EXIT.ok);
});

test.each([
  [["ext", "list"], /^1{12} .* quarantined 2026-11-22 11:59/mu],
  [
    ["ext", "show", ONE],
    /In quarantine\n {2}server notes, since 2026-11-22 11:59.*\(record 41\)[^]*signs a new grant over it: aios ext trust/u,
  ],
  [["grants", "list"], / active, quarantine /u],
] as const)("%s says which server was found to be another one, and since when", async (words, said) => {
  const changed = { driver: "notes", pin: TWO, found: ONE, since: NOW - 60_000, record: 41, extension: ONE };
  const add = (): CliRequests["extension-add"]["ok"] => ({ extension: view(ONE), fresh: true });
  for (const [quarantined, shows] of [
    [[changed], true],
    [[{ ...changed, extension: `sha256:${"3".repeat(64)}` }], words[0] === "grants"],
    [[], false],
  ] as const) {
    const desk = open({}, add, quarantined);
    expect(await runProgram(words, desk.powers)).toBe(EXIT.ok);
    expect(said.test(desk.out()), desk.out()).toBe(shows);
  }
});

test("ext list says which grants use an extension", async () => {
  STORE.set(ONE, shown(view(ONE, { grants: ["notes-1", "notes-2"] }), [file("a.js")]));
  const desk = open();
  expect(await runProgram(["ext", "list"], desk.powers)).toBe(EXIT.ok);
  const [head = "", ...rows] = desk.out().trimEnd().split("\n");
  expect(
    [head, ...rows].map((row) =>
      row
        .trimEnd()
        .split(/\s{2,}/u)
        .at(-1),
    ),
  ).toEqual(["GRANTS", "notes-1,notes-2", "-"]);
  STORE.set(ONE, shown(view(ONE), [file("a.js"), file("b.js"), file("c.sh")]));
});

test("ext remove and quarantine say which grants used it", async () => {
  STORE.set(ONE, shown(view(ONE, { grants: ["notes-1"] }), []));
  for (const [words, told] of [
    [["remove", "notes@1.0.0"], "notes-1 used it and starts nothing of it until the same bytes are added again"],
    [["quarantine", "notes@1.0.0", "why"], "notes-1 used it and starts nothing of it any more"],
  ] as const) {
    const desk = open();
    expect(await runProgram(["ext", ...words], desk.powers)).toBe(EXIT.ok);
    expect(desk.out()).toContain(told);
  }
  STORE.set(ONE, shown(view(ONE), [file("a.js"), file("b.js"), file("c.sh")]));
  const unused = open();
  expect(await runProgram(["ext", "remove", "notes@1.0.0"], unused.powers)).toBe(EXIT.ok);
  expect(unused.out()).not.toContain("used it");
});

test("an extension is named by its id, its beginning or its name, and only when that is one", async () => {
  for (const [typed, id] of [
    [ONE, ONE],
    ["121212", TWO],
    ["notes@1.0.0", ONE],
  ] as const) {
    const desk = open();
    expect(await runProgram(["ext", "remove", typed], desk.powers)).toBe(EXIT.ok);
    expect(asked(desk, "extension-remove")).toEqual({ id });
  }
  for (const typed of ["notes", "1", "12121", "unknown"]) {
    const desk = open();
    expect(await runProgram(["ext", "quarantine", typed, "why"], desk.powers)).toBe(EXIT.no);
    expect(asked(desk, "extension-quarantine")).toBeUndefined();
  }
});

test.each<readonly [ExtensionView["publication"], string]>([
  [null, "no publisher signed it"],
  [{ kind: "signed", key: "A".repeat(43).concat("="), admitted: "acme" }, "was signed by acme, whom an owner admitted"],
  [{ kind: "signed", key: "A".repeat(43).concat("="), admitted: null }, `nobody admitted: ${"A".repeat(43)}=`],
  [{ kind: "refused", why: "of another digest" }, "does not hold: of another digest"],
])("ext show says who signed it: %j", async (publication, said) => {
  STORE.set(ONE, shown(view(ONE, { publication }), [file("a.js")]));
  const desk = open();
  expect(await runProgram(["ext", "show", ONE], desk.powers)).toBe(EXIT.ok);
  expect(desk.out()).toContain(said);
  STORE.set(ONE, shown(view(ONE), [file("a.js"), file("b.js"), file("c.sh")]));
});

test.each([
  ["quarantined", "it is in quarantine"],
  ["lapsed", "it was in quarantine and was added anew, and no owner has signed a grant for it since"],
  ["unpublished", "only extensions run that an admitted publisher signed"],
] as const)("ext show says that what is %s does nothing, whatever its grant says", async (state, said) => {
  STORE.set(ONE, shown(view(ONE, { state, grants: ["notes-1"] }), [file("a.js")]));
  const desk = open();
  expect(await runProgram(["ext", "show", ONE], desk.powers)).toBe(EXIT.ok);
  expect(desk.out()).toContain(`nothing: ${said}, whatever notes-1 says`);
  STORE.set(ONE, shown(view(ONE), [file("a.js"), file("b.js"), file("c.sh")]));
});
