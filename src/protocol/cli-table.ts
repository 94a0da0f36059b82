import { RETENTION_DAYS, RETENTION_PLACES } from "./retention.ts";
import { FOUND_FILE } from "./found-file.ts";
import { CONSOLE_ANSWERS, CONSOLE_COMMANDS } from "./console-entry.ts";
import { PORTS_ANSWERS, PORTS_TABLE } from "./port-entry.ts";
import { GRANT, PROVIDER, bindingTerms, secretTarget } from "./authority.ts";
import { GRANT_PROPOSAL, SOURCE, hostPath } from "./grant-parts.ts";
import {
  boolean,
  integer,
  json,
  jsonObject,
  list,
  literal,
  names,
  nullable,
  object,
  oneOf,
  record,
  text,
  type Decoder,
  type Fields,
} from "./decode.ts";
import {
  agentName,
  ancestry,
  count,
  digest,
  empty,
  grantId,
  homePath,
  instanceId,
  labels,
  moment,
  nonce,
  ownerKey,
  reasonCode,
  risk,
  secretName,
  stage,
  visibleLine,
  words,
} from "./fields.ts";
import { QUARANTINED_SERVER } from "./quarantined-server.ts";
import { AWAY_TABLE, AWAY_TABLE_ANSWERS } from "./away-requests.ts";
import { HELD_PAGE } from "./held-view.ts";
import { command, environment, task } from "./launch.ts";
import { EXTENSION_ANSWERS, EXTENSION_TABLE } from "./extension-table.ts";
import { LOG_TROUBLE } from "./log-trouble.ts";
import { MEMORY_ANSWERS, MEMORY_TABLE } from "./memory-table.ts";
import { OFFER } from "./offer.ts";
import { OWNER_ANSWERS, OWNER_TABLE, RECOVERY_PENDING } from "./owner-requests.ts";
import { PROPOSAL } from "./proposal.ts";
import { PROPOSED_ANSWERS, PROPOSED_TABLE } from "./proposed-grants.ts";
import { RECORD } from "./record-codec.ts";
import type {
  AskedBefore,
  CliEvents,
  CliRequests,
  Explanation,
  GrantView,
  HeldDetail,
  HeldView,
  HomeView,
  InstanceView,
  LogProof,
  PolicyProblem,
  RunRequest,
  SecretView,
} from "./requests.ts";
import type { AnswerTable, BodyTable, EventTable } from "./side.ts";
import { SECOND_CODE, SECOND_NEEDS } from "./second-screen.ts";
import { ENVELOPE, PURPOSES, UNSIGNED } from "./statement.ts";
import { STOP_REPORT } from "./stop-report.ts";
import { ALERT_STANDINGS } from "./alert-setting.ts";
import { TELEMETRY_STANDING } from "./telemetry-table.ts";
import { WITNESSES_VIEW } from "./witness-standing.ts";
import { UNDO_ANSWER } from "./undo-report.ts";
import { DRIVER_NAME } from "../kernel/names.ts";

type BodyOf<Name extends keyof CliRequests> = CliRequests[Name]["body"];
type OkOf<Name extends keyof CliRequests> = CliRequests[Name]["ok"];

/** A name that a person typed to look something up: what it is the name of, and whether there is one, is the answer. */
const lookup = text({ max: 128 });
/** Texts of policies, and those of actions and rules on their way to a screen. */
const policyText = text({ max: 1_048_576 });
const longText = text({ max: 16_777_216 });
const seq = count;

const RUN: Decoder<RunRequest> = object<RunRequest>({
  agent: agentName,
  command,
  workspace: nullable(hostPath),
  task: nullable(task),
  strict: boolean(),
  parent: nullable(instanceId),
  environment,
  code: names(hostPath, { max: 512 }),
  holdAt: names(stage, { max: 6 }),
  streams: nonce,
  holdSeconds: integer({ min: 1, max: 604_800 }),
});

