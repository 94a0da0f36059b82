import type { JsonObject } from "../kernel/json.ts";
import { showText, type Names } from "./names.ts";
import { agentActor, aiAgent } from "./ocsf-actions.ts";
import { SEVERITY, type Draft } from "./ocsf-draft.ts";
import { tellFields, type OtherRecord } from "./ocsf-told.ts";

type OtherDraft = Omit<Draft, "unmapped"> & { readonly unmapped?: JsonObject };
type Signed = Extract<OtherRecord, { readonly key: string }>;

/** Types of a managed entity: one that OCSF has a number for, and what `type` says in a word. */
const [POLICY, OTHER] = [5, 99];
/** What is done with an application. */
const [START, STOP] = [3, 4];
const DAEMON = { name: "aiosd", product: { name: "AIOS", vendor_name: "AIOS" } } as const;
const QUIET = { severity: SEVERITY.informational, status: null } as const;
/** What is on record because it was done. */
const DONE = { ...QUIET, status: 1 } as const;

/** The event of a record that is not about one action, with all that the record says. */
export function otherEvent(record: OtherRecord, names: Names): Draft {
  const draft = draftOf(record, names);
  return { ...draft, unmapped: { ...tellFields(record, names), ...draft.unmapped } };
}

/** A table by kind, so that the compiler finds one that is missing. */
function draftOf(record: OtherRecord, names: Names): OtherDraft {
  switch (record.kind) {
    case "terminal":
      return finding(record, { code: record.code, severity: SEVERITY.critical });
    case "instance-frozen":
      return finding(
        { seq: record.seq, instance: record.instance, agent: null },
        { code: record.code, severity: SEVERITY.high },
      );
    case "all-frozen":
      return finding({ seq: record.seq, instance: null, agent: null }, { code: "all-frozen", severity: SEVERITY.high });
    case "restored":
      return finding({ seq: record.seq, instance: null, agent: null }, { code: "restored", severity: SEVERITY.high });
    case "limit-reached":
      return finding(record, { code: `limit-${record.limit}`, severity: SEVERITY.medium }, serverOf(record));
    case "driver-quarantined":
      return finding(
        { seq: record.seq, instance: null, agent: null },
        { code: "driver-quarantined", severity: SEVERITY.high },
      );
    case "passkey-rolled-back":
      return finding(
        { seq: record.seq, instance: null, agent: null },
        { code: "passkey-rolled-back", severity: SEVERITY.critical },
        { owner: record.key },
      );
    case "witness-refused":
      return finding(
        { seq: record.seq, instance: null, agent: null },
        { code: `log-${record.code}`, severity: SEVERITY.critical },
      );
    case "recovery-begun":
    case "owner-recovered":
      return finding(
        { seq: record.seq, instance: null, agent: null },
        { code: record.kind, severity: SEVERITY.critical },
      );
    case "refused":
      return finding(
        { seq: record.seq, instance: null, agent: null },
        { code: "refused", severity: SEVERITY.medium },
        { fault: showText(record.code) },
      );
    case "calls-refused":
      return finding(record, { code: "calls-refused", severity: SEVERITY.low }, serverOf(record));
    case "files-refused":
      return finding(record, { code: "files-refused", severity: SEVERITY.low }, serverOf(record));
    case "owner-enrolled":
      return {
        ...DONE,
        kind: "account",
        activity: 1,
        message: `owner ${record.owner} enrolled`,
        own: { ...ownerActor({ key: record.owner }), actor: ownerActor(record) },
      };
    case "owner-removed":
      return {
        ...DONE,
        kind: "account",
        activity: 3,
        message: `owner ${record.owner} removed`,
        own: { ...ownerActor({ key: record.owner }), actor: ownerActor(record) },
      };
    case "grant-signed":
      return authorized(record, {
        to: record.grant,
        privileges: [record.grant],
        message: `grant ${record.grant} signed`,
      });
    case "instance-thawed":
    case "hold-lifted":
      return authorized(record, {
        to: record.instance,
        privileges: [record.kind],
        message: `${record.kind} ${record.instance}`,
      });
    case "all-thawed":
      return authorized(record, { to: "all", privileges: [record.kind], message: "all thawed" });
    case "away-begun":
      return authorized(record, { to: "all", privileges: [record.kind], message: "an owner is away" });
    case "owner-signed-in":
      return authorized(record, {
        to: record.key,
        privileges: ["look"],
        message: `owner ${record.key} signed in`,
      });
    case "agent-restarted":
      return authorized(record, {
        to: record.agent,
        privileges: [record.kind],
        message: `agent ${record.agent} restarted`,
      });
    case "grant-revoked":
      return entity(record, { type: "Grant", name: record.grant, activity: 4 });
    case "policy-set":
      return entity(record, { type: "Policy", name: record.policy, activity: 3 });
    case "clock-set":
      return entity(record, { type: "Clock", name: "clock", activity: 3 });
    case "secret-set":
      return entity(record, { type: "Secret", name: names.resource(record.secret), activity: 1 });
    case "secret-rotated":
      return entity(record, { type: "Secret", name: names.resource(record.secret), activity: 3 });
    case "secret-bound":
      return entity(record, { type: "Secret", name: names.resource(record.secret), activity: 3 });
    case "secret-removed":
      return entity(record, { type: "Secret", name: names.resource(record.secret), activity: 4 });
    case "provider-set":
      return entity(record, { type: "Provider", name: record.provider, activity: 3 });
    case "provider-removed":
      return entity(record, { type: "Provider", name: record.provider, activity: 4 });
    case "witnesses-set":
      return entity(record, { type: "Witnesses", name: "witnesses", activity: 3 });
    case "recovery-set":
      return entity(record, { type: "Recovery", name: "recovery", activity: 3 });
    case "recovery-stopped":
      return entity(record, { type: "Recovery", name: `record ${record.record}`, activity: 4 });
    case "telemetry-set":
      return entity(record, { type: "Telemetry", name: "telemetry", activity: 3 });
    case "second-screen-set":
      return entity(record, { type: "Second screen", name: "second screen", activity: 3 });
    case "publishers-set": {
      const { change, publisher } = record;
      const activity = change === "admit" ? 1 : change === "remove" ? 4 : 3;
      return entity(record, { type: "Publisher", name: publisher ?? "publishers", activity });
    }
    case "retention-set":
      return entity(record, { type: "Retention", name: "retention", activity: 3 });
    case "payload-erased":
      return entity(record, { type: "Payload", name: `record ${record.record}`, activity: 4 });
    case "home-put":
      return entity(record, { type: "File", name: names.resource(record.path), activity: 3 });
    case "home-wiped":
      return entity(record, { type: "Home", name: record.agent, activity: 4 });
    case "extension-quarantined":
      return finding(
        { seq: record.seq, instance: null, agent: null },
        { code: "extension-quarantined", severity: SEVERITY.medium },
      );
    case "memory-quarantined":
      return quarantined(record, names);
    case "memory-released":
      return entity(record, { type: "Memory", name: quarantineName(record, names), activity: 3 });
    case "memory-kept":
      return kept(record);
    case "memory-frozen":
      return entity(record, {
        type: "Memory",
        name: `${record.name} of ${record.agent}`,
        activity: 1,
        version: String(record.version),
      });
    case "memory-budget-set":
      return entity(record, { type: "Memory budget", name: `${record.what} of ${record.agent}`, activity: 3 });
    case "memory-imported":
      return entity(record, { type: "Memory", name: `${record.plane} of ${record.agent}`, activity: 1 });
    case "memory-erased":
      // Which ones is sealed with the statement.
      return entity(record, { type: "Memory", name: `entries that record ${record.seq} names`, activity: 4 });
    case "start":
      return lifecycle(START, { application: { ...DAEMON, version: record.version } });
    case "stop":
      return lifecycle(STOP, { application: DAEMON });
    case "instance-started":
      return lifecycle(START, {
        application: { name: record.agent, uid: record.instance, type: "Agent" },
        ...aiAgent(record),
      });
    case "instance-ended":
      return lifecycle(STOP, { application: { uid: record.instance, type: "Agent" } });
    case "away-ended":
    case "devices-passed":
    case "backup-made":
    case "driver-ended":
    case "driver-pinned":
    case "extension-added":
    case "extension-attested":
    case "extension-published":
    case "extension-removed":
    case "files-undone":
    case "files-written":
    case "hold-asked":
    case "instance-resumed":
    case "labelled":
    case "memory-destroyed":
    case "memory-expired":
    case "memory-proposed":
    case "payloads-destroyed":
    case "payloads-expired":
    case "port-closed":
    case "port-entered":
    case "port-opened":
    case "probe-observed":
    case "port-visited":
    case "console-opened":
    case "console-closed":
    case "console-entered":
    case "console-visited":
    case "secret-not-refreshed":
    case "secret-refreshed":
    case "state-kept":
      return plain(record);
  }
}

