import { describe, expect, test } from "vitest";
import { CliFailure } from "../../src/cli/failure.ts";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { runProgram } from "../../src/cli/program.ts";
import { serverName } from "../../src/cli/trust-extension.ts";
import { canonicalize } from "../../src/kernel/canonical.ts";
import type { Grant } from "../../src/kernel/grant.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import type { AskedSetting, ExtensionKind, ExtensionManifest } from "../../src/protocol/extension.ts";
import type { ExtensionView } from "../../src/protocol/extension-table.ts";
import type { CliRequests, GrantView } from "../../src/protocol/requests.ts";
import { createDesk, NOW, PASSPHRASE, type Desk } from "../fakes/cli-powers.ts";

const [OLD, NEW] = [`sha256:${"1".repeat(64)}`, `sha256:${"12".repeat(32)}`];

const crypto = createCrypto();

interface Setting {
  readonly kind?: ExtensionKind;
  readonly entry?: string | null;
  readonly damaged?: string | null;
  readonly tools?: readonly string[];
  readonly taken?: readonly string[];
  /** After how many looks at the grants its server, as it is offered now, is told to be in quarantine. */
  readonly quarantinedAfter?: number;
  readonly typed?: readonly string[];
  readonly state?: GrantView["state"];
  readonly words?: readonly string[];
  readonly settings?: readonly AskedSetting[];
  /** What the monitor says to each look at a grant, in turn; null and nothing: it takes it. */
  readonly looks?: readonly (string | null)[];
  /** Whose extension the new version is. */
  readonly signedBy?: ExtensionView["publication"];
}

/** A store with an old version that a grant uses, and a new one. */
function open(setting: Setting = {}): Desk {
  const { kind = "npm", entry = "dist/index.js", damaged = null, tools = ["read_file"], taken = [] } = setting;
  const looks = [...(setting.looks ?? [])];
  const { typed = ["n"], state = "active", words = [], settings = [] } = setting;
  const view = (id: string, version: string, grants: readonly string[]): ExtensionView => {
    const said = { kind, name: "@acme/server-files", version, source: "files.tgz" } as const;
    return { id, ...said, at: NOW, state: "added", why: null, provenance: null, publication: null, grants };
  };
  const acme = { kind: "signed", key: "A".repeat(43).concat("="), admitted: "acme" } as const;
  const store = [
    { ...view(OLD, "1.0.0", ["files"]), publication: setting.signedBy === undefined ? null : acme },
    { ...view(NEW, "1.1.0", []), publication: setting.signedBy ?? null },
  ];
  const asks = {
    files: [],
    hosts: [],
    secrets: [],
    memory: [],
    tools: [{ name: "read_file", risk: "observe" as const }],
  };
  const offer = (name: string): CliRequests["probe"]["ok"]["drivers"][string] => ({
    pin: `sha256:${"5".repeat(64)}`,
    offer: {
      server: { name, version: "1" },
      tools: tools.map((tool) => ({
        name: tool,
        title: null,
        description: null,
        inputSchema: { type: "object" },
        outputSchema: null,
        annotations: null,
      })),
      resources: [],
      resourceTemplates: [],
      prompts: [],
    },
  });
  let left = setting.quarantinedAfter ?? Infinity;
  const since = NOW - 60_000;
  const changed = { driver: "before", pin: `sha256:${"5".repeat(64)}`, found: OLD, since, record: 41, extension: NEW };
  return createDesk({
    typed,
    answers: {
      extensions: () => ({ extensions: store }),
      "extension-show": ({ id }) => {
        const extension = store.find((each) => each.id === id) ?? view(id, "0", []);
        const { name, version } = extension;
        const said = { name, version, publisher: null, about: null, entry, words, settings, asks };
        const manifest: ExtensionManifest = {
          v: 1,
          id,
          kind,
          endpoint: kind === "http" ? "https://mcp.example.com/mcp" : null,
          files: 1,
          bytes: 10,
          ...said,
        };
        const file = { path: "dist/index.js", executable: false, bytes: 10, sha256: id.slice(7) };
        return { extension, manifest, files: [file], damaged };
      },
      "extension-vet": () => ({
        findings: [{ rule: "uses-network", message: "uses the network", path: "dist/index.js", line: 3 }],
        more: 0,
      }),
      grants: () => {
        const quarantined = (left -= 1) < 0 ? [changed] : [];
        const ids = setting.quarantinedAfter === undefined ? taken : [...taken, "before"];
        return { grants: ids.map((id) => ({ id, quarantined }) as unknown as GrantView) };
      },
      probe: ({ drivers }) => ({
        drivers: Object.fromEntries(Object.keys(drivers).map((name) => [name, offer(name)])),
      }),
      "grant-show": ({ id }) => ({ grant: OLD_GRANT, cedar: "", view: viewOf(id, state) }),
      prepare: ({ purpose, document }) => {
        const code = purpose === "sign-grant" ? (looks.shift() ?? null) : null;
        if (code !== null) throw CliFailure.fromMonitor({ code, message: "It is refused.", hint: null });
        const subject = crypto.digest(canonicalize(document));
        const [nonce, expires] = ["0".repeat(32), NOW + 1000];
        return { statement: { v: 1, purpose, nonce, subject, policy: NEW, start: nonce, expires } };
      },
      submit: () => ({ seq: 7 }),
    },
  });
}