/** Requests that the command line may send, with the decoder of each body. */
export const CLI_TABLE: BodyTable<CliRequests> = {
  hello: object<BodyOf<"hello">>({ version: words }),
  telemetry: empty,
  witnesses: empty,
  alerts: empty,
  run: RUN,
  "output-over": object<BodyOf<"output-over">>({ instance: lookup, bytes: count }),
  wait: object<BodyOf<"wait">>({ instance: lookup }),
  ps: object<BodyOf<"ps">>({ all: boolean() }),
  freeze: object<BodyOf<"freeze">>({ instance: nullable(lookup) }),
  kill: object<BodyOf<"kill">>({ instance: nullable(lookup) }),
  hold: object<BodyOf<"hold">>({ instance: lookup, stages: names(stage, { max: 6, min: 1 }) }),
  undo: object<BodyOf<"undo">>({ instance: lookup, how: oneOf(["dry", "do"]) }),
  held: object<BodyOf<"held">>({ after: nullable(count) }),
  "held-show": object<BodyOf<"held-show">>({ request: lookup }),
  "second-code": object<BodyOf<"second-code">>({ request: lookup, beside: nullable(digest) }),
  prepare: object<BodyOf<"prepare">>({ purpose: oneOf(PURPOSES), document: jsonObject() }),
  submit: object<BodyOf<"submit">>({ envelope: ENVELOPE, document: jsonObject() }),
  grants: empty,
  // Of a value that does not fit its length is said and nothing else.
  deposit: object<BodyOf<"deposit">>({ salt: text({ max: 64 }), value: text({ max: 16_384 }) }),
  providers: empty,
  secrets: empty,
  "grant-show": object<BodyOf<"grant-show">>({ id: lookup }),
  probe: object<BodyOf<"probe">>({
    drivers: record(SOURCE, { key: DRIVER_NAME, max: 32 }),
    workspace: nullable(hostPath),
  }),
  "policy-check": object<BodyOf<"policy-check">>({ text: policyText }),
  "policy-show": empty,
  "policy-explain": object<BodyOf<"policy-explain">>({
    agent: agentName,
    labels,
    task: nullable(task),
    proposal: PROPOSAL,
  }),
  "policy-simulate": object<BodyOf<"policy-simulate">>({ text: policyText, from: seq }),
  "log-show": object<BodyOf<"log-show">>({
    from: seq,
    limit: integer({ min: 1, max: 10_000 }),
    instance: nullable(lookup),
    kinds: names(lookup, { max: 64 }),
  }),
  "log-newest": object<BodyOf<"log-newest">>({
    from: seq,
    before: nullable(seq),
    limit: integer({ min: 1, max: 500 }),
    instance: nullable(lookup),
    kinds: names(lookup, { max: 64 }),
    action: nullable(digest),
    payloads: boolean(),
  }),
  ...AWAY_TABLE,
  "log-disclose": object<BodyOf<"log-disclose">>({ from: seq, to: seq, size: seq }),
  "log-prove": object<BodyOf<"log-prove">>({ seq }),
  "log-grown": object<BodyOf<"log-grown">>({ from: seq, to: seq }),
  "backup-begin": empty,
  "backup-made": object<BodyOf<"backup-made">>({ size: seq, manifest: digest, keys: boolean() }),
  checkpoint: empty,
  retention: empty,
  "log-pace": empty,
  "state-compare": empty,
  watch: object<BodyOf<"watch">>({ instance: nullable(lookup) }),
  stopped: object<BodyOf<"stopped">>({ instance: lookup, go: boolean() }),
  homes: object<BodyOf<"homes">>({ agent: nullable(agentName) }),
  ...MEMORY_TABLE,
  ...EXTENSION_TABLE,
  ...CONSOLE_COMMANDS,
  ...PORTS_TABLE,
  stop: empty,
  ...OWNER_TABLE,
  ...PROPOSED_TABLE,
};

const instanceState = oneOf(["running", "frozen", "ended", "terminal"]);

const INSTANCE_VIEW = object<InstanceView>({
  instance: instanceId,
  agent: agentName,
  ancestry,
  state: instanceState,
  since: moment,
  labels,
  held: count,
  done: count,
  denied: count,
  workspace: nullable(words),
  why: nullable(words),
  holdAt: names(stage, { max: 6 }),
});
const INSTANCES = list(INSTANCE_VIEW, { max: 100_000 });

const heldView: Fields<HeldView> = {
  request: nonce,
  instance: instanceId,
  agent: agentName,
  what: words,
  about: visibleLine,
  reasons: list(words, { max: 64 }),
  since: moment,
  expires: moment,
  digest,
  same: digest,
  shape: digest,
};