/** A finding for whoever watches: something was stopped, or stands where nobody wanted it. */
function finding(
  { seq, instance, agent }: { readonly seq: number; readonly instance: string | null; readonly agent: string | null },
  { code, severity }: { readonly code: string; readonly severity: number },
  unmapped: JsonObject = {},
): OtherDraft {
  return {
    kind: "finding",
    activity: 1,
    severity,
    // It is new, and somebody has to look.
    status: 1,
    message: `${showText(code)}${instance === null ? "" : ` at ${instance}`}`,
    own: {
      finding_info: { uid: `${code}-${seq}`, title: showText(code), types: [showText(code)] },
      is_alert: severity >= SEVERITY.high,
      ...(instance === null
        ? {}
        : { resources: [{ uid: instance, type: "Instance", ...(agent === null ? {} : { name: agent }) }] }),
    },
    unmapped: { code: showText(code), ...unmapped },
  };
}

/** In whose sandbox it was, when that is a server's. */
function serverOf({ driver }: { readonly driver?: string }): JsonObject {
  return driver === undefined ? {} : { driver: showText(driver) };
}

type MemoryQuarantine = Extract<OtherRecord, { readonly kind: "memory-quarantined" | "memory-released" }>;

/** What a quarantine of memory is about: a number, an instance, or the name of what was read. */
function quarantineName({ by, value }: MemoryQuarantine, names: Names): string {
  return by === "source" ? `source ${names.resource(value)}` : `${by.replace("-alone", "")} ${showText(value)}`;
}

