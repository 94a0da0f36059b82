import { expect, test } from "vitest";
import { NO_REST } from "../kernel/rest.ts";
import { decodeShortGrant, type ShortGrant } from "../protocol/short-grant.ts";
import { USUAL } from "../protocol/short-channels.ts";
import { writeShortGrant } from "./write-short-grant.ts";
import { readYaml } from "./yaml.ts";

const UNSAID = { risk: "reserved", labels: ["untrusted", "private"], fields: {}, recipients: {} } as const;

const SHORT: ShortGrant = {
  grant: "notes",
  agents: ["notes", "other"],
  sandbox: { workspace: "read", folder: null, programs: "any", home: null, ports: [] },
  servers: {
    files: {
      source: { kind: "package", name: "@modelcontextprotocol/server-filesystem" },
      args: ["/workspace"],
      workspace: "write",
      tools: {
        read_text_file: { risk: "observe", labels: [], fields: { path: "path" }, recipients: {} },
        send: { risk: "reach", labels: ["private"], fields: {}, recipients: { to: "email" } },
        move_file: UNSAID,
        edit_file: UNSAID,
      },
      resources: [],
      prompts: [],
    },
    local: {
      source: { kind: "command", command: ["node", "/opt/x y/server.js"], code: ["/opt/x y"] },
      args: [],
      workspace: "none",
      tools: {},
      resources: ["notes://"],
      prompts: ["ask"],
    },
    web: {
      source: { kind: "url", url: "https://example.org/mcp" },
      args: [],
      workspace: "none",
      tools: {},
      resources: [],
      prompts: [],
    },
  },
  channels: [
    {
      kind: "telegram",
      secret: "bot",
      variable: "TELEGRAM_BOT_TOKEN",
      to: ["123456"],
      send: USUAL.telegram.send,
      read: ["getUpdates"],
      previews: false,
      at: "https://api.telegram.org",
    },
    {
      kind: "slack",
      secret: "desk",
      variable: "DESK",
      to: [],
      send: ["chat.postMessage"],
      read: [],
      previews: true,
      at: "http://localhost:8081",
    },
  ],
  git: [{ to: "ssh://git@example.org/me/project.git", push: ["refs/heads/agent"], remove: true }],
  network: [
    { to: "https://api.example.com", allow: ["GET /repos", "POST /repos/x"], pass: false, forward: null },
    { to: "https://files.example.com:8443", allow: [], pass: true, forward: null },
    { to: "localhost:5432", allow: [], pass: false, forward: 15_432 },
  ],
  inference: [
    { provider: "here", models: ["small"], context: 8000, output: null, features: [] },
    { provider: "far", models: ["big"], context: null, output: 100, features: ["server-tools"] },
  ],
  allow: [
    { what: "files/read_text_file", where: { path: { under: "/workspace" } } },
    { what: "files/move_file", where: {} },
    { what: "files/write_file", where: { path: { equals: "/workspace/a" } }, rest: [NO_REST] },
    { what: "files/edit_file", where: {}, rest: [NO_REST, `sha256:${"1".repeat(64)}`] },
  ],
  limits: {
    uses: 5,
    rate: { count: 60, seconds: 60 },
    bytes: 10_000_000,
    starts: { kind: "at", at: Date.UTC(2026, 11, 1, 8) },
    expires: { kind: "after", span: 90 * 60_000 },
    budget: { input: 1000, output: null, cost: 2_500_000 },
    hours: { zone: "Europe/Vienna", windows: [{ days: ["mon", "tue"], from: 420, to: 1320 }], uses: 8 },
  },
  lease: false,
};

const NOTES = {
  heading: ["Asked for by profile.yaml.", "Read it."],
  servers: { files: { lines: ["pin sha256:1"], unclassified: ["move_file"] } },
};

test("a short grant is written for people", () => {
  expect(writeShortGrant(SHORT, NOTES)).toBe(`# Asked for by profile.yaml.
# Read it.

grant: notes
agents: [ notes, other ]
sandbox: { workspace: read, programs: any }
servers:
  files:
    # pin sha256:1
    package: "@modelcontextprotocol/server-filesystem"
    args:
      - /workspace
    workspace: write
    tools:
      read_text_file: { risk: observe, labels: [], fields: { path: path } }
      send: { risk: reach, labels: [ private ], recipients: { to: email } }
      # nobody classified this: it is reserved
      move_file: { risk: reserved, labels: [ untrusted, private ] }
      edit_file: { risk: reserved, labels: [ untrusted, private ] }
  local:
    command:
      - node
      - /opt/x y/server.js
    code:
      - /opt/x y
    tools: {}
    resources:
      - notes://
    prompts:
      - ask
  web:
    url: https://example.org/mcp
    tools: {}
network:
  - to: https://api.example.com
    allow:
      - GET /repos
      - POST /repos/x
  - to: https://files.example.com:8443
    pass: true
  - to: localhost:5432
    forward: 15432
channels:
  - kind: telegram
    secret: bot
    to:
      - "123456"
    read:
      - getUpdates
  - kind: slack
    secret: desk
    variable: DESK
    to: []
    send:
      - chat.postMessage
    previews: true
    at: http://localhost:8081
git:
  - to: ssh://git@example.org/me/project.git
    push:
      - refs/heads/agent
    remove: true
inference:
  - provider: here
    models:
      - small
    context: 8000
  - provider: far
    models:
      - big
    output: 100
    features:
      - server-tools
allow:
  - files/read_text_file: { path: { under: /workspace } }
  - files/move_file
  - files/write_file: { path: { equals: /workspace/a } }
    rest: none
  - files/edit_file: {}
    rest:
      [
        sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a,
        sha256:1111111111111111111111111111111111111111111111111111111111111111
      ]
limits:
  {
    uses: 5,
    rate: 60/min,
    bytes: 10MB,
    starts: 2026-12-01T08:00:00Z,
    expires: 90min,
    budget: { input: 1000, cost: 2.5 },
    hours: { zone: Europe/Vienna, open: [ mon-tue 07:00-22:00 ], uses: 8 }
  }
lease: false
`);
});

test("what was written reads back as the same grant", () => {
  expect(decodeShortGrant(readYaml(writeShortGrant(SHORT, NOTES), "f"))).toEqual({ kind: "ok", value: SHORT });
});

test("a home reads back as it was written, whatever its size", () => {
  for (const bytes of [2 ** 31, 500_000_000, 1_048_576]) {
    const home = { bytes, entries: 1000, sealed: ["CLAUDE.md", ".claude/agents/"] };
    const short = { ...SHORT, sandbox: { ...SHORT.sandbox, folder: "/srv/project", home } };
    const decoded = decodeShortGrant(readYaml(writeShortGrant(short, NOTES), "written"));
    expect(decoded).toMatchObject({ kind: "ok", value: { sandbox: short.sandbox } });
  }
});
