import * as fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { DriverSource } from "../kernel/grant.ts";
import { INFER_TOOLS } from "../kernel/infer.ts";
import { NET_TOOLS } from "../kernel/net.ts";
import type { JsonValue } from "../kernel/json.ts";
import { NO_REST } from "../kernel/rest.ts";
import { driverSources, expandGrant } from "./expand-grant.ts";
import { decodeProfile, grantAskedFor } from "./profile.ts";
import { decodeShortGrant, type ShortGrant } from "./short-grant.ts";
import { inferenceAllows } from "./short-inference.ts";
import { networkAllows } from "./short-network.ts";
import { parseDuration, parseInstant, parseRate, parseSize, writeRate } from "./units.ts";

const yaml = (text: string): JsonValue => parse(text);

const EXAMPLE = `
grant: demo-files
agents: [demo]
sandbox:
  workspace: read
  programs: none
  secrets: { GITHUB_TOKEN: { secret: github, to: https://api.github.com } }
servers:
  files:
    package: "@modelcontextprotocol/server-filesystem"
    args: [/workspace]
    workspace: read
    tools:
      read_text_file: { risk: observe, labels: [private], fields: { path: path } }
      write_file: { risk: reserved, fields: { path: path } }
      send_email: { risk: reach, labels: [], fields: { subject: string }, recipients: { recipients: email, cc: email } }
      list_directory: observe
      new_tool: {}
  web:
    url: http://127.0.0.1:3000/mcp
network:
  - to: https://api.github.com
    allow: [GET /repos/acme, POST /repos/acme/site/issues]
  - to: http://localhost:5173
    allow: [GET /, WEBSOCKET /]
  - to: https://files.example.org
    pass: true
  - to: localhost:5432
    forward: 5432
inference:
  - provider: anthropic
    models: [claude-sonnet-4-5, claude-haiku-4-5]
    context: 200000
    output: 32000
allow:
  - files/read_text_file: { path: { under: /workspace } }
  - files/write_file
limits: { uses: 200, rate: 60/min, bytes: 10MB, expires: 8h, budget: { input: 5000000, output: 500000, cost: 20 } }
lease: false
`;

const NOW = 1_767_225_600_000;
const pins = {
  files: `sha256:${"1".repeat(64)}`,
  web: `sha256:${"2".repeat(64)}`,
  net: `sha256:${"3".repeat(64)}`,
  infer: `sha256:${"4".repeat(64)}`,
};
const resolve = (name: string): DriverSource | null =>
  name === "@modelcontextprotocol/server-filesystem"
    ? { kind: "stdio", command: ["node", "/opt/files/index.js"], code: ["/opt/files"], workspace: "none" }
    : null;

function short(text: string): ShortGrant {
  const result = decodeShortGrant(yaml(text));
  if (result.kind === "refused") throw new Error(`${result.path} ${result.message}`);
  return result.value;
}

/** The example with one line replaced. */
function changed(from: string, to: string): JsonValue {
  expect(EXAMPLE).toContain(from);
  return yaml(EXAMPLE.replace(from, to));
}