const ASKED = object<AskedBefore["same"]>({ asked: count, allowed: count, denied: count });

const HELD_DETAIL: Decoder<HeldDetail> = object<HeldDetail>({
  ...heldView,
  action: longText,
  risk,
  labels,
  pin: digest,
  unendorsed: list(longText, { max: 100_000 }),
  provenance: list(object<HeldDetail["provenance"][number]>({ pointer: longText, from: list(words, { max: 1024 }) }), {
    max: 100_000,
  }),
  before: object<AskedBefore>({ same: ASKED, shape: ASKED }),
  found: FOUND_FILE,
  frozen: nullable(words),
  second: oneOf(SECOND_NEEDS),
  statement: UNSIGNED,
});

const GRANT_VIEW: Decoder<GrantView> = object<GrantView>({
  id: grantId,
  agents: names(agentName, { max: 64 }),
  state: oneOf(["active", "not-yet", "outside-hours", "expired", "revoked", "used-up", "suspended"]),
  lease: boolean(),
  uses: count,
  bytes: count,
  spent: object<GrantView["spent"]>({ input: count, output: count, cost: count }),
  expires: moment,
  opens: nullable(moment),
  key: ownerKey,
  quarantined: list(QUARANTINED_SERVER, { max: 64 }),
});

const SECRET_VIEW: Decoder<SecretView> = object<SecretView>({
  secret: secretName,
  since: moment,
  key: ownerKey,
  endpoint: nullable(words),
  bindings: list(bindingTerms, { max: 64 }),
  ssh: list(
    object<SecretView["ssh"][number]>({
      to: secretTarget,
      paths: names(words, { max: 16 }),
      hostKeys: names(words, { max: 16 }),
    }),
    { max: 64 },
  ),
});

const PROBLEM: Decoder<PolicyProblem> = object<PolicyProblem>({
  rule: words,
  message: longText,
  line: nullable(count),
});

const HOME_VIEW: Decoder<HomeView> = object<HomeView>({
  agent: agentName,
  bytes: nullable(count),
  entries: nullable(count),
  instance: nullable(instanceId),
  files: list(object<HomeView["files"][number]>({ path: homePath, digest }), { max: 256 }),
});

const EXPLANATION: Decoder<Explanation> = object<Explanation>({
  stages: list(object<Explanation["stages"][number]>({ stage, verdict: words, because: longText }), { max: 64 }),
  decision: words,
  code: nullable(reasonCode),
  proposal: nullable(GRANT_PROPOSAL),
});

const PROOF: Decoder<LogProof> = object<LogProof>({
  v: literal(1),
  seq,
  record: longText,
  path: list(text({ max: 44 }), { max: 64 }),
  checkpoint: words,
});

const ENTRY = object<OkOf<"log-show">["entries"][number]>({ record: RECORD, payload: json() });