/** A quarantine of memory: a finding about one entry, one instance or one source. */
function quarantined(record: MemoryQuarantine, names: Names): OtherDraft {
  const name = quarantineName(record, names);
  const where = { seq: record.seq, instance: null, agent: null };
  const draft = finding(where, { code: record.kind, severity: SEVERITY.medium });
  return {
    ...draft,
    message: `${record.kind} ${name}`,
    own: { ...draft.own, resources: [{ uid: name.slice(name.indexOf(" ") + 1), name, type: "Memory" }] },
  };
}

/** An entry of memory. Whoever wrote one that was imported is an agent of another home, and no actor here. */
function kept(record: Extract<OtherRecord, { readonly kind: "memory-kept" }>): OtherDraft {
  const { entry, plane, agent, by, instance, imported } = record;
  const writer = { instance, agent: by };
  const name = `entry ${entry} of ${plane} of ${agent}`;
  return {
    ...DONE,
    kind: "entity",
    activity: 1,
    message: `${record.kind} ${name}`,
    own: {
      entity: { name, uid: String(entry), type: "Memory", type_id: OTHER },
      ...(imported === null ? { actor: agentActor(writer), ...aiAgent(writer) } : {}),
    },
  };
}

function ownerActor({ key }: { readonly key: string }): JsonObject {
  return { user: { uid: key, name: key, type_id: 2, type: "Admin" } };
}

function authorized(
  record: Signed,
  {
    to,
    privileges,
    message,
  }: { readonly to: string; readonly privileges: readonly string[]; readonly message: string },
): OtherDraft {
  return {
    ...DONE,
    kind: "authorize",
    activity: 1,
    message,
    own: { user: { uid: to, name: to, type_id: 99, type: "Agent" }, privileges, actor: ownerActor(record) },
  };
}

function entity(
  record: Signed,
  {
    type,
    name,
    activity,
    version,
  }: { readonly type: string; readonly name: string; readonly activity: number; readonly version?: string },
): OtherDraft {
  return {
    ...DONE,
    kind: "entity",
    activity,
    message: `${record.kind} ${name}`,
    own: {
      entity: {
        name,
        uid: name,
        type,
        ...(version === undefined ? {} : { version }),
        ...(type === "Policy" ? { type_id: POLICY, policy: { uid: name } } : { type_id: OTHER }),
      },
      actor: ownerActor(record),
    },
  };
}

function lifecycle(activity: number, own: JsonObject): OtherDraft {
  return {
    ...DONE,
    kind: "lifecycle",
    activity,
    message: activity === START ? "started" : "stopped",
    own,
  };
}

/** What no class is for. */
function plain(record: OtherRecord): OtherDraft {
  const { kind } = record;
  return {
    ...QUIET,
    kind: "base",
    activity: 99,
    activityName: kind,
    message: kind,
    own: "instance" in record && "agent" in record ? { actor: agentActor(record) } : {},
  };
}
