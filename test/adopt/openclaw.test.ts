import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { readProfile } from "../../src/cli/propose.ts";
import { readYaml } from "../../src/cli/yaml.ts";
import { expandGrant } from "../../src/protocol/expand-grant.ts";
import { decodeShortProvider } from "../../src/protocol/short-inference.ts";
import { decodeShortGrant } from "../../src/protocol/short-grant.ts";
import { COMMAND } from "../fakes/command.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { prepareHome, VALUES } from "../scan/prepared-home.ts";

/** Keys of a person who has more than the prepared home. Made up, in the forms of real ones. */
const MORE = {
  model: `sk-ant-api03-${"Qq7".repeat(12)}`,
  bot: "xoxb-210987654321-ABCDEFabcdef",
  app: "xapp-1-A0123456789-abcdefgh",
  hook: "a-long-hook-password",
  server: `ghp_${"Z9y8X7w6V5".repeat(4)}`,
  listed: `glpat-${"abcDEF123".repeat(3)}`,
};
const FULL = `{
  // mine, with comments
  gateway: { port: 18789, bind: 'lan', auth: { mode: "token", token: "${VALUES["gateway"] ?? ""}" }, controlUi: { allowInsecureAuth: true } },
  env: { vars: { ANTHROPIC_API_KEY: "${MORE.model}", EDITOR: "vi" } },
  agents: { defaults: { workspace: "~/claw", model: { primary: "anthropic/claude-sonnet-4-5", fallbacks: ["mine/big"] } } },
  models: { providers: { mine: { baseUrl: "http://127.0.0.1:8080/v1", apiKey: "${VALUES["slack"] ?? ""}", api: "openai-completions", models: [{ id: "big", name: "Big", maxTokens: 9000, cost: { input: 1, output: 2 } }] } } },
  channels: {
    slack: { botToken: "${MORE.bot}", appToken: "${MORE.app}", dmPolicy: "pairing" },
    telegram: { botToken: "${VALUES["telegram"] ?? ""}", dmPolicy: "open", allowFrom: ["*", "tg:424242", 77, "@name"], groups: { "-1001": {}, "*": {} } },
    whatsapp: { allowFrom: ["+15550001"] },
    elsewhere: { enabled: true },
  },
  hooks: { password: "${MORE.hook}", mappings: [{ to: "x", headers: ["Bearer ${MORE.listed}"] }] },
  mcp: { servers: { github: { command: "npx", args: ["server"], env: { GITHUB_TOKEN: "${MORE.server}" } } } },
  tools: { apiKey: "\${ALREADY_A_REFERENCE}" },
}
`;

interface Ran {
  readonly status: number | null;
  readonly out: string;
}