describe("a short grant", () => {
  it("expands to the whole grant", () => {
    const result = expandGrant(short(EXAMPLE), { now: NOW, resolve, pins });
    expect(result).toEqual({
      kind: "ok",
      value: {
        v: 1,
        id: "demo-files",
        agents: ["demo"],
        drivers: {
          files: {
            source: {
              kind: "stdio",
              command: ["node", "/opt/files/index.js", "/workspace"],
              code: ["/opt/files"],
              workspace: "read",
            },
            pin: pins.files,
            tools: {
              read_text_file: { risk: "observe", labels: ["private"], fields: { path: "path" }, recipients: {} },
              write_file: {
                risk: "reserved",
                labels: ["untrusted", "private"],
                fields: { path: "path" },
                recipients: {},
              },
              send_email: {
                risk: "reach",
                labels: [],
                fields: { subject: "string" },
                recipients: { recipients: "email", cc: "email" },
              },
              list_directory: { risk: "observe", labels: ["untrusted", "private"], fields: {}, recipients: {} },
              new_tool: { risk: "reserved", labels: ["untrusted", "private"], fields: {}, recipients: {} },
            },
            resources: [],
            prompts: [],
          },
          web: {
            source: { kind: "http", url: "http://127.0.0.1:3000/mcp" },
            pin: pins.web,
            tools: {},
            resources: [],
            prompts: [],
          },
          net: { source: { kind: "net" }, pin: pins.net, tools: NET_TOOLS, resources: [], prompts: [] },
          infer: { source: { kind: "infer" }, pin: pins.infer, tools: INFER_TOOLS, resources: [], prompts: [] },
        },
        allow: [
          { what: "files/read_text_file", where: { path: { under: "/workspace" } } },
          { what: "files/write_file", where: {} },
          ...short(EXAMPLE).network.flatMap(networkAllows),
          ...short(EXAMPLE).inference.flatMap(inferenceAllows),
        ],
        limits: {
          uses: 200,
          rate: { count: 60, seconds: 60 },
          bytes: 10_000_000,
          notBefore: NOW,
          expires: NOW + 28_800_000,
          budget: { input: 5_000_000, output: 500_000, cost: 20_000_000 },
        },
        lease: false,
        sandbox: {
          workspace: "read",
          folder: null,
          programs: "none",
          home: null,
          ports: [],
          secrets: { GITHUB_TOKEN: { secret: "github", to: "https://api.github.com" } },
        },
      },
    });
  });

  it("binds all other arguments where it says so", () => {
    const line = (rest: string) =>
      short(EXAMPLE.replace("- files/write_file\n", `- files/write_file: {}\n    rest: ${rest}\n`)).allow[1];
    expect(line("none")).toEqual({ what: "files/write_file", where: {}, rest: [NO_REST] });
    expect(line(`[${pins.web}]`)).toEqual({ what: "files/write_file", where: {}, rest: [pins.web] });
  });

  it("gives the same grant for the same input, whatever was decoded before", () => {
    const given = { now: NOW, resolve, pins };
    expect(expandGrant(short(EXAMPLE), given)).toEqual(expandGrant(short(EXAMPLE), given));
  });

  it.each([
    ["limits: { uses: 200,", "limits: { usess: 200,", "/limits/usess", "is not a known field"],
    ["lease: false", "lease: false\napproved: true", "/approved", "is not a known field"],
    ["agents: [demo]", "agents: []", "/agents", "expected 1 to 64 items, found 0"],
    ["agents: [demo]", "agents: [Demo]", "/agents/0", "expected an agent name, found text of 4 characters"],
    ["agents: [demo]", "agents: [demo, demo]", "/agents/1", 'occurs twice: "demo"'],
    [
      "expires: 8h",
      "expires: 8",
      "/limits/expires",
      "expected a duration (90s, 15min, 8h, 3d) or an instant (2026-12-01T08:00:00Z), found 8",
    ],
    [", expires: 8h", "", "/limits/expires", "is missing"],
    ["rate: 60/min", "rate: 60/m", "/limits/rate", 'expected a rate (10/s, 60/min, 1/30min, 500/d), found "60/m"'],
    ["bytes: 10MB", "bytes: 10mb", "/limits/bytes", 'expected a size (500kB, 10MB, 1GiB), found "10mb"'],
    ["uses: 200", "uses: 0", "/limits/uses", "expected a whole number from 1 to 9007199254740991, found 0"],
    [
      "risk: observe, labels",
      "risk: obsrve, labels",
      "/servers/files/tools/read_text_file/risk",
      'expected one of observe, stage, infer, reach, reserved, prohibited, found "obsrve"',
    ],
    [
      "labels: [private]",
      "labels: [privat]",
      "/servers/files/tools/read_text_file/labels/0",
      'expected one of untrusted, private, secret, found "privat"',
    ],
    ["new_tool: {}", "new_tool:", "/servers/files/tools/new_tool", "expected an object, found null"],
    ["new_tool: {}", "n\u0435w_tool: {}", "/servers/files/tools/n\\u0435w_tool", "is not a name of a tool"],
    [
      "  web:",
      "  my_web:",
      "/servers/my_web",
      "is not a name of a server: a to z, 0 to 9 and -, beginning with a letter",
    ],
    [
      "url: http://127.0.0.1:3000/mcp",
      "url: http://example.com/mcp",
      "/servers/web/url",
      "is neither https to a host name, nor http to this machine",
    ],
    ["url: http://127.0.0.1:3000/mcp", "tools: {}", "/servers/web", "expected exactly one of package, command and url"],
    [
      "url: http://127.0.0.1:3000/mcp",
      "{ url: http://127.0.0.1:3000/mcp, command: [node] }",
      "/servers/web",
      "expected exactly one of package, command and url",
    ],
    [
      "url: http://127.0.0.1:3000/mcp",
      "{ url: http://127.0.0.1:3000/mcp, workspace: write }",
      "/servers/web/workspace",
      "a server behind a url sees no workspace",
    ],
    ["    args: [/workspace]", "    code: [/etc]", "/servers/files/code", "belongs to a command"],
    [
      "    args: [/workspace]",
      `    extension: sha256:${"1".repeat(64)}`,
      "/servers/files/extension",
      "belongs to a command, which says what of it runs",
    ],
    [
      "- files/write_file",
      "- files/write_file: {}\n    files/other: {}",
      "/allow/1",
      "expected one name with its conditions; start each with a dash of its own",
    ],
    [
      "- files/write_file",
      "- files/write_file\n  - rest: none",
      "/allow/2",
      "expected one name with its conditions; start each with a dash of its own",
    ],
    [
      "- files/write_file",
      "- files/write_file: {}\n    rest: any",
      "/allow/1/rest",
      "expected a list, found text of 3 characters",
    ],
    ["- files/write_file", "- files/write_file: {}\n    rest: []", "/allow/1/rest", "expected 1 to 64 items, found 0"],
    [
      "- files/write_file",
      "- files/write_file: {}\n    rest: [none]",
      "/allow/1/rest/0",
      "expected a digest, found text of 4 characters",
    ],
    ["- files/write_file", "- files/write_file:", "/allow/1/files~1write_file", "expected an object, found null"],
    [
      "under: /workspace }",
      "under: /workspace/../etc }",
      "/allow/0/files~1read_text_file/path/under",
      "is a path with more than one reading",
    ],
    [
      "under: /workspace }",
      "like: /workspace }",
      "/allow/0/files~1read_text_file/path",
      "expected exactly one field of equals, in, under, max",
    ],
  ])("refuses %s changed to %s", (from, to, path, message) => {
    expect(decodeShortGrant(changed(from, to))).toEqual({ kind: "refused", path, message });
  });

  it("refuses what it cannot expand, and what the kernel would refuse", () => {
    const given = { now: NOW, resolve, pins };
    const other = { ...given, resolve: () => null };
    expect(expandGrant(short(EXAMPLE), other)).toMatchObject({ kind: "refused", path: "/servers/files/package" });
    expect(expandGrant(short(EXAMPLE), { ...given, pins: { files: pins.files } })).toMatchObject({
      kind: "refused",
      path: "/servers/web",
    });
    expect(expandGrant(short(EXAMPLE), { ...given, pins: { ...pins, web: "sha256:1" } })).toMatchObject({
      kind: "refused",
    });
    const { net: _net, ...others } = pins;
    expect(expandGrant(short(EXAMPLE), { ...given, pins: others })).toMatchObject({
      kind: "refused",
      path: "/network",
    });
    const taken = EXAMPLE.replace("  web:", "  net:");
    expect(expandGrant(short(taken), given)).toMatchObject({ kind: "refused", path: "/servers/net" });
    const unpinned = { ...short(EXAMPLE), servers: { constructor: { ...short(EXAMPLE).servers["web"] } } };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a server by the name of what every object inherits
    expect(expandGrant(unpinned as ShortGrant, given)).toMatchObject({ kind: "refused", path: "/servers/constructor" });
    const reserved = EXAMPLE.replace("  web:", "  aios:");
    expect(expandGrant(short(reserved), { ...given, pins: { ...pins, aios: pins.web } })).toMatchObject({
      kind: "refused",
    });
    const uncounted = EXAMPLE.replace("lease: false", "lease: true").replace("uses: 200, ", "");
    expect(expandGrant(short(uncounted), given)).toMatchObject({ kind: "refused" });
    const ended = EXAMPLE.replace("expires: 8h", "expires: 2020-01-01T00:00:00Z");
    expect(expandGrant(short(ended), given)).toMatchObject({ kind: "refused" });
  });

  it("counts a span from the beginning of the grant", () => {
    const later = short(EXAMPLE.replace("expires: 8h", "starts: 1d, expires: 8h"));
    const result = expandGrant(later, { now: NOW, resolve, pins });
    expect(result.kind === "ok" && result.value.limits).toMatchObject({
      notBefore: NOW + 86_400_000,
      expires: NOW + 86_400_000 + 28_800_000,
    });
  });

  it("names its sources before there are pins", () => {
    expect(driverSources(short(EXAMPLE), resolve)).toMatchObject({
      kind: "ok",
      value: { files: { kind: "stdio", workspace: "read" }, web: { kind: "http" }, net: { kind: "net" } },
    });
  });
});

