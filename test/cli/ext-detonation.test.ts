import { describe, expect, test } from "vitest";
import { EXIT } from "../../src/cli/exit-codes.ts";
import type { DetonationWords } from "../../src/cli/powers.ts";
import { runProgram } from "../../src/cli/program.ts";
import type { DetonationAnswer } from "../../src/extensions/detonate/finding.ts";
import type { Grant } from "../../src/kernel/grant.ts";
import { canonicalize } from "../../src/kernel/canonical.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import type { ExtensionManifest } from "../../src/protocol/extension.ts";
import type { ExtensionView } from "../../src/protocol/extension-table.ts";
import type { CliRequests } from "../../src/protocol/requests.ts";
import { createDesk, NOW, PASSPHRASE, type Desk } from "../fakes/cli-powers.ts";

const [OLD, ID] = [`sha256:${"1".repeat(64)}`, `sha256:${"12".repeat(32)}`];
const crypto = createCrypto();

function report(change: Partial<Extract<DetonationAnswer, { kind: "report" }>["report"]> = {}): DetonationAnswer {
  const ran = [{ step: "server", how: "5 calls", ms: 300 }];
  return { kind: "report", report: { v: 1, digest: ID, ran, calls: 5, findings: [], grave: false, ...change } };
}

const GRAVE = report({
  grave: true,
  findings: [
    {
      rule: "canary-sent",
      severity: "critical",
      message: "sent the SSH key to a.example (server, tools/call count #2)",
      place: { path: "index.js", line: 1 },
      evidence: { step: "server", call: "tools/call count #2", ms: 120 },
    },
  ],
});
const NO_BWRAP: DetonationAnswer = { kind: "failed", code: "setup", message: "no bubblewrap", hint: "install it" };

const source = {
  kind: "ext",
  extension: OLD,
  command: ["node", "/extension/dist/index.js", "-v"],
  workspace: "none",
} as const;
const OLD_GRANT: Grant = {
  v: 1,
  id: "files",
  agents: ["helper"],
  drivers: {
    files: {
      source,
      pin: `sha256:${"4".repeat(64)}`,
      tools: { read_file: { risk: "observe", labels: [], fields: {}, recipients: {} } },
      resources: [],
      prompts: [],
    },
  },
  allow: [{ what: "files/read_file", where: {} }],
  limits: { uses: 9, rate: null, bytes: null, notBefore: NOW - 1000, expires: NOW + 3_600_000 },
  lease: false,
  sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
};

interface Setting {
  readonly answer?: DetonationAnswer;
  readonly rule?: string;
  readonly typed?: readonly string[];
  readonly kind?: ExtensionView["kind"];
}

interface Opened extends Desk {
  readonly run: readonly (readonly [folder: string, words: DetonationWords])[];
}

/** A store with one extension that speaks for itself, and a detonation that gives one answer. */
function open({ answer = report(), rule = "uses-network", typed = ["n"], kind = "npm" }: Setting = {}): Opened {
  const said = { name: "@acme/server-files", version: "1.1.0", source: "files.tgz" };
  const view: ExtensionView = {
    id: ID,
    kind,
    ...said,
    at: NOW,
    state: "added",
    why: null,
    provenance: null,
    publication: null,
    grants: [],
  };
  const asks = { files: [], hosts: [], secrets: [], memory: [], tools: [] };
  const tool = { name: "read_file", title: null, description: null, inputSchema: { type: "object" } };
  const offer: CliRequests["probe"]["ok"]["drivers"][string] = {
    pin: `sha256:${"5".repeat(64)}`,
    offer: {
      server: { name: "files", version: "1" },
      tools: [{ ...tool, outputSchema: null, annotations: null }],
      resources: [],
      resourceTemplates: [],
      prompts: [],
    },
  };
  const run: (readonly [string, DetonationWords])[] = [];
  const desk = createDesk({
    typed,
    answers: {
      extensions: () => ({ extensions: [view] }),
      "extension-add": () => ({ extension: view, fresh: true }),
      "extension-show": ({ id }) => {
        const is = { publisher: null, about: null, entry: "dist/index.js", words: [], settings: [], asks };
        const { name, version } = said;
        const manifest: ExtensionManifest = {
          v: 1,
          id,
          kind,
          endpoint: null,
          files: 1,
          bytes: 9,
          name,
          version,
          ...is,
        };
        return { extension: { ...view, id }, manifest, files: [], damaged: null };
      },
      "extension-vet": () => ({ findings: [{ rule, message: "does it", path: "dist/index.js", line: 3 }], more: 0 }),
      grants: () => ({ grants: [] }),
      probe: ({ drivers }) => ({ drivers: Object.fromEntries(Object.keys(drivers).map((name) => [name, offer])) }),
      "grant-show": () => {
        const { id, agents, lease, limits } = OLD_GRANT;
        const spent = { input: 0, output: 0, cost: 0 };
        const used = {
          state: "active",
          uses: 0,
          bytes: 0,
          spent,
          opens: null,
          quarantined: [],
          key: "ed25519:0",
        } as const;
        return { grant: OLD_GRANT, cedar: "", view: { id, agents, lease, ...used, expires: limits.expires } };
      },
      prepare: ({ purpose, document }) => ({
        statement: {
          v: 1,
          purpose,
          nonce: "0".repeat(32),
          subject: crypto.digest(canonicalize(document)),
          policy: ID,
          start: "0".repeat(32),
          expires: NOW + 1000,
        },
      }),
      submit: () => ({ seq: 7 }),
    },
  });
  const detonation: Desk["powers"]["detonation"] = {
    run(folder, words) {
      run.push([folder, words]);
      return Promise.resolve(answer);
    },
  };
  return { ...desk, powers: { ...desk.powers, detonation }, run };
}

