import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CliFailure } from "../../src/cli/failure.ts";
import { runProgram } from "../../src/cli/program.ts";
import { readProfile } from "../../src/cli/propose.ts";
import { type Grant } from "../../src/kernel/grant.ts";
import { decodeGrant } from "../../src/kernel/grant-decoder.ts";
import type { JsonValue } from "../../src/kernel/json.ts";
import { NET_TOOLS } from "../../src/kernel/net.ts";
import { createShippedProfiles, findStanding } from "../../src/main/profiles.ts";
import type { GrantView, RunRequest } from "../../src/protocol/requests.ts";
import { ROOT } from "../source-modules.ts";
import { createDesk, NOW, PASSPHRASE, type Desk, type Setting } from "../fakes/cli-powers.ts";

const FOLDER = join(ROOT, "profiles");
const shipped = createShippedProfiles(FOLDER);
const profiles = Object.fromEntries(
  shipped.list().map((name) => [name, readFileSync(join(FOLDER, `${name}.yaml`), "utf8")]),
);

/** A monitor that takes every statement for good, and remembers the grants that were signed. */
function createScene(
  typed: readonly string[] | null,
  given: { readonly grants?: readonly Grant[]; readonly state?: GrantView["state"] } = {},
) {
  const grants = [...(given.grants ?? [])];
  const view = ({ id, agents, lease, limits }: Grant, index: number): GrantView => ({
    id,
    agents,
    lease,
    state: index < (given.grants?.length ?? 0) ? (given.state ?? "active") : "active",
    uses: 0,
    bytes: 0,
    spent: { input: 0, output: 0, cost: 0 },
    expires: limits.expires,
    opens: null,
    quarantined: [],
    key: "ed25519:0011223344556677",
  });
  const answers: NonNullable<Setting["answers"]> = {
    grants: () => ({ grants: grants.map(view) }),
    "grant-show": ({ id }) => {
      const index = grants.findIndex((grant) => grant.id === id);
      const grant = grants[index];
      if (grant === undefined) throw new TypeError("no such grant");
      return { grant, cedar: "", view: view(grant, index) };
    },
    probe: ({ drivers }) => ({
      drivers: Object.fromEntries(
        Object.keys(drivers).map((name) => [
          name,
          {
            pin: `sha256:${"1".repeat(64)}`,
            offer: { server: { name, version: "1" }, tools: [], resources: [], resourceTemplates: [], prompts: [] },
          },
        ]),
      ),
    }),
    prepare: ({ purpose, document }) => ({
      statement: {
        v: 1,
        purpose,
        nonce: "0".repeat(32),
        subject: desk.powers.crypto.digest(JSON.stringify(sorted(document))),
        policy: `sha256:${"2".repeat(64)}`,
        start: "0".repeat(32),
        expires: NOW + 1000,
      },
    }),
    submit: ({ document }) => {
      const decoded = decodeGrant(document);
      if (decoded.kind !== "ok") throw new TypeError(decoded.message);
      grants.push(decoded.value);
      return { seq: 7 };
    },
    watch: () => ({}),
    run: () => ({ instance: "i-0123456789abcdef", output: null, overruled: [] }),
    wait: () => ({ state: "ended", exit: 0, why: null }),
  };
  const desk: Desk = createDesk({ answers, profiles, ...(typed === null ? {} : { typed }) });
  return { desk, grants };
}

/** RFC 8785 for what is asked here: keys in order, at every depth. */
function sorted(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each: JsonValue) => sorted(each));
  const keys = Object.keys(value).toSorted();
  return Object.fromEntries(keys.map((key) => [key, sorted((value as { [key: string]: JsonValue })[key] ?? null)]));
}

async function run(scene: { readonly desk: Desk }, ...words: readonly string[]): Promise<RunRequest | null> {
  await runProgram(["run", ...words], scene.desk.powers);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the command sent under this name
  return (scene.desk.monitor.asked.find(({ name }) => name === "run")?.body ?? null) as RunRequest | null;
}

describe("the profiles that ship", () => {
  test("are these, and each is one", () => {
    expect(shipped.list()).toEqual(["claude-code", "claude-code-key", "generic", "mcp-client", "openclaw"]);
    expect(readdirSync(FOLDER).length).toBe(5);
    for (const [name, text] of Object.entries(profiles)) expect(readProfile(text, name).profile).toBe(name);
  });

  test("leave a person's home folder and what is around it alone", () => {
    expect(findStanding(FOLDER, ROOT)).toBe(FOLDER);
    for (const [here, home] of [
      [ROOT, ROOT],
      ["/", ROOT],
      [ROOT, FOLDER],
    ] as const)
      expect(findStanding(here, home)).toBeNull();
  });
});