/** What `ext trust` made of the old version, with a condition that was written by hand. */
const OLD_GRANT: Grant = {
  v: 1,
  id: "files",
  agents: ["helper"],
  drivers: {
    files: {
      source: {
        kind: "ext",
        extension: OLD,
        command: ["node", "/extension/dist/index.js", "/workspace"],
        workspace: "read",
      },
      pin: `sha256:${"4".repeat(64)}`,
      tools: {
        read_file: { risk: "observe", labels: [], fields: { path: "path" }, recipients: {} },
        old_tool: { risk: "reserved", labels: [], fields: {}, recipients: {} },
      },
      resources: [],
      prompts: [],
    },
  },
  allow: [
    { what: "files/read_file", where: { path: { under: "/workspace" } } },
    { what: "files/old_tool", where: {} },
  ],
  limits: { uses: 9, rate: null, bytes: null, notBefore: NOW - 1000, expires: NOW + 3_600_000 },
  lease: false,
  sandbox: { workspace: "none", folder: "/work", programs: "none", home: null, ports: [] },
};

function viewOf(id: string, state: GrantView["state"]): GrantView {
  const { agents, lease, limits } = OLD_GRANT;
  const spent = { input: 0, output: 0, cost: 0 };
  return {
    id,
    agents,
    lease,
    state,
    uses: 0,
    bytes: 0,
    spent,
    expires: limits.expires,
    opens: null,
    quarantined: [],
    key: "ed25519:0",
  };
}

const prepared = (desk: Desk): Grant | undefined => {
  const body = desk.monitor.asked.find(({ name }) => name === "prepare")?.body;
  return (body as { document: Grant } | undefined)?.document;
};
const trust = (desk: Desk, ...words: readonly string[]): Promise<number> =>
  runProgram(["ext", "trust", "121212", ...words], desk.powers);

/** A bundle that asks for a folder, a number and a key. */
const BUNDLE = {
  kind: "mcpb",
  words: ["${user_config.folders}", "--limit=${user_config.limit}", "${__dirname}/rules.json", "${user_config.more}"],
  settings: [
    askedFor("folders", { type: "directory", required: true, multiple: true, preset: ["${HOME}/Documents"] }),
    askedFor("limit", { type: "number", preset: ["10"] }),
    askedFor("more", {}),
    askedFor("token", { sensitive: true }),
  ],
} satisfies Setting;
function askedFor(name: string, change: Partial<AskedSetting>): AskedSetting {
  return { name, type: "string", required: false, sensitive: false, multiple: false, preset: [], ...change };
}
const commandOf = (desk: Desk): readonly string[] | undefined => {
  const source = prepared(desk)?.drivers["server-files"]?.source;
  return source?.kind === "ext" ? source.command.slice(2) : undefined;
};

