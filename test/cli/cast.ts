import { canonicalize } from "../../src/kernel/canonical.ts";
import type { Grant } from "../../src/kernel/grant.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import type { LogRecord } from "../../src/protocol/record.ts";
import type { HeldDetail, InstanceView } from "../../src/protocol/requests.ts";
import { aboutAction } from "../../src/showing/about-action.ts";
import { readAction } from "../../src/showing/read-action.ts";
import { NOW } from "../fakes/cli-powers.ts";

/** The values that the transcripts are about. */

export const REQUEST = "3fa9c2d100112233445566778899aabb";
export const INSTANCE = "i-0123456789abcdef";
const SHA = (digit: string): string => `sha256:${digit.repeat(64)}`;

export const instances: readonly InstanceView[] = [
  {
    instance: INSTANCE,
    agent: "notes",
    ancestry: [],
    state: "running",
    since: NOW - 65_000,
    labels: ["untrusted", "private"],
    held: 1,
    done: 12,
    denied: 0,
    workspace: "/home/maria/notes",
    why: null,
    holdAt: [],
  },
  {
    instance: "i-fedcba9876543210",
    agent: "crawler",
    ancestry: [],
    state: "terminal",
    since: NOW - 7_200_000,
    labels: [],
    held: 0,
    done: 3,
    denied: 1,
    workspace: null,
    why: "control-verb",
    holdAt: [],
  },
];

/** A held action over these arguments, whose digest and statement fit. */
export function heldOver(args: JsonObject, request = REQUEST): HeldDetail {
  return heldSaying(request, { arguments: args });
}

/**
 * A held action whose fields are others, whether or not an action may have them; digest and statement fit its bytes.
 * @param args text that stands in the place of its arguments, canonical or not.
 */
export function heldSaying(request: string, fields: JsonObject, args = ""): HeldDetail {
  const canonical = canonicalize({
    v: 1,
    request,
    agent: "notes",
    instance: INSTANCE,
    verb: "call",
    driver: "mail",
    name: "send_email",
    arguments: {},
    ...fields,
  });
  const action = args === "" ? canonical : canonical.replace('"arguments":{}', `"arguments":${args}`);
  const digest = createCrypto().digest(action);
  const read = readAction(action);
  return {
    request,
    instance: INSTANCE,
    agent: "notes",
    what: "mail/send_email",
    about: read === null ? "" : aboutAction(read),
    reasons: ["recipient-not-endorsed"],
    since: NOW - 5000,
    expires: NOW + 595_000,
    action,
    digest,
    same: SHA("7"),
    shape: SHA("6"),
    before: { same: { asked: 0, allowed: 0, denied: 0 }, shape: { asked: 3, allowed: 2, denied: 1 } },
    risk: "reach",
    labels: ["untrusted", "private"],
    pin: SHA("1"),
    unendorsed: ["eve@evil.example"],
    provenance: [{ pointer: "/to/0", from: ["files/read_text_file #12"] }],
    found: null,
    frozen: null,
    second: "nothing",
    statement: {
      v: 1,
      purpose: "approve-action",
      nonce: request,
      subject: digest,
      policy: SHA("2"),
      start: "00112233445566778899aabbccddeeff",
      expires: NOW + 595_000,
    },
  };
}

export const held: HeldDetail = heldOver({ to: ["eve@evil.example"], subject: "figures" });

export const grant: Grant = {
  v: 1,
  id: "notes",
  agents: ["notes"],
  drivers: {
    files: {
      source: {
        kind: "stdio",
        command: ["node", "/opt/node_modules/files/index.js", "/workspace"],
        code: ["/opt/node_modules/files", "/opt/node_modules/zod"],
        workspace: "write",
      },
      pin: SHA("1"),
      tools: {
        read_text_file: { risk: "observe", labels: ["private"], fields: { path: "path" }, recipients: {} },
        write_file: { risk: "reserved", labels: [], fields: { path: "path" }, recipients: {} },
        move_file: { risk: "reserved", labels: ["untrusted", "private"], fields: {}, recipients: {} },
      },
      resources: ["file:///workspace/"],
      prompts: [],
    },
  },
  allow: [
    { what: "files/read_text_file", where: { path: { under: "/workspace" } } },
    { what: "files/write_file", where: { path: { in: ["/workspace/a.md", "/workspace/b\u202E.md"] } } },
    { what: "files#file:///workspace/", where: {} },
  ],
  limits: {
    uses: 200,
    rate: { count: 60, seconds: 60 },
    bytes: 10_000_000,
    notBefore: NOW,
    expires: NOW + 8 * 3_600_000,
  },
  lease: false,
  sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
};

const base = {
  v: 1,
  start: "00112233445566778899aabbccddeeff",
  payload: null,
} as const;
const actionBase = {
  instance: INSTANCE,
  agent: "notes",
  ancestry: [],
  action: SHA("3"),
  what: "files/read_text_file",
  risk: "observe",
  labels: [],
  policy: SHA("2"),
} as const;

export const records: readonly LogRecord[] = [
  {
    ...base,
    seq: 0,
    at: NOW,
    kind: "start",
    code: SHA("4"),
    constitution: SHA("5"),
    version: "0.1.0",
    node: "v24.0.0",
  },
  { ...base, seq: 1, at: NOW + 1000, kind: "instance-started", instance: INSTANCE, agent: "notes", ancestry: [] },
  {
    ...base,
    seq: 2,
    at: NOW + 2000,
    kind: "denied",
    stage: "validate",
    code: "no-grant",
    by: { kind: "rule", rule: "x" },
    ...actionBase,
  },
  {
    ...base,
    seq: 3,
    at: NOW + 3000,
    kind: "intent",
    by: { kind: "grant", grants: ["notes"] },
    pin: SHA("1"),
    ...actionBase,
  },
  {
    ...base,
    seq: 4,
    at: NOW + 3010,
    kind: "outcome",
    intent: 3,
    result: "ok",
    code: null,
    digest: SHA("6"),
    bytes: 812,
    micros: 5300,
    ...actionBase,
  },
  { ...base, seq: 5, at: NOW + 4000, kind: "refused", peer: "cli", code: "unknown-request", what: "a\u001b[2J\u202Eb" },
];