describe("a profile", () => {
  const PROFILE = EXAMPLE.replace("grant: demo-files\nagents: [demo]", "profile: demo-files\nagent: demo");

  it("asks for the same grant", () => {
    const result = decodeProfile(yaml(PROFILE));
    expect(result).toMatchObject({
      kind: "ok",
      value: { command: null, strict: false, task: null, environment: {}, code: [] },
    });
    if (result.kind === "ok") expect(grantAskedFor(result.value)).toEqual(short(EXAMPLE));
  });

  it("needs no more than a name and an agent", () => {
    const result = decodeProfile(yaml("{ profile: p, agent: a }"));
    expect(result.kind === "ok" && grantAskedFor(result.value, "other")).toEqual({
      grant: "other",
      agents: ["a"],
      sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
      servers: {},
      network: [],
      channels: [],
      git: [],
      inference: [],
      allow: [],
      limits: {
        uses: null,
        rate: null,
        bytes: null,
        starts: null,
        hours: null,
        expires: { kind: "after", span: 28_800_000 },
        budget: null,
      },
      lease: false,
    });
  });

  it("says how the agent is started", () => {
    const full = `${PROFILE}\ncommand: [node, agent.js, ""]\ncode: [/opt/agent]\nenvironment: { LANG: C.UTF-8 }\nstrict: true\ntask: Read the notes\n`;
    expect(decodeProfile(yaml(full))).toMatchObject({
      kind: "ok",
      value: {
        command: ["node", "agent.js", ""],
        code: ["/opt/agent"],
        environment: { LANG: "C.UTF-8" },
        strict: true,
      },
    });
  });

  it.each(["LD_PRELOAD", "LD_LIBRARY_PATH", "GLIBC_TUNABLES", "NODE_OPTIONS", "AIOS_HOME", "A-B", "1A", ""])(
    "cannot set the variable %j, which would run code before the filter or is no name",
    (name) => {
      const result = decodeProfile({ profile: "p", agent: "a", environment: { [name]: "1" } });
      expect(result).toMatchObject({ kind: "refused", path: `/environment/${name}` });
    },
  );

  it("may set harmless variables that look alike", () => {
    const environment = { NODE_ENV: "test", OLD_PATH: "x", NODE_OPTIONS_X: "1", HOMEPAGE: "y" };
    expect(decodeProfile({ profile: "p", agent: "a", environment })).toMatchObject({
      kind: "ok",
      value: { environment },
    });
  });

  it("is not authority: it cannot carry what only a grant has", () => {
    for (const field of ["grant", "agents", "pin", "pins", "approved", "id", "holdAt"]) {
      expect(decodeProfile({ profile: "p", agent: "a", [field]: [] })).toMatchObject({
        kind: "refused",
        path: `/${field}`,
      });
    }
  });
});