describe("the arguments of a bundle", () => {
  test.each<readonly [string, readonly string[], readonly string[]]>([
    [
      "what its person says, with paths as its server sees them",
      ["--set", "folders=/work/notes", "--set", "folders=/work", "--set", "limit=-3", "--set", "more=a=${HOME} b"],
      ["/workspace/notes", "/workspace", "--limit=-3", "/extension/rules.json", "a=${HOME} b"],
    ],
    ["its presets, and the folder that it is given", [], ["/workspace", "--limit=10", "/extension/rules.json"]],
    ["others in their place", ["--", "/workspace", "-v"], ["/workspace", "-v"]],
  ])("are %s", async (_what, words, command) => {
    const desk = open(BUNDLE);
    expect(await trust(desk, "--agent", "helper", "--workspace", "/work", ...words)).toBe(EXIT.no);
    expect(commandOf(desk)).toEqual(command);
  });

  test.each<readonly [string, readonly string[], string]>([
    ["a setting that it has not", ["--set", "colour=red"], "--set colour is no setting of it"],
    ["no setting", ["--set", "limit"], "--set limit is no setting of it"],
    ["a key", ["--set", "token=sk-canary"], "The setting token is a key"],
    ["what is no number", ["--set", "limit=1; rm"], 'limit: "1; rm" is no number'],
    ["one value twice", ["--set", "limit=1", "--set", "limit=2"], "--set limit was given twice"],
    ["a path outside of the folder", ["--set", "folders=/work/../etc"], "is not in the folder that its server sees"],
    ["a path beside the folder", ["--set", "folders=/workshop"], "is not in the folder that its server sees"],
    ["a setting and other arguments", ["--set", "limit=1", "--", "-v"], "--set fills its own arguments"],
    ["a word that moves the cursor", ["--set", "more=\u001b[2J"], "Cannot grant this"],
  ])("are not %s, and nothing is signed", async (_what, words, message) => {
    const desk = open(BUNDLE);
    expect(await trust(desk, "--agent", "helper", "--workspace", "/work", ...words)).toBe(EXIT.usage);
    expect(desk.err()).toContain(message);
    expect(desk.err()).not.toContain("sk-canary");
    expect(desk.monitor.asked.map(({ name }) => name)).not.toContain("probe");
  });

  test("want a folder where they name one, and nothing that nobody gives them", async () => {
    const without = open(BUNDLE);
    expect(await trust(without, "--agent", "helper")).toBe(EXIT.usage);
    expect(without.err()).toContain("needs the setting folders");
    for (const words of [["${HOME}/x"], ["${user_config.token}"], ["${user_config.other}"]]) {
      const desk = open({ ...BUNDLE, words });
      expect(await trust(desk, "--agent", "helper")).not.toBe(EXIT.ok);
      expect(desk.err()).toContain("among its arguments");
      expect(desk.monitor.asked.map(({ name }) => name)).not.toContain("probe");
    }
  });
});

describe("ext trust of what is in quarantine", () => {
  const words = ["--agent", "helper", "--workspace", "/work", "--", "/workspace"];

  test("says so, since when, and what was found, before anything is signed", async () => {
    const desk = open({ quarantinedAfter: 0 });
    expect(await trust(desk, ...words)).toBe(EXIT.no);
    const said = desk.err().slice(desk.err().search(/^grant /mu));
    expect(said).toMatch(/In quarantine\n {2}server server-files, since 2026-11-22 11:59\S* .*\(record 41\)/u);
    expect(said).toContain(`found       ${OLD}`);
    expect(desk.prompts.join("")).toContain("take server-files out of quarantine, everywhere?");
    expect(desk.monitor.asked.map(({ name }) => name)).not.toContain("submit");
  });

  test("signs it when that is what is wanted", async () => {
    const desk = open({ quarantinedAfter: 0, typed: ["y", PASSPHRASE] });
    expect(await trust(desk, ...words)).toBe(EXIT.ok);
    expect(desk.monitor.asked.map(({ name }) => name)).toContain("submit");
  });

  test("signs nothing when it came into quarantine after the person had read", async () => {
    const desk = open({ quarantinedAfter: 2, typed: ["y", PASSPHRASE] });
    expect(await trust(desk, ...words)).toBe(EXIT.no);
    expect(desk.err()).toContain("(changed-on-the-way)");
    expect(desk.monitor.asked.map(({ name }) => name)).not.toContain("submit");
  });
});

