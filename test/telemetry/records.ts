import type { ActionBase, LogRecord, RecordBody, RecordKind } from "../../src/protocol/record.ts";

/** What stands wherever an agent, a file or a server may have chosen the words. */
export const CANARY = "canary-7f3a";
export const INSTANCE = "i-00112233445566aa";
export const START = "a".repeat(32);
const sha = `sha256:${"b".repeat(64)}`;
const key = "ed25519:0123456789abcdef";

/** The part of a record that is about an action. */
export function action(what = "files/read_text", digest: string = sha): ActionBase {
  return {
    instance: INSTANCE,
    agent: "writer",
    ancestry: [],
    action: digest,
    what,
    risk: "observe",
    labels: ["untrusted"],
    policy: sha,
  };
}

const of = { instance: INSTANCE, agent: "writer" };
const port = { ...of, port: "web" };

/** A record of every kind, with the canary in each field whose words somebody else may choose. */
export const BODIES: { readonly [Kind in RecordKind]: Extract<RecordBody, { readonly kind: Kind }> } = {
  start: { kind: "start", code: sha, constitution: sha, version: "0.1.0", node: "v24.0.0" },
  stop: { kind: "stop", why: "asked" },
  "state-kept": { kind: "state-kept", size: 9, digest: sha, signed: { "grant-signed": 2 } },
  "owner-enrolled": { kind: "owner-enrolled", owner: key, key },
  "owner-removed": { kind: "owner-removed", owner: key, key },
  "recovery-set": { kind: "recovery-set", codes: 8, key },
  "recovery-begun": { kind: "recovery-begun", owner: key, key: "recovery:0123456789abcdef" },
  "recovery-stopped": { kind: "recovery-stopped", record: 7, key },
  "owner-recovered": { kind: "owner-recovered", owner: key, record: 7 },
  "owner-signed-in": { kind: "owner-signed-in", key, count: 4 },
  "passkey-rolled-back": { kind: "passkey-rolled-back", key, kept: 4, found: 3 },
  "witness-refused": { kind: "witness-refused", witness: "witness.example/one", code: "forked", size: 9, seen: 12 },
  "grant-signed": { kind: "grant-signed", grant: "files", digest: sha, key },
  "grant-revoked": { kind: "grant-revoked", grant: "files", key },
  "policy-set": { kind: "policy-set", policy: sha, key },
  "clock-set": { kind: "clock-set", key },
  "secret-set": { kind: "secret-set", secret: CANARY, commitment: sha, key },
  "secret-rotated": { kind: "secret-rotated", secret: CANARY, commitment: sha, key },
  "secret-bound": { kind: "secret-bound", secret: CANARY, to: `https://${CANARY}.example`, key },
  "secret-refreshed": { kind: "secret-refreshed", secret: CANARY, before: sha, commitment: sha, expires: null },
  "secret-not-refreshed": { kind: "secret-not-refreshed", secret: CANARY, fault: "rejected" },
  "secret-removed": { kind: "secret-removed", secret: CANARY, key },
  "provider-set": { kind: "provider-set", provider: "local", key },
  "provider-removed": { kind: "provider-removed", provider: "local", key },
  "witnesses-set": { kind: "witnesses-set", quorum: 1, key },
  "telemetry-set": { kind: "telemetry-set", on: true, key },
  "second-screen-set": { kind: "second-screen-set", demand: "reserved", key },
  "publishers-set": { kind: "publishers-set", change: "admit", publisher: "acme", key },
  "retention-set": { kind: "retention-set", days: { intent: 30, outcome: 7 }, key },
  "payloads-expired": { kind: "payloads-expired", count: 12, next: { intent: 40 } },
  "payloads-destroyed": { kind: "payloads-destroyed", count: 12 },
  "payload-erased": { kind: "payload-erased", record: 3, key },
  "instance-started": { kind: "instance-started", ...of, ancestry: [] },
  "instance-ended": { kind: "instance-ended", instance: INSTANCE, why: "exited", exit: 0 },
  "instance-frozen": {
    kind: "instance-frozen",
    instance: INSTANCE,
    by: { kind: "monitor", why: CANARY },
    code: "strict",
  },
  "instance-thawed": { kind: "instance-thawed", instance: INSTANCE, key },
  "instance-resumed": { kind: "instance-resumed", instance: INSTANCE, why: CANARY },
  "hold-asked": { kind: "hold-asked", instance: INSTANCE, stages: ["execute"] },
  "hold-lifted": { kind: "hold-lifted", instance: INSTANCE, key },
  "all-frozen": { kind: "all-frozen", by: { kind: "monitor", why: CANARY } },
  "all-thawed": { kind: "all-thawed", key },
  "away-begun": { kind: "away-begun", until: 9, asked: "deny", leases: ["l-beat"], key },
  "away-ended": { kind: "away-ended", why: "back" },
  "home-put": { kind: "home-put", agent: "writer", path: `${CANARY}.md`, digest: sha, key },
  "memory-kept": {
    kind: "memory-kept",
    entry: 3,
    agent: "writer",
    plane: "ephemeral",
    by: "writer",
    instance: "i-0123456789abcdef",
    labels: ["untrusted"],
    digest: `sha256:${"5".repeat(64)}`,
    bytes: 12,
    expires: 1_800_000_000_000,
    imported: null,
  },
  "memory-expired": { kind: "memory-expired", count: 2 },
  "memory-erased": { kind: "memory-erased", count: 1, key },
  "memory-destroyed": { kind: "memory-destroyed", count: 3 },
  "memory-budget-set": { kind: "memory-budget-set", agent: "writer", what: "ephemeral", bytes: 9, count: 2, key },
  "memory-proposed": {
    kind: "memory-proposed",
    instance: "i-0123456789abcdef",
    agent: "writer",
    name: CANARY,
    entries: [3],
  },
  "memory-frozen": {
    kind: "memory-frozen",
    agent: "writer",
    name: "rules",
    version: 1,
    digest: `sha256:${"6".repeat(64)}`,
    key,
  },
  "backup-made": { kind: "backup-made", size: 10, manifest: sha, keys: true },
  restored: { kind: "restored", size: 10, known: 12 },
  "memory-quarantined": { kind: "memory-quarantined", by: "source", value: `net/fetch ${CANARY}.example` },
  "memory-released": { kind: "memory-released", by: "source", value: `net/fetch ${CANARY}.example`, key },
  "memory-imported": {
    kind: "memory-imported",
    agent: "writer",
    plane: "ephemeral",
    origin: `${CANARY}.example`,
    count: 2,
    key,
  },
  "home-wiped": { kind: "home-wiped", agent: "writer", key },
  "extension-added": {
    kind: "extension-added",
    extension: sha,
    manifest: sha,
    of: "npm",
    name: CANARY,
    version: "1.0.0",
    source: CANARY,
  },
  "extension-attested": {
    kind: "extension-attested",
    extension: sha,
    provenance: { kind: "refused", why: CANARY },
  },
  "extension-published": {
    kind: "extension-published",
    extension: sha,
    publication: { kind: "refused", why: CANARY },
  },
  "extension-quarantined": { kind: "extension-quarantined", extension: sha, why: CANARY },
  "extension-removed": { kind: "extension-removed", extension: sha },
  "agent-restarted": { kind: "agent-restarted", agent: "writer", key },
  terminal: { kind: "terminal", ...of, code: "control-verb", by: CANARY },
  "devices-passed": { kind: "devices-passed", ...of, devices: [`/dev/${CANARY}`] },
  "limit-reached": { kind: "limit-reached", ...of, limit: "memory", most: 1, found: 2 },
  labelled: { kind: "labelled", instance: INSTANCE, labels: ["untrusted"], because: `files#file:///${CANARY}` },
  "programs-started": { kind: "programs-started", ...of, driver: "files", count: 2 },
  "calls-refused": { kind: "calls-refused", ...of, driver: "files", calls: { mount: 2 } },
  "probe-observed": { kind: "probe-observed", driver: "files", count: 2, calls: { mount: 2 } },
  "files-written": { kind: "files-written", ...of, count: 3 },
  "files-refused": { kind: "files-refused", ...of, count: 1 },
  "files-undone": { kind: "files-undone", ...of, stage: "ended", count: 1, left: 0 },
  "port-opened": { kind: "port-opened", ...port, host: "web.writer.localhost", inside: 3000, outside: 8080 },
  "port-closed": { kind: "port-closed", ...port, why: "ended" },
  "port-entered": { kind: "port-entered", ...port, key: `${"A".repeat(42)}A` },
  "port-visited": { kind: "port-visited", ...port, connections: 1, requests: 1, refused: {} },
  "console-opened": { kind: "console-opened", host: "aios-0123456789abcdef.localhost", port: 20000, pages: sha },
  "console-closed": { kind: "console-closed", why: "asked" },
  "console-entered": { kind: "console-entered", by: "code" },
  "console-visited": { kind: "console-visited", connections: 1, requests: 1, refused: {} },
  "driver-pinned": { kind: "driver-pinned", instance: INSTANCE, driver: "files", pin: sha },
  "driver-ended": {
    kind: "driver-ended",
    instance: INSTANCE,
    agent: "worker",
    driver: "files",
    pin: sha,
    code: "prohibited-call",
  },
  "driver-quarantined": { kind: "driver-quarantined", driver: "files", pin: sha, found: sha, why: "prohibited-call" },
  refused: { kind: "refused", peer: "face", code: "malformed", what: CANARY },
  denied: {
    kind: "denied",
    ...action(`${CANARY}/${CANARY}`),
    stage: "select",
    code: "unknown-tool",
    by: { kind: "monitor", why: CANARY },
  },
  held: { kind: "held", ...action(), reasons: [CANARY], expires: 9 },
  approved: { kind: "approved", ...action(), by: { kind: "owner", key }, statement: sha },
  intent: { kind: "intent", ...action(`files#file:///${CANARY}`), by: { kind: "grant", grants: ["files"] }, pin: sha },
  outcome: {
    kind: "outcome",
    ...action(`files#file:///${CANARY}`),
    intent: 7,
    result: "ok",
    code: null,
    digest: sha,
    bytes: 12,
    micros: 1500,
  },
};

/** A record of the log. */
export function record(seq: number, body: RecordBody, at: number = 1_700_000_000_000 + seq): LogRecord {
  return { v: 1, seq, at, start: START, payload: { digest: sha, bytes: 10 }, ...body };
}

/** One of each kind, in a row. */
export const EVERY_KIND: readonly LogRecord[] = Object.values(BODIES).map((body, seq) => record(seq, body));