const names = (desk: Desk): readonly string[] => desk.monitor.asked.map(({ name }) => name);
const TREE = `/home/maria/.aios/extensions/${"12".repeat(32)}/tree`;
const trust = (desk: Desk, ...words: readonly string[]): Promise<number> =>
  runProgram(["ext", "trust", "121212", "--agent", "helper", ...words], desk.powers);
const update = (desk: Desk, ...words: readonly string[]): Promise<number> =>
  runProgram(["ext", "update", "files", "121212", ...words], desk.powers);

describe("what an owner sees before signing", () => {
  test("is what the very command of the grant did, and on which bytes", async () => {
    const desk = open({ answer: GRAVE, typed: ["y", "y", PASSPHRASE] });
    expect(await trust(desk, "--detonate", "--entry", "other.js", "--", "/workspace")).toBe(EXIT.ok);
    expect(desk.run).toEqual([[TREE, { command: ["node", "/extension/other.js", "/workspace"] }]]);
    const [shown = "", grant = ""] = desk.err().split(/(?=^grant )/mu);
    expect(shown).toContain(`Found when it was run: 1 step, 5 calls of tools\n  ${ID}\n`);
    expect(shown).toContain("critical It sent a secret of the made-up home away");
    expect(shown).toContain("sent the SSH key to a.example");
    expect(grant).toContain(`node /extension/other.js /workspace`);
    expect(desk.prompts[0]).toBe(
      "Something grave was found when it was run. Trust @acme/server-files@1.1.0 nevertheless? [y/N] ",
    );
    const of = open({ typed: ["y", PASSPHRASE] });
    expect(await update(of, "--detonate")).toBe(EXIT.ok);
    expect(of.run).toEqual([[TREE, { command: source.command }]]);
    expect(of.err()).toContain("nothing beyond what it asks for, which does not make it safe");
  });

  test("says that it was not run, where nobody asked for that", async () => {
    for (const command of [trust, update]) {
      const desk = open({ typed: ["y", PASSPHRASE] });
      expect(await command(desk)).toBe(EXIT.ok);
      expect(desk.run).toEqual([]);
      expect(desk.err()).toContain("Was not run to see what it does (aios ext detonate)");
    }
  });

  test.each<readonly [string, Setting, string]>([
    ["when it was run", { answer: GRAVE }, "when it was run"],
    ["in its files", { rule: "sends-keys" }, "in it"],
    ["in its files by a rule that nobody knows", { rule: "made-up" }, "in it"],
    ["both ways", { answer: GRAVE, rule: "sends-keys" }, "in it, and when it was run"],
  ])("is not signed without one more yes for what is grave %s", async (_what, setting, where) => {
    for (const command of [trust, update]) {
      const desk = open({ ...setting, typed: ["n"] });
      expect(await command(desk, "--detonate")).toBe(EXIT.no);
      expect(desk.err()).toContain("(not-confirmed)");
      expect(desk.prompts).toEqual([
        `Something grave was found ${where}. Trust @acme/server-files@1.1.0 nevertheless? [y/N] `,
      ]);
      expect(names(desk)).not.toContain("submit");
    }
  });

  test.each<readonly [string, Setting, string]>([
    ["what could not be run", { answer: NO_BWRAP }, "no bubblewrap (setup) (not-detonated)\nhint: install it"],
    ["bytes that are not those of the store", { answer: report({ digest: OLD }) }, "(not-detonated)"],
    ["a server elsewhere", { kind: "http" }, "there"],
  ])("is never %s as if it had been looked at", async (_what, setting, message) => {
    const desk = open({ ...setting, typed: ["y", "y", PASSPHRASE] });
    expect(await trust(desk, "--detonate")).not.toBe(EXIT.ok);
    expect(names(desk)).not.toContain("probe");
    expect(names(desk)).not.toContain("submit");
    if (setting.kind !== "http") expect(desk.err()).toContain(message);
  });
});

describe("ext add --detonate", () => {
  const add = (desk: Desk, ...words: readonly string[]): Promise<number> =>
    runProgram(["ext", "add", ...words], desk.powers);

  test("runs what is in the store then, and tells people and programs what it did", async () => {
    const desk = open({ answer: GRAVE });
    expect(await add(desk, "files@1.1.0", "--detonate")).toBe(EXIT.ok);
    expect(desk.run).toEqual([[TREE, { given: [] }]]);
    expect(desk.out()).toContain("Found when it was run: 1 step, 5 calls of tools");
    const told = open({ answer: GRAVE });
    expect(await add(told, "files@1.1.0", "--detonate", "--json")).toBe(EXIT.ok);
    expect(JSON.parse(told.out())).toMatchObject({ fresh: true, detonation: GRAVE });
    const without = open();
    expect(await add(without, "files@1.1.0", "--json")).toBe(EXIT.ok);
    expect(JSON.parse(without.out())).toMatchObject({ detonation: null });
    expect(without.run).toEqual([]);
  });

  test("says that it could not, with what was added shown, and adds no address for it", async () => {
    const desk = open({ answer: NO_BWRAP });
    expect(await add(desk, "files@1.1.0", "--detonate")).toBe(EXIT.setup);
    expect(desk.out()).toContain("added @acme/server-files@1.1.0");
    expect(desk.out()).toContain("Could not be run to see what it does\n  no bubblewrap\n");
    expect(desk.err()).toContain("(not-detonated)");
    const address = open();
    expect(await add(address, "https://mcp.example.com/mcp", "--detonate")).toBe(EXIT.usage);
    expect(names(address)).not.toContain("extension-add");
  });
});