describe("ext trust", () => {
  test("has one grant signed, over the digest of every byte, what is run, and each tool, reserved whatever it says of itself", async () => {
    const desk = open({ tools: ["read_file", "write_file"], taken: ["server-files-12121212"] });
    expect(
      await trust(desk, "--agent", "helper", "--workspace", "/work", "--tool", "write_file=reach", "--", "/workspace"),
    ).toBe(EXIT.no);
    expect(prepared(desk)).toMatchObject({
      id: "server-files-12121212-2",
      agents: ["helper"],
      drivers: {
        "server-files": {
          source: {
            kind: "ext",
            extension: NEW,
            command: ["node", "/extension/dist/index.js", "/workspace"],
            workspace: "read",
          },
          tools: { read_file: { risk: "reserved" }, write_file: { risk: "reach" } },
        },
      },
      allow: [{ what: "server-files/read_file" }, { what: "server-files/write_file" }],
      sandbox: { workspace: "none", folder: "/work", programs: "none" },
    });
    const [report = "", grant = ""] = desk.err().split(/(?=^grant )/mu);
    const order = [
      "Can",
      "Cannot",
      "Asks for",
      "Found",
      "Differs from @acme/server-files@1.0.0, which files uses",
      "~ dist/index.js",
    ];
    const at = order.map((text) => report.search(new RegExp(`^ *${text}`, "mu")));
    expect(at).toEqual(at.toSorted((one, two) => one - two));
    expect(at).not.toContain(-1);
    // SHOWN-SIGNED-RUN: the digest and the command stand where the grant is signed.
    expect(grant.replaceAll(/\s+/gu, " ")).toContain(`extension ${NEW}`);
    expect(grant).toContain("runs node /extension/dist/index.js /workspace");
    expect(desk.err()).toContain("(not-confirmed)");
  });

  test.each<readonly [string, Setting, readonly string[], string]>([
    ["nobody", {}, [], "usage"],
    ["a server elsewhere", { kind: "http" }, ["--agent", "helper"], "bad-grant"],
    ["a skill", { kind: "skill", entry: null }, ["--agent", "helper"], "bad-grant"],
    ["what names no program", { entry: null }, ["--agent", "helper"], "bad-grant"],
    ["what is not as it was added", { damaged: "changed" }, ["--agent", "helper"], "bad-grant"],
    ["a tool that it has not", {}, ["--agent", "helper", "--tool", "delete=observe"], "usage"],
    ["a class that is none", {}, ["--agent", "helper", "--tool", "read_file=fine"], "usage"],
    ["one tool twice", {}, ["--agent", "helper", "--tool", "read_file=observe", "--tool", "read_file=reach"], "usage"],
    ["writing without a folder", {}, ["--agent", "helper", "--write"], "usage"],
    ["no end", {}, ["--agent", "helper", "--expires", "never"], "usage"],
    ["a program that leads out", {}, ["--agent", "helper", "--entry", "../workspace/x.js"], "usage"],
    ["a program that its own manifest leads out with", { entry: "../workspace/x.js" }, ["--agent", "helper"], "usage"],
    ["a tool whose name looks like another", { tools: ["r\u0435ad_file"] }, ["--agent", "helper"], "bad-grant"],
  ])("has nothing signed for %s", async (_what, setting, words, code) => {
    const desk = open(setting);
    expect(await trust(desk, ...words)).not.toBe(EXIT.ok);
    expect(desk.err()).toContain(`(${code})`);
    expect(prepared(desk)).toBeUndefined();
  });
});

test("the address of a server elsewhere is named for the grant that it takes", async () => {
  const desk = open({ kind: "http" });
  await trust(desk, "--agent", "helper");
  expect(desk.err()).toMatch(
    /hint: name its address in a grant, url: https:\/\/mcp\.example\.com\/mcp, and sign that/u,
  );
});

