import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { drawScan } from "../../src/cli/scan-picture.ts";
import { severityOf } from "../../src/extensions/scan/finding.ts";
import { writePage } from "../../src/extensions/scan/page.ts";
import { writeSarif } from "../../src/extensions/scan/sarif.ts";
import { scanMachine, type ScanReport } from "../../src/extensions/scan/scan.ts";
import { createLook } from "../../src/platform/files/machine-look.ts";
import { plainText } from "../../src/showing/line.ts";
import { COMMAND } from "../fakes/command.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { prepareHome, VALUES } from "./prepared-home.ts";

/** Everything in a folder: paths, modes, times, contents. */
function fingerprint(folder: string): string {
  const hash = createHash("sha256");
  const walk = (path: string): void => {
    const found = lstatSync(path);
    hash.update(`${path} ${found.mode} ${found.mtimeMs} ${found.ctimeMs} ${found.size}\n`);
    if (found.isDirectory()) for (const name of readdirSync(path).toSorted()) walk(join(path, name));
    else if (found.isFile()) hash.update(readFileSync(path));
  };
  walk(folder);
  return hash.digest("hex");
}

/** `aios scan` as a person runs it, where it can write nothing and reach nothing. */
function runSealed(
  home: string,
  folder: string,
  args: readonly string[],
): { readonly status: number | null; readonly out: string; readonly ms: number } {
  const began = performance.now();
  const ran = spawnSync(
    "bwrap",
    // As a user whom a file's mode stops, whoever runs the tests.
    ["--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL", "--chdir", folder]
      .concat(["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-net", "--unshare-pid"])
      .concat(["--clearenv", "--setenv", "HOME", home, "--setenv", "DEPLOY_TOKEN", VALUES["password"] ?? ""])
      .concat(["--", COMMAND, "scan", ...args]),
    { encoding: "utf8", timeout: 60_000 },
  );
  return { status: ran.status, out: `${ran.stdout}${ran.stderr}`, ms: performance.now() - began };
}