describe("a profile at a terminal", () => {
  test.each<[string, readonly string[], RegExp]>([
    ["claude-code", ["claude"], /api\.anthropic\.com/u],
    ["claude-code-key", ["claude"], /anthropic/u],
    ["generic", ["./agent"], /the folder \/work \(and may write in it\)/u],
    ["mcp-client", ["./agent"], /any file of yours/u],
    ["openclaw", ["openclaw", "gateway"], /a home of its own/u],
  ])("%s is one grant, shown as Can, Cannot, Limits and Risk before it is signed", async (name, command, says) => {
    const scene = createScene(["n"]);
    expect(await run(scene, "--profile", name, "--", ...command)).toBeNull();
    expect(scene.grants).toEqual([]);
    const shown = scene.desk.err();
    const places = ["Can", "Cannot", "Limits", "Risk"].map((title) => shown.indexOf(`\n${title}\n`));
    expect(places.every((place, at) => place > (places[at - 1] ?? 0))).toBe(true);
    expect(shown).toMatch(says);
    const signed = createScene(["y", PASSPHRASE]);
    await run(signed, "--profile", name, "--", ...command);
    expect(signed.grants.map(({ id }) => id)).toEqual([name]);
  });
});

describe("aios run -- claude", () => {
  test("asks nothing about a program that is not there", async () => {
    const { desk } = createScene(["n"]);
    const findProgram = (): never => {
      throw CliFailure.of("no-program", 'Cannot start "claude": there is no such program');
    };
    const powers = { ...desk.powers, agents: { ...desk.powers.agents, findProgram } };
    expect(await runProgram(["run", "--", "claude"], powers)).toBe(127);
    expect(desk.prompts).toEqual([]);
    expect(desk.err()).toContain('Cannot start "claude": there is no such program (no-program)');
  });

  const CAN = `grant claude-code for claude`.replace("grant", "lease");

  test("offers the profile, shows what it grants in this folder, and starts it as the profile says", async () => {
    const scene = createScene(["y", "y", PASSPHRASE]);
    const request = await run(scene, "--", "claude", "-p", "hello");
    const shown = scene.desk.err();
    expect(shown).toContain("claude is Claude Code; aios has a profile for it.");
    expect(shown).toContain(CAN);
    for (const words of ["the folder /work (and may write in it)", "keeps a home of its own", "CLAUDE.md", "2.0 GiB"])
      expect(shown).toContain(words);
    expect(shown).toMatch(/api\.anthropic\.com/);
    expect(request).toMatchObject({ agent: "claude", workspace: "/work" });
    expect(request?.command.slice(0, 2)).toEqual(["claude", "--mcp-config"]);
    expect(request?.command.slice(-3)).toEqual(["--strict-mcp-config", "-p", "hello"]);
    expect(request?.environment).toMatchObject({ DISABLE_AUTOUPDATER: "1", CLAUDE_CODE_SANDBOXED: "1" });
    const [grant] = scene.grants;
    expect(grant?.sandbox).toMatchObject({
      workspace: "write",
      folder: "/work",
      programs: "any",
      home: { bytes: 2 ** 31 },
    });
    expect(grant?.lease).toBe(true);
    const fetches = ["api.anthropic.com/api/hello", "platform.claude.com/v1/oauth/hello"];
    expect(grant?.allow.map(({ what }) => what)).toEqual(["net/send", ...fetches.map(() => "net/fetch")]);
    expect(grant?.allow.slice(0, 1)).toEqual([
      {
        what: "net/send",
        where: {
          scheme: { equals: "https" },
          host: { equals: "api.anthropic.com" },
          port: { equals: 443 },
          method: { equals: "POST" },
          path: { under: "/v1/messages" },
        },
      },
    ]);
    expect(grant?.drivers["net"]?.tools).toEqual(NET_TOOLS);
  });

  test("asks nothing again while that grant is in force, and signs a new one in another folder", async () => {
    const first = createScene(["y", "y", PASSPHRASE]);
    await run(first, "--", "claude");
    const again = createScene([], { grants: first.grants });
    expect(await run(again, "--", "/opt/bin/claude")).toMatchObject({ agent: "claude", workspace: "/work" });
    expect(again.desk.prompts).toEqual([]);

    const elsewhere = createScene(["y", "y", PASSPHRASE], { grants: first.grants });
    await run(elsewhere, "--workspace", "/srv/other", "--", "claude");
    expect(elsewhere.grants.map(({ id, sandbox }) => [id, sandbox.folder])).toEqual([
      ["claude-code", "/work"],
      ["claude-code-2", "/srv/other"],
    ]);
    const ended = createScene(["y", "y", PASSPHRASE], { grants: first.grants, state: "expired" });
    await run(ended, "--", "claude");
    expect(ended.grants.map(({ id }) => id)).toEqual(["claude-code", "claude-code-2"]);
  });

  test("runs under what is granted when the person does not want it, and starts nothing when they do not sign", async () => {
    const declined = createScene(["n"]);
    expect(await run(declined, "--", "claude")).toMatchObject({
      agent: "claude",
      workspace: null,
      command: ["claude"],
    });
    expect(declined.grants).toEqual([]);
    const unsigned = createScene(["y", "n"]);
    expect(await run(unsigned, "--", "claude")).toBeNull();
    expect(unsigned.desk.err()).toContain("(not-confirmed)");
  });

  test("is another agent under another name, with a grant of its own", async () => {
    const scene = createScene(["y", "y", PASSPHRASE]);
    expect(await run(scene, "--agent", "claude-2", "--", "claude")).toMatchObject({ agent: "claude-2" });
    expect(scene.grants[0]?.agents).toEqual(["claude-2"]);
  });

  test("offers nothing where nobody is, nor beside a grant that was named, nor to another program", async () => {
    expect(await run(createScene(null), "--", "claude")).toMatchObject({ command: ["claude"], workspace: null });
    expect(await run(createScene([]), "--", "claudette")).toMatchObject({ command: ["claudette"], workspace: null });
  });
});