describe("ext update", () => {
  const update = (desk: Desk, version = "121212"): Promise<number> =>
    runProgram(["ext", "update", "files", version], desk.powers);
  const signed = (desk: Desk): readonly unknown[] =>
    desk.monitor.asked
      .filter(({ name }) => name === "submit")
      .map(({ body }) => (body as { readonly document: unknown }).document);
  const tools = ["read_file", "send_mail"];

  test("shows what differs, and puts a grant that gives no more in the place of the one before", async () => {
    const desk = open({ typed: ["y", PASSPHRASE], tools });
    expect(await update(desk)).toBe(EXIT.ok);
    expect(signed(desk)).toEqual([
      { grant: "files" },
      {
        ...OLD_GRANT,
        id: "files-12121212",
        drivers: {
          files: {
            ...OLD_GRANT.drivers["files"],
            source: { ...OLD_GRANT.drivers["files"]?.source, extension: NEW },
            pin: `sha256:${"5".repeat(64)}`,
            tools: {
              read_file: OLD_GRANT.drivers["files"]?.tools["read_file"],
              send_mail: { risk: "reserved", labels: ["untrusted", "private"], fields: {}, recipients: {} },
            },
          },
        },
        allow: [OLD_GRANT.allow[0]],
      },
    ]);
    for (const text of [
      "~ dist/index.js",
      "+ tool send_mail, which is not allowed",
      "- tool old_tool",
      "uses the network",
    ])
      expect(desk.err()).toContain(text);
  });

  test("leaves the one before in force when its owner does not sign", async () => {
    const desk = open({ typed: ["n"], tools });
    expect(await update(desk)).toBe(EXIT.no);
    expect(signed(desk)).toEqual([]);
    expect(desk.err()).toContain("(not-confirmed)");
  });

  test.each<readonly [string, readonly (string | null)[], readonly string[]]>([
    ["before it is shown", ["publisher-unknown"], ["n"]],
    ["while its owner reads and types", ["shadowed-driver", "publisher-unknown"], ["y", PASSPHRASE]],
  ])("leaves the one before in force when the new one is refused %s", async (_when, looks, typed) => {
    const desk = open({ typed, tools, looks });
    expect(await update(desk)).not.toBe(EXIT.ok);
    expect(signed(desk)).toEqual([]);
    expect(desk.err()).toContain("(publisher-unknown)");
  });

  test("goes on where all that speaks against the new one is the one before", async () => {
    const desk = open({ typed: ["y", PASSPHRASE], tools, looks: ["shadowed-driver", "shadowed-driver", null] });
    expect(await update(desk)).toBe(EXIT.ok);
    expect(signed(desk)).toHaveLength(2);
  });

  test.each<readonly [NonNullable<Setting["signedBy"]> | null, string]>([
    [{ kind: "signed", key: "B".repeat(43).concat("="), admitted: "twin" }, "signed by twin, and before by acme"],
    [{ kind: "signed", key: "B".repeat(43).concat("="), admitted: null }, `the key ${"B".repeat(43)}=, which nobody`],
    [
      { kind: "refused", why: "it was signed for another digest" },
      "its publisher's signature is refused: it was signed for another digest; before it was signed by acme",
    ],
    [null, "signed by nobody, and before by acme"],
  ])("says that another signed the new version: %j", async (signedBy, said) => {
    const desk = open({ typed: ["n"], tools, signedBy });
    await update(desk);
    expect(desk.err()).toContain(said);
  });

  test.each<readonly [string, Setting, string]>([
    ["that is over this version", {}, "111111"],
    ["that has ended", { state: "expired" }, "121212"],
    ["for what is not as it was added", { damaged: "changed" }, "121212"],
  ])("touches no grant %s", async (_what, setting, version) => {
    const desk = open({ ...setting, typed: ["y", PASSPHRASE] });
    expect(await update(desk, version)).not.toBe(EXIT.ok);
    expect(desk.err()).toContain("(bad-grant)");
    expect(signed(desk)).toEqual([]);
  });
});

test.each([
  ["@modelcontextprotocol/server-everything", "server-everything"],
  ["files.mcpb", "files-mcpb"],
  ["9lives", "lives"],
  ["日本", "extension"],
  ["long-".repeat(20), "long-long-long-long-long-long-l"],
])("a server of %s is called %s", (name, server) => expect(serverName(name)).toBe(server));