describe("a home with the configurations of eight clients", () => {
  let home: string;
  let project: string;
  let report: ScanReport;
  const messages = (rule: string): readonly string[] =>
    report.findings.filter((finding) => finding.rule === rule).map(({ message }) => message);

  beforeAll(async () => {
    home = makeTemporaryFolder();
    ({ project } = prepareHome(home));
    const look = createLook({ home, folder: project, now: Date.now(), variables: ["PATH", "PWD", "DEPLOY_TOKEN"] });
    report = await scanMachine(look, () => {});
  });

  test("every client, server and skill is found", () => {
    expect(report.clients.map(({ id }) => id)).toEqual([
      "claude-code",
      "claude-desktop",
      "codex",
      "opencode",
      "cursor",
      "vscode",
      "gemini",
      "openclaw",
    ]);
    expect(report.clients.map(({ servers }) => servers.map(({ name }) => name))).toEqual([
      ["github", "pinned", "files", "remote"],
      ["docker"],
      ["search"],
      ["shell", "off"],
      ["linear"],
      ["fetchers", "asked"],
      ["tmp"],
      [],
    ]);
    expect(report.clients.flatMap(({ skills }) => skills.map(({ name }) => name))).toEqual(["setup", "tidy", "helper"]);
    expect(report.clients.map(({ ownSandbox }) => ownSandbox)).not.toContain("workspace");
  });

  test("every danger is named, with its place, and the harmless twin beside it is not", () => {
    expect(messages("key-in-clear").toSorted()).toEqual(
      [
        "github is given GITHUB_TOKEN in clear text: whoever reads the file has it",
        "remote is given Authorization in clear text: whoever reads the file has it",
        "search is given SEARCH_API_KEY in clear text: whoever reads the file has it",
        "docker is given DB_PASSWORD in clear text: whoever reads the file has it",
        "docker is given --token in clear text: whoever reads the file has it",
        "a permission rule of ~/.claude/settings.json holds Authorization in clear text",
        "shell is given TOOLS_PASSWORD in clear text: whoever reads the file has it",
        "linear is given X-Api-Key in clear text: whoever reads the file has it",
        "ANTHROPIC_API_KEY stands in clear text in the environment that ~/.claude/settings.json sets",
        "gateway.auth.token stands in clear text in ~/.openclaw/openclaw.json",
        "channels.telegram.botToken stands in clear text in ~/.openclaw/openclaw.json",
        "models.providers.mine.apiKey stands in clear text in ~/.openclaw/openclaw.json",
      ].toSorted(),
    );
    const subjects = (rule: string): readonly string[] =>
      report.findings.filter((finding) => finding.rule === rule).map(({ subject }) => subject);
    expect(subjects("code-unpinned").toSorted()).toEqual(["docker", "github", "search"]);
    expect(subjects("everything-shared")).toEqual(["files"]);
    expect(subjects("engine-socket")).toEqual(["docker"]);
    expect(subjects("clear-connection")).toEqual(["remote"]);
    expect(subjects("distant-server").toSorted()).toEqual(["linear", "remote"]);
    expect(subjects("shell-server")).toEqual(["shell"]);
    expect(subjects("fetch-and-run")).toEqual(["fetchers"]);
    expect(subjects("servers-trusted")).toEqual(["tmp"]);
    expect(subjects("program-replaceable")).toEqual(["tmp"]);
    expect(subjects("asks-nobody").toSorted()).toEqual(["~/.codex/config.toml", "~/.config/Code/User/settings.json"]);
    expect(messages("shell-granted")).toEqual([
      "the rule Bash(*) lets every shell command run without a question",
      'the rule Bash(curl -H "Authorization: ..." *) lets a program run that can start any other',
      "~/.config/opencode/opencode.jsonc says nothing of permissions, and OpenCode then asks about none",
    ]);
    expect(messages("hook")).toEqual(["a command runs by itself at PostToolUse"]);
    expect(messages("project-hook")).toEqual(["a command runs by itself at SessionStart"]);
    expect(subjects("gateway-unguarded")).toEqual(["~/.openclaw/openclaw.json"]);
    expect(subjects("gateway-open")).toContain("~/.openclaw/openclaw.json");
    expect(subjects("channel-open")).toEqual(["~/.openclaw/openclaw.json"]);
    expect(messages("skill-fetches")).toEqual([
      "the skill setup fetches a script and runs it",
      "the skill helper fetches a script and runs it, in a text that is encoded here",
    ]);
    expect(subjects("skill-hides")).toEqual(["setup"]);
    expect(subjects("skill-decodes")).toEqual(["helper"]);
    expect(messages("key-in-environment")).toEqual([
      "DEPLOY_TOKEN is in the environment, and every agent started here inherits it",
    ]);
    expect(report.findings.find(({ rule }) => rule === "skill-fetches")?.place).toEqual({
      path: "~/.claude/skills/setup/SKILL.md",
      line: 7,
    });
  });

  test("each finding has the command that puts it under the substrate, and each client those that put it", () => {
    const commands = (rule: string): readonly string[] => {
      const own = report.findings.filter((finding) => finding.rule === rule);
      return [...new Set(own.map(({ command }) => String(command)))].toSorted((one, two) => (one < two ? -1 : 1));
    };
    expect(commands("code-unpinned")).toEqual([
      "aios adopt claude-code",
      "aios adopt claude-desktop",
      "aios adopt codex",
    ]);
    expect(commands("clear-connection")).toEqual(["aios adopt mcp-json --folder ~/work/shop"]);
    expect(commands("project-hook")).toEqual(["aios run -- claude"]);
    expect(commands("asks-nobody")).toEqual(["aios adopt vscode", "aios run -- codex"]);
    expect(commands("key-in-clear")).toEqual([
      "aios adopt claude-code",
      "aios adopt claude-desktop",
      "aios adopt codex",
      "aios adopt cursor",
      "aios adopt mcp-json --folder ~/work/shop",
      "aios adopt openclaw",
      "aios adopt opencode",
      "aios run -- claude",
    ]);
    expect(commands("channel-open")).toEqual(["aios adopt openclaw"]);
    expect(commands("skill-fetches")).toEqual([
      "aios ext add ~/.claude/skills/setup",
      "aios ext add ~/.openclaw/workspace/skills/helper",
    ]);
    // A gateway of another program that happens to listen here has none.
    const without = report.findings.filter(({ command, client }) => command === null && client !== null);
    expect(without).toEqual([]);
    expect(report.clients.map(({ adopt }) => adopt)).toEqual(report.clients.map(({ id }) => `aios adopt ${id}`));
    expect(writeSarif(report, "1")).toMatchObject({
      runs: [{ results: report.findings.map(({ command }) => (command === null ? {} : { properties: { command } })) }],
    });
    const page = writePage(report, (text) => text);
    const picture = drawScan(report, { columns: 100, all: true }).map(plainText);
    for (const { command } of report.findings.filter((finding) => finding.command !== null)) {
      expect(page).toContain(`→ <code>${command}</code>`);
      expect(picture).toContain(`           → ${command}`);
    }
  });

  test("keys in clear text are named by file and by what they open", () => {
    expect(report.keys.map(({ path }) => path)).toEqual([
      "~/.aws/credentials",
      "~/.npmrc",
      "~/.claude/.credentials.json",
      "~/.codex/auth.json",
      "~/.ssh/id_ed25519",
      "~/work/shop/.env",
    ]);
  });

  test("what they did lately is counted by tool", () => {
    const activity = Object.fromEntries(report.clients.map(({ id, activity: found }) => [id, found?.calls ?? null]));
    expect(activity).toMatchObject({
      "claude-code": [
        { tool: "Bash", times: 2 },
        { tool: "Edit", times: 1 },
      ],
      codex: [{ tool: "shell", times: 1 }],
      openclaw: [{ tool: "exec", times: 1 }],
      cursor: null,
    });
  });

  test("the score says why, and the worst comes first", () => {
    expect(report.score.word).toBe("critical");
    expect(report.score.reasons[0]?.title).toBe("A skill has code fetched and run");
    expect(severityOf(report.findings[0] ?? expect.fail())).toBe("critical");
  });

  test("in each format: no value, no write, no network, well under ten seconds", () => {
    const before = fingerprint(home);
    for (const format of ["picture", "json", "sarif", "html"]) {
      const ran = runSealed(home, project, ["--format", format, "--all"]);
      expect([ran.status, format]).toEqual([0, format]);
      expect(ran.ms).toBeLessThan(10_000);
      for (const value of Object.values(VALUES)) expect(ran.out).not.toContain(value);
      expect(ran.out).toContain("ANTHROPIC_API_KEY");
      expect(ran.out).toContain("DEPLOY_TOKEN");
      if (format === "html") expect(ran.out).not.toMatch(/<script|src=|@import|url\(/u);
    }
    expect(fingerprint(home)).toBe(before);
  });

  test("SARIF names a rule and a line for each finding that has a place", () => {
    const { out } = runSealed(home, project, ["--format", "sarif"]);
    const sarif = JSON.parse(out) as {
      readonly version: string;
      readonly runs: readonly {
        readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
        readonly results: readonly { readonly ruleId: string; readonly level: string }[];
      }[];
    };
    const [only] = sarif.runs;
    expect(sarif.version).toBe("2.1.0");
    expect(new Set(only?.results.map(({ ruleId }) => ruleId))).toEqual(
      new Set(only?.tool.driver.rules.map(({ id }) => id)),
    );
    expect(only?.results[0]?.level).toBe("error");
  });

  test("--fail-on makes a check of it", () => {
    expect(runSealed(home, project, ["--fail-on", "50"]).status).toBe(1);
    expect(runSealed(home, project, ["--fail-on", "500"]).status).toBe(2);
  });
});

test("an empty home is no exposure", async () => {
  const home = makeTemporaryFolder();
  const look = { ...createLook({ home, folder: home, now: Date.now(), variables: [] }), listeners: async () => [] };
  const report = await scanMachine(look, () => {});
  expect([report.clients, report.findings, report.score.exposure]).toEqual([[], [], 0]);
});

test("what is there and was not read is listed with its reason in each format, and nothing is said of what it holds", () => {
  const home = makeTemporaryFolder();
  const at = (path: string): string => {
    const full = join(home, path);
    mkdirSync(join(full, ".."), { recursive: true });
    return full;
  };
  mkdirSync(at(".claude/settings.json"));
  execFileSync("mkfifo", [at(".config/Claude/claude_desktop_config.json"), at(".codex/skills/held/SKILL.md")]);
  symlinkSync("/dev/zero", at(".codex/config.toml"));
  symlinkSync("opencode.json", at(".config/opencode/opencode.json"));
  writeFileSync(at(".cursor/mcp.json"), '{"mcpServers": ');
  writeFileSync(at(".config/Code/User/mcp.json"), "{}");
  truncateSync(at(".config/Code/User/mcp.json"), 5 * 1024 * 1024);
  writeFileSync(at(".config/Code/User/settings.json"), " \n");
  writeFileSync(at(".gemini/settings.json"), '{"tools": {"sandbox": true}}', { mode: 0 });
  symlinkSync("nowhere", at(".openclaw/openclaw.json"));
  writeFileSync(at(".gemini/skills/odd/SKILL.md"), "Nothing.\0");
  const expected = [
    ["claude-code", "~/.claude/settings.json", "it is a folder and no file"],
    ["claude-desktop", "~/.config/Claude/claude_desktop_config.json", "it is a pipe and no file"],
    ["codex", "~/.codex/config.toml", "it is a device and no file"],
    ["codex", "~/.codex/skills/held/SKILL.md", "it is a pipe and no file"],
    ["opencode", "~/.config/opencode/opencode.json", "its links lead in a circle"],
    ["cursor", "~/.cursor/mcp.json", "it is no table of JSON"],
    ["vscode", "~/.config/Code/User/mcp.json", "it has 5242880 bytes, and at most 4194304 of one file are read"],
    ["gemini", "~/.gemini/settings.json", "you may not read it, or not enter its folder"],
    ["gemini", "~/.gemini/skills/odd/SKILL.md", "it is a program or other data, and no text"],
    ["openclaw", "~/.openclaw/openclaw.json", "it is a link to what is not there"],
  ];

  // A check does not pass when what would fail it lies in a file that nobody could read.
  const ran = runSealed(home, home, ["--format", "json", "--fail-on", "100"]);
  const json = JSON.parse(ran.out) as ScanReport;
  expect([ran.status, json.score.exposure < 100]).toEqual([1, true]);
  expect(json.unread.map(({ client, path, why }) => [client, path, why])).toEqual(expected);
  expect(json.score.complete).toBe(false);
  expect(Object.fromEntries(json.clients.map(({ id, ownSandbox }) => [id, ownSandbox]))).toMatchObject({
    "claude-code": "unknown",
    codex: "unknown",
    gemini: "unknown",
    openclaw: "unknown",
    cursor: "none",
  });
  expect(writeSarif(json, "1")).toMatchObject({
    runs: [
      {
        invocations: [
          {
            toolExecutionNotifications: expected.map(([, path, why]) => ({
              level: "warning",
              message: { text: `${path} was not read, since ${why}` },
            })),
          },
        ],
      },
    ],
  });
  const flat = drawScan(json, { columns: 100, all: false }).map(plainText).join(" ").replaceAll(/\s+/gu, " ");
  const page = writePage(json, (text) => text);
  for (const [, path, why] of expected) {
    expect(flat).toContain(`${path}: ${why}`);
    expect(page).toContain(`<code>${path}</code>: ${why}`);
  }
  for (const shown of [flat, page]) {
    expect(shown).toContain("at least");
    expect(shown.toLowerCase()).toContain("incomplete");
    expect(shown).not.toContain("its own sandbox keeps commands");
  }
});

test("files that are hostile end the scan of themselves only", async () => {
  const home = makeTemporaryFolder();
  const write = (path: string, text: string): void => {
    mkdirSync(join(home, path, ".."), { recursive: true });
    writeFileSync(join(home, path), text);
  };
  write(".cursor/mcp.json", "[".repeat(200_000));
  write(
    ".gemini/settings.json",
    '{"mcpServers": {"__proto__": {"command": "sh"}, "\\u001b[31mred\\u202e": {"command": "x"}}, "tools": 7}',
  );
  write(".codex/config.toml", "mcp_servers = 3\n[broken");
  mkdirSync(join(home, ".config", "opencode"), { recursive: true });
  execFileSync("mkfifo", [join(home, ".config", "opencode", "opencode.json")]);
  mkdirSync(join(home, ".claude", "skills", "loop"), { recursive: true });
  symlinkSync(join(home, ".claude"), join(home, ".claude", "skills", "loop", "again"));
  writeFileSync(join(home, ".claude", "skills", "loop", "SKILL.md"), "Nothing.");
  const look = createLook({ home, folder: home, now: Date.now(), variables: [] });
  const report = await scanMachine(look, () => {});
  expect(report.findings.filter(({ rule }) => rule === "unreadable").map(({ client }) => client)).toEqual([
    "claude-code",
    "codex",
    "opencode",
    "cursor",
  ]);
  expect(report.clients.find(({ id }) => id === "gemini")?.servers.map(({ name }) => name)).toEqual([
    "__proto__",
    "\u001b[31mred\u202e",
  ]);
  const { out } = runSealed(home, home, []);
  // oxlint-disable-next-line no-control-regex -- the test is that there is none
  expect(out).not.toMatch(/\u001b|\u202e/u);
  expect(out).toContain("‹U+202E›");
});