test.each(["claude-code", "claude-code-key"])("%s starts Claude Code without a sandbox of its own", async (name) => {
  const scene = createScene(["y", PASSPHRASE]);
  const { command = [] } = (await run(scene, "--profile", name, "--", "claude")) ?? {};
  const settings: unknown = JSON.parse(command[command.indexOf("--settings") + 1] ?? "");
  expect(settings).toMatchObject({ sandbox: { enabled: false } });
});

describe("Claude Code with a model of the substrate", () => {
  test("has what the other profile has, but for its model: no destination, no lease, a budget", () => {
    const [own, key] = ["claude-code", "claude-code-key"].map((name) => readProfile(profiles[name] ?? "", name));
    const { profile, network, inference, limits, lease, ...rest } = key ?? {};
    expect([profile, network, lease]).toEqual(["claude-code-key", [], false]);
    expect([inference?.[0]?.provider, limits?.budget?.cost]).toEqual(["anthropic", 50_000_000]);
    expect(own).toMatchObject(rest);
  });

  test("is what runs while its grant is in force, though the other is what is offered", async () => {
    const first = createScene(["y", PASSPHRASE]);
    await run(first, "--profile", "claude-code-key", "--", "claude");
    expect(first.grants.map(({ id }) => id)).toEqual(["claude-code-key"]);
    expect(first.grants[0]?.allow.map(({ what }) => what)).toEqual(["infer/messages", "infer/chat", "infer/responses"]);
    const again = createScene([], { grants: first.grants });
    expect((await run(again, "--", "claude"))?.command).toContain("--strict-mcp-config");
    expect([again.desk.prompts, again.grants.length]).toEqual([[], 1]);
  });
});

describe("aios run -- openclaw", () => {
  test("offers the profile, shows no folder of the person's, and keeps what steers it from it", async () => {
    const scene = createScene(["y", "y", PASSPHRASE]);
    const request = await run(scene, "--", "openclaw", "gateway");
    const shown = scene.desk.err();
    expect(shown).toContain("openclaw is OpenClaw; aios has a profile for it.");
    expect(shown).toContain("grant openclaw for openclaw");
    expect(shown).toContain(".openclaw/workspace/SOUL.md");
    expect(shown).not.toContain("/work ");
    expect(request).toMatchObject({ agent: "openclaw", workspace: null, command: ["openclaw", "gateway"] });
    expect(request?.environment).toMatchObject({ OPENCLAW_STATE_DIR: "/home/agent/.openclaw" });
    const [grant] = scene.grants;
    expect(grant?.sandbox).toMatchObject({ workspace: "none", home: { bytes: 2 ** 32 } });
    expect(grant?.sandbox.ports).toEqual([{ name: "gateway", inside: 18_789, outside: 18_789, keys: [] }]);
    // What it obeys at a start or a beat, and its own settings: an owner's.
    for (const path of ["SOUL.md", "HEARTBEAT.md", "AGENTS.md", "IDENTITY.md", "skills/"])
      expect(grant?.sandbox.home?.sealed).toContain(`.openclaw/workspace/${path}`);
    expect(grant?.sandbox.home?.sealed).toContain(".openclaw/openclaw.json");
    expect(grant?.allow.every(({ what }) => what.startsWith("infer/"))).toBe(true);
    expect([grant?.lease, grant?.limits.budget?.cost]).toEqual([false, 50_000_000]);
  });
});

describe("a bad profile", () => {
  test.each([
    [["--profile", "nonesuch"], 'There is no profile "nonesuch", and no file of that name (bad-profile)'],
    [["--profile", "./nonesuch.yaml"], "(file-unreadable)"],
    [["--profile", "claude-code", "--agent", "No"], "cannot be an agent's name (usage)"],
  ])("is one clear error, and nothing starts: %s", async (words, error) => {
    const scene = createScene(["y", "y", PASSPHRASE]);
    expect(await run(scene, ...words, "--", "x")).toBeNull();
    expect(scene.desk.err().split("\n")[0]).toContain(error);
    expect(scene.desk.monitor.asked).toEqual([]);
  });

  test("names the field that is wrong", async () => {
    const desk = createDesk({ typed: [], files: { "p.yaml": "profile: p\nagent: a\nsandbox: { home: lots }\n" } });
    expect(await runProgram(["run", "--profile", "p.yaml", "--", "x"], desk.powers)).toBe(3);
    expect(desk.err()).toMatch(/Cannot use p\.yaml: \/sandbox\/home\/bytes .* \(bad-profile\)/);
    expect(desk.monitor.asked).toEqual([]);
  });
});
