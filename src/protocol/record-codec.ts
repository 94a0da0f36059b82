import { AWAY_ANSWERS, AWAY_ENDS } from "../kernel/away.ts";
import { canonicalize } from "../kernel/canonical.ts";
import { MOST_DEVICES } from "../kernel/devices.ts";
import { isObject, type JsonValue } from "../kernel/json.ts";
import { MOST_FROZEN_ITEMS, PLANES, SNAPSHOT_NAME } from "../kernel/memory.ts";
import { QUARANTINES } from "../kernel/memory-quarantine.ts";
import { BUDGETED } from "../kernel/memory-budget.ts";
import { CLIENT_KEY, PORT_NAME } from "../kernel/names.ts";
import { LIMIT_NAMES } from "../kernel/sandbox-limits.ts";
import { asJson } from "./as-json.ts";
import { CONSOLE_ENTRIES, CONSOLE_HOST } from "./console-entry.ts";
import { secretTarget } from "./authority.ts";
import {
  boolean,
  decode,
  integer,
  list,
  literal,
  names,
  nullable,
  object,
  oneOf,
  record as mapping,
  text,
  union,
  type DecodeResult,
  type Decoder,
  type Fields,
} from "./decode.ts";
import {
  agentName,
  ancestry,
  count,
  digest,
  driverName,
  grantId,
  homePath,
  instanceId,
  labels,
  moment,
  nonce,
  ownerKey,
  providerName,
  reasonCode,
  risk,
  secretName,
  stage,
  visibleLine,
  words,
} from "./fields.ts";
import { EXTENSION_KINDS, extensionName } from "./extension.ts";
import { PROVENANCE } from "./provenance.ts";
import { PUBLICATION } from "./publisher.ts";
import { publisherName, PUBLISHERS_CHANGES } from "./publishers.ts";
import { REFUSED } from "./port-gate-table.ts";
import { REFRESH_FAULTS } from "./refresh-order.ts";
import { RETENTION_DAYS, RETENTION_PLACES } from "./retention.ts";
import { DEMANDS } from "./second-screen.ts";
import type { ActionBase, Decider, LogRecord, RecordBase, RecordKind } from "./record.ts";
import { SERVER_CLIMBS, SERVER_ENDS } from "./server-climb.ts";

type RecordOf<Kind extends RecordKind> = Extract<LogRecord, { readonly kind: Kind }>;

const DECIDER: Decoder<Decider> = union<Decider, "kind">("kind", {
  rule: object<Extract<Decider, { kind: "rule" }>>({ kind: literal("rule"), rule: words }),
  grant: object<Extract<Decider, { kind: "grant" }>>({ kind: literal("grant"), grants: list(grantId, { max: 1024 }) }),
  owner: object<Extract<Decider, { kind: "owner" }>>({ kind: literal("owner"), key: ownerKey }),
  monitor: object<Extract<Decider, { kind: "monitor" }>>({ kind: literal("monitor"), why: words }),
});

const base: Fields<RecordBase> = {
  v: literal(1),
  seq: count,
  at: moment,
  start: nonce,
  payload: nullable(object<NonNullable<RecordBase["payload"]>>({ digest, bytes: count })),
};

const action: Fields<ActionBase> = {
  instance: instanceId,
  agent: agentName,
  ancestry,
  action: digest,
  what: words,
  risk,
  labels,
  policy: digest,
};

const onPort = {
  instance: instanceId,
  agent: agentName,
  port: text({ max: 31, pattern: PORT_NAME }),
};

/** What every record has besides its kind's own fields. */
type Own<Kind extends RecordKind> = Omit<Fields<RecordOf<Kind>>, keyof RecordBase | "kind">;
type ActionKind = Extract<LogRecord, ActionBase>["kind"];

function plainRecord<Kind extends RecordKind>(kind: Kind, own: Own<Kind>): Decoder<RecordOf<Kind>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `Own` is by its definition what is left of the fields
  return object<RecordOf<Kind>>({ ...base, kind: literal(kind), ...own } as unknown as Fields<RecordOf<Kind>>);
}