/** Answers of the monitor to the command line. */
export const CLI_ANSWERS: AnswerTable<CliRequests> = {
  hello: object<OkOf<"hello">>({
    version: words,
    start: nonce,
    home: words,
    owners: count,
    policy: digest,
    limits: oneOf(["cgroup", "watch"]),
  }),
  telemetry: TELEMETRY_STANDING,
  witnesses: WITNESSES_VIEW,
  alerts: object<OkOf<"alerts">>({ receivers: ALERT_STANDINGS }),
  run: object<OkOf<"run">>({
    instance: instanceId,
    output: nullable(count),
    overruled: list(text({ max: 64 }), { max: 128 }),
  }),
  "output-over": empty,
  wait: object<OkOf<"wait">>({
    state: instanceState,
    exit: nullable(integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
    why: nullable(words),
  }),
  ps: object<OkOf<"ps">>({ instances: INSTANCES, allFrozen: nullable(count), log: nullable(LOG_TROUBLE) }),
  freeze: STOP_REPORT,
  kill: STOP_REPORT,
  hold: empty,
  undo: UNDO_ANSWER,
  held: object<OkOf<"held">>({
    held: list(object<HeldView>(heldView), { max: HELD_PAGE }),
    next: nullable(count),
    all: count,
  }),
  "held-show": HELD_DETAIL,
  "second-code": object<OkOf<"second-code">>({ code: nullable(text({ max: 8, pattern: SECOND_CODE })) }),
  prepare: object<OkOf<"prepare">>({ statement: UNSIGNED }),
  submit: object<OkOf<"submit">>({ seq }),
  grants: object<OkOf<"grants">>({ grants: list(GRANT_VIEW, { max: 100_000 }) }),
  deposit: object<OkOf<"deposit">>({ commitment: digest }),
  providers: object<OkOf<"providers">>({ providers: list(PROVIDER, { max: 1024 }) }),
  secrets: object<OkOf<"secrets">>({ secrets: list(SECRET_VIEW, { max: 1024 }) }),
  "grant-show": object<OkOf<"grant-show">>({ grant: GRANT, cedar: longText, view: GRANT_VIEW }),
  probe: object<OkOf<"probe">>({
    drivers: record(object<OkOf<"probe">["drivers"][string]>({ pin: digest, offer: OFFER }), {
      key: DRIVER_NAME,
      max: 32,
    }),
  }),
  "policy-check": object<OkOf<"policy-check">>({ problems: list(PROBLEM, { max: 10_000 }), version: digest }),
  "policy-show": object<OkOf<"policy-show">>({ text: policyText, version: digest, constitution: longText }),
  "policy-explain": EXPLANATION,
  "policy-simulate": object<OkOf<"policy-simulate">>({
    replayed: count,
    changed: list(
      object<OkOf<"policy-simulate">["changed"][number]>({
        seq,
        what: words,
        was: words,
        now: words,
        because: longText,
      }),
      { max: 200_000 },
    ),
  }),
  "log-show": object<OkOf<"log-show">>({ entries: list(ENTRY, { max: 10_000 }), size: count }),
  "log-newest": object<OkOf<"log-newest">>({ entries: list(ENTRY, { max: 500 }), size: count, more: boolean() }),
  ...AWAY_TABLE_ANSWERS,
  "log-disclose": object<OkOf<"log-disclose">>({
    entries: list(object<OkOf<"log-disclose">["entries"][number]>({ leaf: longText, salted: nullable(longText) }), {
      max: 10_000,
    }),
    to: count,
    before: list(text({ max: 44 }), { max: 64 }),
    after: list(text({ max: 44 }), { max: 128 }),
  }),
  "log-prove": object<OkOf<"log-prove">>({ proof: PROOF }),
  "log-grown": object<OkOf<"log-grown">>({ path: list(text({ max: 44 }), { max: 64 }) }),
  "backup-begin": object<OkOf<"backup-begin">>({ size: count, note: words }),
  "backup-made": object<OkOf<"backup-made">>({ seq: count }),
  checkpoint: object<OkOf<"checkpoint">>({ note: words, key: words }),
  retention: object<OkOf<"retention">>({
    days: RETENTION_DAYS,
    record: nullable(count),
    next: RETENTION_PLACES,
    waits: boolean(),
  }),
  "log-pace": object<OkOf<"log-pace">>({ millis: count, waiting: count, slow: boolean() }),
  "state-compare": object<OkOf<"state-compare">>({ size: count, differs: names(words, { max: 64 }) }),
  watch: empty,
  stopped: object<OkOf<"stopped">>({ stopped: boolean() }),
  homes: object<OkOf<"homes">>({ homes: list(HOME_VIEW, { max: 10_000 }) }),
  ...MEMORY_ANSWERS,
  ...EXTENSION_ANSWERS,
  ...CONSOLE_ANSWERS,
  ...PORTS_ANSWERS,
  stop: object<OkOf<"stop">>({ already: boolean() }),
  ...OWNER_ANSWERS,
  ...PROPOSED_ANSWERS,
};

/** Events from the monitor to a command line that watches. */
export const CLI_EVENTS: EventTable<CliEvents> = {
  recovering: object<CliEvents["recovering"]>({ pending: nullable(RECOVERY_PENDING) }),
  record: object<CliEvents["record"]>({ record: RECORD }),
  held: object<CliEvents["held"]>({ held: object<HeldView>(heldView) }),
  stage: object<CliEvents["stage"]>({ instance: instanceId, request: nonce, what: words, stage, verdict: words }),
};