describe("aios adopt openclaw", () => {
  let home: string;
  let file: string;
  const secrets = [...Object.values(VALUES), ...Object.values(MORE)];

  beforeEach(() => {
    home = makeTemporaryFolder();
    prepareHome(home);
    file = join(home, ".openclaw", "openclaw.json");
  });

  /** The program as a person runs it; nothing that it says may hold a value, whatever it was asked. */
  function run(...args: readonly string[]): Ran {
    const { status, stdout, stderr } = spawnSync(COMMAND, ["adopt", "openclaw", ...args], {
      encoding: "utf8",
      cwd: home,
      env: { HOME: home, PATH: process.env["PATH"] ?? "" },
    });
    const out = `${stdout}${stderr}`;
    for (const value of secrets) expect(out).not.toContain(value);
    return { status, out };
  }

  const everything = (folder: string): readonly string[] =>
    readdirSync(folder, { recursive: true, encoding: "utf8", withFileTypes: true })
      .filter((each) => each.isFile())
      .map((each) => join(each.parentPath, each.name).slice(folder.length + 1))
      .toSorted();
  const bytes = (): Buffer => readFileSync(file);

  test("moves every key into a file of its own that only its person may read, and leaves the original alone", () => {
    writeFileSync(file, FULL);
    mkdirSync(join(home, "claw"));
    writeFileSync(join(home, "claw", "SOUL.md"), "Be kind.\n");
    const before = bytes();
    const { status, out } = run("--to", "new");
    expect(status, out).toBe(0);
    expect(bytes().equals(before)).toBe(true);

    const folder = join(home, "new");
    expect(everything(folder)).toEqual(
      [
        "adopted.json",
        "grant.yaml",
        "keys/anthropic-api-key",
        "keys/gateway-auth-token",
        "keys/hooks-password",
        "keys/hooks-mappings-0-headers-0",
        "keys/providers-mine-api-key",
        "keys/channels-slack-app-token",
        "keys/channels-slack-bot-token",
        "keys/telegram-bot-token",
        "keys/github-env-github-token",
        "openclaw.json",
        "profile.yaml",
        "provider-anthropic.yaml",
        "provider-mine.yaml",
      ].toSorted(),
    );
    const key = (name: string): string => readFileSync(join(folder, "keys", name), "utf8");
    expect(key("channels-slack-bot-token")).toBe(`${MORE.bot}\n`);
    // The word before a key stays with the reference.
    expect(key("hooks-mappings-0-headers-0")).toBe(`${MORE.listed}\n`);
    for (const name of everything(folder)) {
      expect([name, lstatSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600]);
      if (name.startsWith("keys/")) continue;
      const text = readFileSync(join(folder, name), "utf8");
      for (const value of secrets) expect(text, name).not.toContain(value);
    }
    for (const each of [folder, join(folder, "keys")]) expect(lstatSync(each).mode & 0o777).toBe(0o700);
  });

  test("writes a copy whose gateway, models and tools are the substrate's, and files that read back", () => {
    writeFileSync(file, FULL);
    expect(run("--to", "new").status).toBe(0);
    const read = (name: string): string => readFileSync(join(home, "new", name), "utf8");
    const copy: unknown = JSON.parse(read("openclaw.json"));
    expect(copy).toMatchObject({
      gateway: { port: 18_789, bind: "loopback", auth: { mode: "none" } },
      env: { vars: { EDITOR: "vi" } },
      agents: { defaults: { workspace: "/home/agent/.openclaw/workspace" } },
      models: {
        providers: {
          anthropic: { baseUrl: "http://127.0.0.1:3129", api: "anthropic-messages" },
          mine: { baseUrl: "http://127.0.0.1:3129/v1", apiKey: "none-is-needed" },
        },
      },
      channels: {
        slack: { botToken: "${OPENCLAW_CHANNELS_SLACK_BOT_TOKEN}", dmPolicy: "pairing", unfurlMedia: false },
        telegram: { botToken: expect.stringMatching(/^\$\{\w+\}$/u), linkPreview: false, commands: { native: false } },
        whatsapp: { enabled: false },
        elsewhere: { enabled: false },
      },
      hooks: { mappings: [{ headers: ["Bearer ${OPENCLAW_HOOKS_MAPPINGS_0_HEADERS_0}"] }] },
      mcp: { servers: { aios: { command: "/aios/node", args: ["/aios/mcp-stdio.js"] } } },
      tools: { apiKey: "${ALREADY_A_REFERENCE}" },
    });
    expect(JSON.stringify(copy)).not.toMatch(/allowInsecureAuth|ANTHROPIC_API_KEY|npx/u);

    const profile = readProfile(read("profile.yaml"), "profile.yaml");
    expect(profile).toMatchObject({
      profile: "openclaw",
      agent: "openclaw",
      lease: true,
      environment: { OPENCLAW_STATE_DIR: "/home/agent/.openclaw" },
      channels: [
        {
          kind: "slack",
          secret: "channels-slack-bot-token",
          variable: "OPENCLAW_CHANNELS_SLACK_BOT_TOKEN",
          to: [],
          send: ["chat.postMessage", "chat.update", "reactions.add"],
        },
        { kind: "slack", secret: "channels-slack-app-token", send: [], read: ["apps.connections.open"] },
        // Whom its allow-lists name by an id, and nobody by a name.
        { kind: "telegram", secret: "telegram-bot-token", to: ["424242", "77", "-1001"], previews: false },
      ],
      // One of the models has no price: money cannot be counted, tokens can.
      limits: { budget: { input: 50_000_000, output: 2_000_000, cost: null } },
    });
    expect(profile.sandbox.home?.sealed).toContain(".openclaw/workspace/HEARTBEAT.md");
    expect(profile.network.map(({ to }) => to)).toEqual([
      "https://wss-primary.slack.com",
      "https://wss-backup.slack.com",
    ]);
    expect(profile.inference.map(({ provider, models }) => [provider, models])).toEqual([
      ["mine", ["big"]],
      ["anthropic", ["claude-sonnet-4-5"]],
    ]);
    const grant = decodeShortGrant(readYaml(read("grant.yaml"), "grant.yaml"));
    expect(grant).toMatchObject({ kind: "ok", value: { grant: "openclaw", channels: profile.channels } });
    // The kernel has the last word on what may be signed.
    const pins = { net: `sha256:${"1".repeat(64)}`, infer: `sha256:${"2".repeat(64)}` };
    if (grant.kind !== "ok") throw new TypeError(grant.message);
    expect(expandGrant(grant.value, { now: Date.now(), resolve: () => null, pins })).toMatchObject({
      kind: "ok",
      value: {
        sandbox: { secrets: { OPENCLAW_CHANNELS_SLACK_APP_TOKEN: { to: "https://slack.com" } } },
        allow: expect.arrayContaining([
          {
            what: "net/message",
            where: expect.objectContaining({
              account: { equals: "telegram-bot-token" },
              to: { in: ["424242", "77", "-1001"] },
            }),
          },
        ]),
      },
    });
    const providers = ["anthropic", "mine"].map((name) =>
      decodeShortProvider(readYaml(read(`provider-${name}.yaml`), name)),
    );
    expect(providers).toMatchObject([
      { kind: "ok", value: { to: "https://api.anthropic.com", tier: "partner", secret: "anthropic-api-key" } },
      {
        kind: "ok",
        value: { to: "http://localhost:8080", path: "/v1", tier: "local", secret: "providers-mine-api-key" },
      },
    ]);
  });

  test("switches off OpenClaw's own sandboxes, whoever's they are, since nothing inside could start them", () => {
    const off = { sandbox: { mode: "off" } };
    const on = { sandbox: { mode: "all", docker: { image: "x" } } };
    const agents = {
      defaults: on,
      list: [{ id: "a", ...on }, { id: "b" }],
      entries: { c: { sandbox: { mode: "non-main" } } },
    };
    const adopted = (table: object, to: string): unknown => {
      writeFileSync(file, JSON.stringify(table));
      const { out } = run("--to", to);
      expect(out.includes("own sandboxes are switched off")).toBe(to === "set");
      return JSON.parse(readFileSync(join(home, to, "openclaw.json"), "utf8"));
    };
    const given = { agents: { defaults: off, list: [{ id: "a", ...off }, { id: "b" }], entries: { c: off } } };
    expect(adopted({ agents }, "set")).toMatchObject(given);
    // What says nothing of it is told too, and so is the example.
    expect(adopted({}, "unset")).toMatchObject({ agents: { defaults: off } });
    expect(JSON.parse(readFileSync("examples/openclaw.json", "utf8"))).toMatchObject({ agents: { defaults: off } });
  });

  test("says what it found, what does not work and why, and the commands to type", () => {
    writeFileSync(file, FULL);
    mkdirSync(join(home, "claw"));
    writeFileSync(join(home, "claw", "SOUL.md"), "Be kind.\n");
    writeFileSync(join(home, ".openclaw", ".env"), `X=${MORE.hook}\n`);
    const { out } = run("--to", "new folder");
    expect(out).toContain("critical  anybody who finds it on telegram may write to the agent");
    expect(out).toContain("the gateway listens on lan");
    expect(out).toContain("the channel whatsapp is switched off: nobody outside can see whom it writes to");
    expect(out).toContain("slack names nobody by an id whom channels-slack-bot-token may answer");
    expect(out).toContain("the channel elsewhere is switched off: its hosts are not known here");
    expect(out).toContain("name github under servers");
    expect(out).toContain("not read, and not moved: ~/.openclaw/.env");
    const unbound = out.split("\n").filter((row) => row.startsWith("# "));
    expect(unbound).toHaveLength(4);
    expect(unbound).toContain(
      `# hooks-password goes nowhere; if it must: aios secrets set hooks-password --file '${home}/new folder/keys/hooks-password', then aios secrets bind hooks-password --to https://HOST --method METHOD --as header:NAME`,
    );
    const commands = out.split("\n").filter((row) => row.startsWith("aios "));
    expect(commands).toEqual([
      `aios secrets set anthropic-api-key --file '${home}/new folder/keys/anthropic-api-key'`,
      "aios secrets bind anthropic-api-key --to https://api.anthropic.com --method POST --path /v1 --as header:x-api-key",
      `aios secrets set providers-mine-api-key --file '${home}/new folder/keys/providers-mine-api-key'`,
      "aios secrets bind providers-mine-api-key --to http://localhost:8080 --method POST --path /v1 --as header:authorization=Bearer",
      `aios secrets set channels-slack-bot-token --file '${home}/new folder/keys/channels-slack-bot-token'`,
      "aios secrets bind channels-slack-bot-token --to https://slack.com --method POST --path /api --as header:authorization=Bearer",
      `aios secrets set channels-slack-app-token --file '${home}/new folder/keys/channels-slack-app-token'`,
      "aios secrets bind channels-slack-app-token --to https://slack.com --method POST --path /api --as header:authorization=Bearer",
      `aios secrets set telegram-bot-token --file '${home}/new folder/keys/telegram-bot-token'`,
      "aios secrets bind telegram-bot-token --to https://api.telegram.org --method GET --method POST --path /bot --path /file/bot --as path",
      `aios providers add '${home}/new folder/provider-mine.yaml'`,
      `aios providers add '${home}/new folder/provider-anthropic.yaml'`,
      `aios home put openclaw .openclaw/openclaw.json '${home}/new folder/openclaw.json'`,
      `aios home put openclaw .openclaw/workspace/SOUL.md ${home}/claw/SOUL.md`,
      `aios run --profile '${home}/new folder/profile.yaml' -- openclaw gateway`,
    ]);
  });

  test("writes nothing when it is only to show, and the configuration of the prepared home is one", () => {
    const before = [everything(home), bytes()];
    const { status, out } = run("--dry-run");
    expect([status, everything(home), bytes()]).toEqual([0, ...before]);
    expect(out).toContain("gateway.auth.token becomes gateway-auth-token");
    expect(out).toContain("Nothing was written.");
    expect(run("--to", "new").status).toBe(0);
  });

  describe("in place and back", () => {
    const original = Buffer.concat([Buffer.from("\uFEFF"), Buffer.from(FULL.replaceAll("\n", "\r\n"))]);

    test("the original becomes the copy, and is restored byte for byte with its permissions; nothing is left", () => {
      writeFileSync(file, original, { mode: 0o640 });
      const mode = lstatSync(file).mode;
      const { status, out } = run("--to", "new", "--in-place");
      expect(status, out).toBe(0);
      expect(bytes().equals(readFileSync(join(home, "new", "openclaw.json")))).toBe(true);
      for (const value of secrets) expect(bytes().includes(value)).toBe(false);
      expect(lstatSync(file).mode).toBe(mode);

      const back = run("--undo", "--to", "new");
      expect([back.status, back.out.split("\n")[0]]).toEqual([0, `restored ${file}, byte for byte`]);
      expect(bytes().equals(original)).toBe(true);
      expect(lstatSync(file).mode).toBe(mode);
      expect(existsSync(join(home, "new"))).toBe(false);
    });

    test("a link stays a link, and what it leads to is restored", () => {
      const real = join(home, "dotfiles.json");
      renameSync(file, real);
      writeFileSync(real, original);
      symlinkSync(real, file);
      expect(run("--to", "new", "--in-place").status).toBe(0);
      expect(readFileSync(real).equals(original)).toBe(false);
      expect(run("--undo", "--to", "new").status).toBe(0);
      expect([lstatSync(file).isSymbolicLink(), readFileSync(real).equals(original)]).toEqual([true, true]);
    });

    test("undo does not write over what was changed since, and keeps what its person changed", () => {
      expect(run("--to", "new", "--in-place").status).toBe(0);
      appendFileSync(file, "// mine\n");
      const changed = bytes();
      const { status, out } = run("--undo", "--to", "new");
      expect([status, out]).toEqual([1, expect.stringContaining("(changed-since)")]);
      expect(bytes().equals(changed)).toBe(true);
      expect(existsSync(join(home, "new", "before.json5"))).toBe(true);
    });

    test("undo stops at a backup that is not what was kept, and at a list that names what lies elsewhere", () => {
      expect(run("--to", "new", "--in-place").status).toBe(0);
      const adopted = bytes();
      writeFileSync(join(home, "new", "before.json5"), "{}");
      expect(run("--undo", "--to", "new")).toMatchObject({
        status: 1,
        out: expect.stringContaining("(changed-since)"),
      });
      expect(bytes().equals(adopted)).toBe(true);

      const list = join(home, "new", "adopted.json");
      const text = readFileSync(list, "utf8").replace('"grant.yaml"', '"../work"');
      writeFileSync(list, text);
      const { status, out } = run("--undo", "--to", "new");
      expect([status, out]).toEqual([3, expect.stringContaining("(bad-configuration)")]);
      expect(existsSync(join(home, "work"))).toBe(true);
    });

    test("undo of a folder alone removes what was written, but for a grant that its person has edited", () => {
      expect(run("--to", "new").status).toBe(0);
      const before = bytes();
      appendFileSync(join(home, "new", "grant.yaml"), "# mine\n");
      rmSync(join(home, "new", "keys", "gateway-auth-token"));
      const { status, out } = run("--undo", "--to", "new");
      expect([status, out]).toEqual([0, expect.stringContaining("grant.yaml")]);
      expect(everything(join(home, "new"))).toEqual(["adopted.json", "grant.yaml"]);
      expect(bytes().equals(before)).toBe(true);
    });
  });

  test.each([
    ["text that is no JSON5", `{ gateway: { auth: { token: "${MORE.hook}" `, "bad-configuration"],
    ["a list", `["${MORE.hook}"]`, "bad-configuration"],
    ["an empty file", "", "bad-configuration"],
    ["bytes that are no text", Buffer.of(0xff, 0xfe, 0x7b), "file-unreadable"],
  ])("%s is one clear error, and nothing is written", (_name, content, code) => {
    writeFileSync(file, content);
    const before = everything(home);
    const { status, out } = run("--to", "new", "--in-place");
    expect([status, out.split("\n")[0]]).toEqual([
      3,
      expect.stringMatching(new RegExp(`^aios: .*\\(${code}\\)$`, "u")),
    ]);
    expect(everything(home)).toEqual(before);
  });

  test.each([
    [["--to", "work"], 3, "already-there"],
    [["--to", "new", "--from", "nowhere.json"], 3, "file-unreadable"],
    [[], 2, "usage"],
    [["--dry-run", "--in-place"], 2, "usage"],
    [["--undo"], 2, "usage"],
    [["--undo", "--to", "new", "--dry-run"], 2, "usage"],
    [["--undo", "--to", "work"], 1, "not-found"],
  ])("%s is refused with one code, and nothing is written", (words, status, code) => {
    const before = [everything(home), bytes()];
    const ran = run(...words);
    expect([ran.status, ran.out.split("\n")[0]]).toEqual([status, expect.stringContaining(`(${code})`)]);
    expect([everything(home), bytes()]).toEqual(before);
  });

  test("a person without OpenClaw is told so", () => {
    rmSync(join(home, ".openclaw"), { recursive: true });
    expect(run("--dry-run")).toMatchObject({ status: 1, out: expect.stringContaining("(not-found)") });
  });
});