describe("units", () => {
  it("reads what has a unit", () => {
    expect(["90s", "15min", "8h", "3d"].map(parseDuration)).toEqual([90_000, 900_000, 28_800_000, 259_200_000]);
    expect(["1B", "500kB", "10MB", "2GB", "1KiB", "1MiB", "1GiB"].map(parseSize)).toEqual([
      1, 500_000, 10_000_000, 2_000_000_000, 1024, 1_048_576, 1_073_741_824,
    ]);
    expect(parseRate("60/min")).toEqual({ count: 60, seconds: 60 });
    expect(parseRate("1/30min")).toEqual({ count: 1, seconds: 1800 });
    for (const rate of ["60/min", "1/30min", "4/36h", "2/45s", "500/d"])
      expect(writeRate(parseRate(rate) ?? { count: 0, seconds: 0 })).toBe(rate);
    expect(parseInstant("2026-01-01T00:00:00Z")).toBe(NOW);
  });

  it("guesses nothing", () => {
    for (const text of [
      "8",
      "8 h",
      "08h",
      "-8h",
      "8H",
      "8hours",
      "1.5h",
      "0h",
      "8h ",
      "٨h",
      "1e3s",
      "",
      "8m",
      "12345678s",
    ]) {
      expect(parseDuration(text), text).toBeNull();
    }
    for (const text of ["10", "10mb", "10M", "10 MB", "0MB", "1TB"]) expect(parseSize(text), text).toBeNull();
    for (const text of ["60", "60/m", "60/0min", "60/05min", "1/30", "/min", "60/minute", "0/s"])
      expect(parseRate(text), text).toBeNull();
    for (const text of [
      "2026-02-30T00:00:00Z",
      "2026-01-01",
      "2026-01-01T00:00:00",
      "2026-01-01T00:00:00+01:00",
      "2026-01-01T24:00:00Z",
    ]) {
      expect(parseInstant(text), text).toBeNull();
    }
  });

  it("never takes random text for a quantity that it is not", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("0", "1", "9", "s", "h", "d", "m", "i", "n", "/", " "), maxLength: 6 }),
        (text) => {
          const span = parseDuration(text);
          if (span !== null) expect(text).toMatch(/^[19][019]*(s|min|h|d)$/);
        },
      ),
    );
  });
});