/** The same with one more field, which may be left out. */
function recordWith<Kind extends RecordKind, More extends keyof Own<Kind>>(
  kind: Kind,
  { own, more }: { readonly own: Omit<Own<Kind>, More>; readonly more: Pick<Own<Kind>, More> },
): Decoder<RecordOf<Kind>> {
  // oxlint-disable typescript/no-unsafe-type-assertion -- what is left out is a field that the kind may lack
  const plain = plainRecord(kind, own as unknown as Own<Kind>);
  const whole = plainRecord(kind, { ...own, ...more } as unknown as Own<Kind>);
  // oxlint-enable typescript/no-unsafe-type-assertion
  const fields = Object.keys(more);
  return (value, refusal) =>
    (isObject(value) && fields.some((name) => Object.hasOwn(value, name)) ? whole : plain)(value, refusal);
}

function actionRecord<Kind extends ActionKind>(
  kind: Kind,
  own: Omit<Own<Kind>, keyof ActionBase>,
): Decoder<RecordOf<Kind>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- again what is left, here of the fields of an action
  return plainRecord(kind, { ...action, ...own } as unknown as Own<Kind>);
}

/** Reads a record: exactly the fields of its kind. */
export const RECORD: Decoder<LogRecord> = union<LogRecord, "kind">("kind", {
  start: plainRecord("start", { code: digest, constitution: digest, version: words, node: words }),
  stop: plainRecord("stop", { why: words }),
  "state-kept": plainRecord("state-kept", {
    size: count,
    digest,
    signed: mapping(count, { key: /^[a-z-]{1,32}$/, max: 64 }),
  }),
  "backup-made": plainRecord("backup-made", { size: count, manifest: digest, keys: boolean() }),
  restored: plainRecord("restored", { size: count, known: count }),
  "owner-enrolled": plainRecord("owner-enrolled", { owner: ownerKey, key: ownerKey }),
  "owner-removed": plainRecord("owner-removed", { owner: ownerKey, key: ownerKey }),
  "recovery-set": plainRecord("recovery-set", { codes: count, key: ownerKey }),
  "recovery-begun": plainRecord("recovery-begun", { owner: ownerKey, key: ownerKey }),
  "recovery-stopped": plainRecord("recovery-stopped", { record: count, key: ownerKey }),
  "owner-recovered": plainRecord("owner-recovered", { owner: ownerKey, record: count }),
  "owner-signed-in": plainRecord("owner-signed-in", { key: ownerKey, count }),
  "passkey-rolled-back": plainRecord("passkey-rolled-back", { key: ownerKey, kept: count, found: count }),
  "witness-refused": plainRecord("witness-refused", {
    witness: text({ max: 400 }),
    code: oneOf(["rolled-back", "forked"]),
    size: count,
    seen: count,
  }),
  "grant-signed": plainRecord("grant-signed", { grant: grantId, digest, key: ownerKey }),
  "grant-revoked": plainRecord("grant-revoked", { grant: grantId, key: ownerKey }),
  "policy-set": plainRecord("policy-set", { policy: digest, key: ownerKey }),
  "clock-set": plainRecord("clock-set", { key: ownerKey }),
  "secret-set": plainRecord("secret-set", { secret: secretName, commitment: digest, key: ownerKey }),
  "secret-rotated": plainRecord("secret-rotated", { secret: secretName, commitment: digest, key: ownerKey }),
  "secret-refreshed": plainRecord("secret-refreshed", {
    secret: secretName,
    before: digest,
    commitment: digest,
    expires: nullable(moment),
  }),
  "secret-not-refreshed": plainRecord("secret-not-refreshed", { secret: secretName, fault: oneOf(REFRESH_FAULTS) }),
  "secret-bound": plainRecord("secret-bound", { secret: secretName, to: secretTarget, key: ownerKey }),
  "secret-removed": plainRecord("secret-removed", { secret: secretName, key: ownerKey }),
  "provider-set": plainRecord("provider-set", { provider: providerName, key: ownerKey }),
  "witnesses-set": plainRecord("witnesses-set", { quorum: integer({ min: 0, max: 16 }), key: ownerKey }),
  "telemetry-set": plainRecord("telemetry-set", { on: boolean(), key: ownerKey }),
  "second-screen-set": plainRecord("second-screen-set", { demand: oneOf(DEMANDS), key: ownerKey }),
  "publishers-set": plainRecord("publishers-set", {
    change: oneOf(PUBLISHERS_CHANGES),
    publisher: nullable(publisherName),
    key: ownerKey,
  }),
  "retention-set": plainRecord("retention-set", { days: RETENTION_DAYS, key: ownerKey }),
  "payloads-expired": plainRecord("payloads-expired", {
    count,
    next: RETENTION_PLACES,
  }),
  "payloads-destroyed": plainRecord("payloads-destroyed", { count }),
  "payload-erased": plainRecord("payload-erased", {
    record: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    key: ownerKey,
  }),
  "provider-removed": plainRecord("provider-removed", { provider: providerName, key: ownerKey }),
  "instance-started": plainRecord("instance-started", { instance: instanceId, agent: agentName, ancestry }),
  "instance-ended": plainRecord("instance-ended", {
    instance: instanceId,
    why: words,
    exit: nullable(integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  }),
  "instance-frozen": plainRecord("instance-frozen", { instance: instanceId, by: DECIDER, code: words }),
  "instance-thawed": plainRecord("instance-thawed", { instance: instanceId, key: ownerKey }),
  "instance-resumed": plainRecord("instance-resumed", { instance: instanceId, why: words }),
  "hold-asked": plainRecord("hold-asked", { instance: instanceId, stages: names(stage, { max: 6 }) }),
  "hold-lifted": plainRecord("hold-lifted", { instance: instanceId, key: ownerKey }),
  "all-frozen": plainRecord("all-frozen", { by: DECIDER }),
  "all-thawed": plainRecord("all-thawed", { key: ownerKey }),
  "away-begun": plainRecord("away-begun", {
    until: moment,
    asked: oneOf(AWAY_ANSWERS),
    leases: list(grantId, { max: 16 }),
    key: ownerKey,
  }),
  "away-ended": plainRecord("away-ended", { why: oneOf(AWAY_ENDS) }),
  "home-put": plainRecord("home-put", { agent: agentName, path: homePath, digest, key: ownerKey }),
  "home-wiped": plainRecord("home-wiped", { agent: agentName, key: ownerKey }),
  "memory-kept": plainRecord("memory-kept", {
    entry: count,
    agent: agentName,
    plane: oneOf(PLANES),
    by: agentName,
    instance: instanceId,
    labels,
    digest,
    bytes: count,
    expires: nullable(moment),
    imported: nullable(count),
  }),
  "memory-expired": plainRecord("memory-expired", { count }),
  "memory-erased": plainRecord("memory-erased", { count, key: ownerKey }),
  "memory-destroyed": plainRecord("memory-destroyed", { count }),
  "memory-budget-set": plainRecord("memory-budget-set", {
    agent: agentName,
    what: oneOf(BUDGETED),
    bytes: count,
    count,
    key: ownerKey,
  }),
  "memory-proposed": plainRecord("memory-proposed", {
    instance: instanceId,
    agent: agentName,
    name: text({ max: 31, pattern: SNAPSHOT_NAME }),
    entries: list(count, { max: MOST_FROZEN_ITEMS }),
  }),
  "memory-frozen": plainRecord("memory-frozen", {
    agent: agentName,
    name: text({ max: 31, pattern: SNAPSHOT_NAME }),
    version: count,
    digest,
    key: ownerKey,
  }),
  "memory-quarantined": plainRecord("memory-quarantined", { by: oneOf(QUARANTINES), value: words }),
  "memory-released": plainRecord("memory-released", { by: oneOf(QUARANTINES), value: words, key: ownerKey }),
  "memory-imported": plainRecord("memory-imported", {
    agent: agentName,
    plane: oneOf(PLANES),
    origin: words,
    count,
    key: ownerKey,
  }),
  "extension-added": plainRecord("extension-added", {
    extension: digest,
    manifest: digest,
    of: oneOf(EXTENSION_KINDS),
    name: extensionName,
    version: nullable(visibleLine),
    source: words,
  }),
  "extension-attested": plainRecord("extension-attested", { extension: digest, provenance: PROVENANCE }),
  "extension-published": plainRecord("extension-published", { extension: digest, publication: PUBLICATION }),
  "extension-quarantined": plainRecord("extension-quarantined", { extension: digest, why: visibleLine }),
  "extension-removed": plainRecord("extension-removed", { extension: digest }),
  "agent-restarted": plainRecord("agent-restarted", { agent: agentName, key: ownerKey }),
  terminal: plainRecord("terminal", { instance: instanceId, agent: agentName, code: reasonCode, by: words }),
  "devices-passed": plainRecord("devices-passed", {
    instance: instanceId,
    agent: agentName,
    devices: names(words, { max: MOST_DEVICES }),
  }),
  "limit-reached": recordWith("limit-reached", {
    own: { instance: instanceId, agent: agentName, limit: oneOf(LIMIT_NAMES), most: count, found: count },
    more: { driver: driverName },
  }),
  labelled: plainRecord("labelled", { instance: instanceId, labels, because: words }),
  "programs-started": recordWith("programs-started", {
    own: { instance: instanceId, agent: agentName, count },
    more: { driver: driverName },
  }),
  "calls-refused": recordWith("calls-refused", {
    own: {
      instance: instanceId,
      agent: agentName,
      calls: mapping(count, { key: /^[a-z0-9_ ]{1,32}$/, max: 256, min: 1 }),
    },
    more: { driver: driverName },
  }),
  "probe-observed": plainRecord("probe-observed", {
    driver: driverName,
    count,
    calls: mapping(count, { key: /^[a-z0-9_ ]{1,32}$/, max: 256 }),
  }),
  "files-written": recordWith("files-written", {
    own: { instance: instanceId, agent: agentName, count },
    more: { driver: driverName },
  }),
  "files-refused": recordWith("files-refused", {
    own: { instance: instanceId, agent: agentName, count },
    more: { driver: driverName },
  }),
  "files-undone": plainRecord("files-undone", {
    instance: instanceId,
    agent: agentName,
    stage: oneOf(["begun", "ended"]),
    count,
    left: count,
  }),
  "port-opened": plainRecord("port-opened", {
    ...onPort,
    host: words,
    inside: integer({ min: 1, max: 65_535 }),
    outside: integer({ min: 1, max: 65_535 }),
  }),
  "port-closed": plainRecord("port-closed", { ...onPort, why: words }),
  "port-entered": plainRecord("port-entered", { ...onPort, key: text({ max: 43, pattern: CLIENT_KEY }) }),
  "port-visited": plainRecord("port-visited", { ...onPort, connections: count, requests: count, refused: REFUSED }),
  "console-opened": plainRecord("console-opened", {
    host: text({ max: 64, pattern: CONSOLE_HOST }),
    port: integer({ min: 1, max: 65_535 }),
    pages: digest,
  }),
  "console-closed": plainRecord("console-closed", { why: words }),
  "console-entered": plainRecord("console-entered", { by: oneOf(CONSOLE_ENTRIES) }),
  "console-visited": plainRecord("console-visited", { connections: count, requests: count, refused: REFUSED }),
  "driver-pinned": plainRecord("driver-pinned", { instance: instanceId, driver: driverName, pin: digest }),
  "driver-quarantined": recordWith("driver-quarantined", {
    own: { driver: driverName, pin: digest, found: digest },
    more: { why: oneOf(SERVER_CLIMBS) },
  }),
  "driver-ended": plainRecord("driver-ended", {
    instance: instanceId,
    agent: agentName,
    driver: driverName,
    pin: digest,
    code: oneOf(SERVER_ENDS),
  }),
  refused: plainRecord("refused", { peer: words, code: words, what: words }),
  denied: actionRecord("denied", { stage, code: reasonCode, by: DECIDER }),
  held: actionRecord("held", { reasons: names(words, { max: 64 }), expires: moment }),
  approved: actionRecord("approved", { by: DECIDER, statement: digest }),
  intent: actionRecord("intent", { by: DECIDER, pin: digest }),
  outcome: actionRecord("outcome", {
    intent: count,
    result: oneOf(["ok", "tool-error", "failed", "unknown"]),
    code: nullable(reasonCode),
    digest: nullable(digest),
    bytes: count,
    micros: count,
  }),
});

/** Decodes a record. */
export function decodeRecord(value: JsonValue): DecodeResult<LogRecord> {
  return decode(RECORD, value);
}

/**
 * The one text of a record, RFC 8785: the leaf of the Merkle tree.
 * Throws RangeError when `decodeRecord` would refuse it: what is written must be readable at the next start.
 */
export function recordText(record: LogRecord): string {
  const value = asJson(record);
  const decoded = decodeRecord(value);
  if (decoded.kind === "refused") {
    throw new RangeError(`Cannot write a record of kind ${record.kind}: ${decoded.path} ${decoded.message}`);
  }
  return canonicalize(value);
}