it("the example of docs/formats/grant.md is the one that is tested", () => {
  const doc = readFileSync(new URL("../../docs/formats/grant.md", import.meta.url), "utf8");
  expect(doc).toContain(EXAMPLE.trim());
});

describe("the sandbox of a short grant", () => {
  const sandbox = (written: string): unknown => {
    const decoded = decodeShortGrant(yaml(`{grant: g, agents: [a], limits: {expires: 1h}, sandbox: ${written}}`));
    return decoded.kind === "ok" ? decoded.value.sandbox : `${decoded.path}: ${decoded.message}`;
  };

  it("has a home by its size alone, or with entries and sealed paths", () => {
    expect(sandbox("{home: 2GiB}")).toMatchObject({ home: { bytes: 2 ** 31, entries: 200_000, sealed: [] } });
    expect(sandbox("{home: {bytes: 1MiB, entries: 50, sealed: [CLAUDE.md, .claude/agents/]}}")).toMatchObject({
      home: { bytes: 1_048_576, entries: 50, sealed: ["CLAUDE.md", ".claude/agents/"] },
    });
    expect(sandbox("{folder: /srv/project}")).toMatchObject({ folder: "/srv/project", home: null });
  });

  it.each([
    ["{home: lots}", /^\/sandbox\/home\/bytes: /],
    ["{home: {entries: 5}}", /^\/sandbox\/home/],
    ["{home: {bytes: 1GiB, sealed: [../x]}}", /^\/sandbox\/home\/sealed\/0: /],
    ["{home: {bytes: 1GiB, link: true}}", /^\/sandbox\/home/],
    ["{folder: project}", /^\/sandbox\/folder: /],
  ])("refuses %s at its path", (written, where) => expect(sandbox(written)).toMatch(where));
});
