import { tellDays } from "./describe-retention.ts";
import { describeTrouble } from "./describe-witness.ts";
import type { LogRecord } from "../protocol/record.ts";
import type { ServerClimb } from "../protocol/server-climb.ts";
import { describeLimit } from "./describe-limits.ts";
import type { Tone } from "./line.ts";

/** What a record says, in a few words, for `log show` and the demo. */
export interface RecordSummary {
  readonly tone: Tone;
  /** The instance that it is about, or null. */
  readonly instance: string | null;
  readonly text: string;
}

/** Summarises a record. The words in it may be an agent's; whoever shows them makes them visible. */
export function summariseRecord(record: LogRecord): RecordSummary {
  switch (record.kind) {
    case "start":
      return about(null, "plain", `monitor ${record.version}, constitution ${record.constitution.slice(0, 15)}...`);
    case "stop":
      return about(null, "plain", record.why);
    case "state-kept":
      return about(null, "plain", `what ${record.size} records make, as ${record.digest.slice(0, 15)}...`);
    case "backup-made":
      return about(null, "plain", `of ${record.size} records${record.keys ? ", with a file of keys" : ""}`);
    case "restored":
      return about(null, "bad", `from a backup of ${record.size} records; there were at least ${record.known}`);
    case "owner-enrolled":
      return about(null, "good", `${record.owner} by ${record.key}`);
    case "owner-removed":
      return about(null, "bad", `${record.owner} by ${record.key}`);
    case "recovery-set":
      return about(null, "good", `${record.codes} codes by ${record.key}`);
    case "recovery-begun":
      return about(null, "bad", `${record.owner} waits to be an owner, by the code ${record.key}`);
    case "recovery-stopped":
      return about(null, "good", `of record ${record.record} by ${record.key}`);
    case "owner-recovered":
      return about(null, "bad", `${record.owner}, by record ${record.record}`);
    case "owner-signed-in":
      return about(null, "plain", record.key);
    case "passkey-rolled-back":
      return about(null, "bad", `${record.key}: ${record.found} after ${record.kept}; there may be a copy of it`);
    case "witness-refused":
      return about(null, "bad", `${record.witness} ${describeTrouble({ ...record, status: null })}`);
    case "grant-signed":
      return about(null, "good", `${record.grant} by ${record.key}`);
    case "grant-revoked":
      return about(null, "bad", `${record.grant} by ${record.key}`);
    case "policy-set":
      return about(null, "plain", `${record.policy.slice(0, 15)}... by ${record.key}`);
    case "clock-set":
      return about(null, "plain", `by ${record.key}`);
    case "secret-set":
    case "secret-rotated":
      return about(null, "good", `${record.secret} by ${record.key}`);
    case "secret-refreshed":
      return about(null, "plain", record.secret);
    case "secret-not-refreshed":
      return about(null, "bad", `${record.secret}: ${record.fault}`);
    case "secret-bound":
      return about(null, "good", `${record.secret} to ${record.to} by ${record.key}`);
    case "secret-removed":
      return about(null, "bad", `${record.secret} by ${record.key}`);
    case "provider-set":
      return about(null, "good", `${record.provider} by ${record.key}`);
    case "witnesses-set":
      return about(null, "good", `a quorum of ${record.quorum} by ${record.key}`);
    case "telemetry-set":
      return about(null, "plain", `${record.on ? "on" : "off"} by ${record.key}`);
    case "second-screen-set":
      return about(null, record.demand === "nothing" ? "bad" : "good", `for ${record.demand} by ${record.key}`);
    case "publishers-set":
      return about(null, record.change === "any" ? "bad" : "good", tellPublishers(record));
    case "retention-set":
      return about(null, "wait", `${tellDays(record.days)} by ${record.key}`);
    case "payloads-expired":
      return about(null, "plain", `${record.count} by rule`);
    case "payloads-destroyed":
      return about(null, "plain", `the keys of ${record.count}`);
    case "payload-erased":
      return about(null, "plain", `of record ${record.record} by ${record.key}`);
    case "provider-removed":
      return about(null, "bad", `${record.provider} by ${record.key}`);
    case "instance-started":
      return about(
        record.instance,
        "plain",
        `agent ${record.agent}${record.ancestry.length === 0 ? "" : ` under ${record.ancestry.join(" < ")}`}`,
      );
    case "instance-ended":
      return about(record.instance, "plain", `${record.why}${record.exit === null ? "" : `, exit ${record.exit}`}`);
    case "instance-frozen":
      return about(record.instance, "wait", `${record.code}, by ${record.by.kind}`);
    case "instance-thawed":
      return about(record.instance, "good", `by ${record.key}`);
    case "instance-resumed":
      return about(record.instance, "good", record.why);
    case "hold-asked":
      return about(record.instance, "wait", `at ${record.stages.join(", ")}`);
    case "hold-lifted":
      return about(record.instance, "good", `by ${record.key}`);
    case "all-frozen":
      return about(null, "bad", `everything, by ${record.by.kind}`);
    case "all-thawed":
      return about(null, "good", `by ${record.key}`);
    case "away-begun": {
      const leases = record.leases.length === 0 ? "" : `, with ${record.leases.join(", ")}`;
      const what = record.asked === "wait" ? "what needs a human waits" : "what needs a human is denied";
      return about(null, "wait", `until ${new Date(record.until).toISOString()}: ${what}${leases}, by ${record.key}`);
    }
    case "away-ended":
      return about(null, "good", record.why === "back" ? "somebody is back" : "its time is over");
    case "agent-restarted":
      return about(null, "good", `${record.agent} by ${record.key}`);
    case "home-put":
      return about(null, "good", `${record.path} in the home of ${record.agent}, by ${record.key}`);
    case "home-wiped":
      return about(null, "good", `${record.agent} by ${record.key}`);
    case "extension-added":
      return about(null, "plain", `${record.of} ${record.name} from ${record.source}`);
    case "extension-attested": {
      const { extension, provenance } = record;
      const id = `${extension.slice(0, 15)}...`;
      if (provenance.kind === "verified") return about(null, "good", `${id}: built from ${provenance.repository}`);
      return about(null, provenance.kind === "refused" ? "bad" : "plain", `${id}: ${provenance.why}`);
    }
    case "extension-published": {
      const { extension, publication } = record;
      const id = `${extension.slice(0, 15)}...`;
      if (publication.kind === "refused") return about(null, "bad", `${id}: ${publication.why}`);
      return about(null, "plain", `${id}: signed by the key ${publication.key}`);
    }
    case "extension-quarantined":
      return about(null, "bad", `${record.extension.slice(0, 15)}...: ${record.why}`);
    case "extension-removed":
      return about(null, "plain", `${record.extension.slice(0, 15)}...`);
    case "memory-kept":
      return about(record.instance, "plain", `entry ${record.entry} in the ${record.plane} plane of ${record.agent}`);
    case "memory-expired":
      return about(null, "plain", `${record.count} entries are past their end`);
    case "memory-erased":
      return about(null, "bad", `${record.count} entries by ${record.key}`);
    case "memory-destroyed":
      return about(null, "plain", `the keys of ${record.count} entries`);
    case "memory-budget-set": {
      const { agent, what, bytes, count, key } = record;
      return about(null, "good", `${what} of ${agent}: ${bytes} bytes, ${count} in number, by ${key}`);
    }
    case "memory-proposed":
      return about(record.instance, "wait", `to freeze ${record.name} of ${record.entries.length} entries`);
    case "memory-frozen":
      return about(null, "good", `${record.name} of ${record.agent}, version ${record.version}, by ${record.key}`);
    case "memory-quarantined":
      return about(null, "wait", `${record.by} ${record.value}`);
    case "memory-imported": {
      const { count, plane, agent, origin, key } = record;
      return about(null, "good", `${count} entries from ${origin} into the ${plane} plane of ${agent}, by ${key}`);
    }
    case "memory-released":
      return about(null, "good", `${record.by} ${record.value} by ${record.key}`);
    case "terminal":
      return about(record.instance, "bad", `${record.code}: ${record.by}`);
    case "labelled":
      return about(record.instance, "wait", `${record.labels.join(", ")} because ${record.because}`);
    case "programs-started":
      return about(record.instance, "plain", showPrograms(record.count) + inServer(record));
    case "calls-refused":
      return about(
        record.instance,
        // Honest programs try these too; a run of them, which is a sign, has a record of its own.
        "plain",
        callsOf(record.calls).join(", ") + inServer(record),
      );
    case "probe-observed": {
      const what = [...(record.count === 0 ? [] : [showPrograms(record.count)]), ...callsOf(record.calls)].join(", ");
      return about(null, "plain", `${what} in server ${record.driver} while it was asked what it offers`);
    }
    case "files-written":
      return about(record.instance, "plain", changesIn(record));
    case "files-refused":
      return about(record.instance, "bad", changesIn(record));
    case "files-undone": {
      const [changes, is, was] = record.count === 1 ? ["change", "is", "was"] : ["changes", "are", "were"];
      const what = `${record.count} ${changes} ${record.stage === "begun" ? `${is} to be` : was} taken back`;
      return about(record.instance, "wait", record.left === 0 ? what : `${what}, ${record.left} left`);
    }
    case "port-opened":
      return about(record.instance, "wait", `${record.port} at http://${record.host}:${record.outside}/`);
    case "port-closed":
      return about(record.instance, "plain", `${record.port}: ${record.why}`);
    case "port-entered":
      return about(record.instance, "good", `${record.port} by ${record.key}`);
    case "port-visited":
      return about(record.instance, ...describeVisits(record));
    case "console-opened":
      return about(null, "good", `console at http://${record.host}:${record.port}/`);
    case "console-closed":
      return about(null, "plain", `console: ${record.why}`);
    case "console-entered":
      return about(null, "good", `console, by ${record.by}`);
    case "console-visited":
      return about(null, ...describeVisits({ ...record, port: "console" }));
    case "devices-passed":
      return about(record.instance, "wait", record.devices.join(", "));
    case "limit-reached":
      return about(
        record.instance,
        "bad",
        `${describeLimit(record.limit, record.most)}; ${record.found} found${inServer(record)}`,
      );
    case "driver-pinned":
      return about(record.instance, "plain", `${record.driver} ${record.pin.slice(0, 15)}...`);
    case "driver-quarantined":
      return about(
        null,
        "bad",
        record.why === undefined
          ? `${record.driver}: pinned ${record.pin.slice(0, 15)}..., found ${record.found.slice(0, 15)}...`
          : `${record.driver}: ${CLIMBS[record.why]}, pinned ${record.pin.slice(0, 15)}...`,
      );
    case "driver-ended":
      return about(record.instance, "bad", `${record.driver}: ${record.code}, pinned ${record.pin.slice(0, 15)}...`);
    case "refused":
      return about(null, "bad", `${record.peer}: ${record.code}: ${record.what}`);
    case "denied":
      return about(record.instance, "bad", `${record.what} at ${record.stage}: ${record.code}`);
    case "held":
      return about(record.instance, "wait", `${record.what} for ${record.reasons.join(", ")}`);
    case "approved":
      return about(
        record.instance,
        "good",
        `${record.what} by ${record.by.kind === "owner" ? record.by.key : record.by.kind}`,
      );
    case "intent":
      return about(record.instance, "plain", record.what);
    case "outcome":
      return about(
        record.instance,
        record.result === "ok" ? "good" : "bad",
        `${record.what}: ${record.result}${record.code === null ? "" : ` (${record.code})`}, ${record.bytes} B in ${(record.micros / 1000).toFixed(1)} ms`,
      );
    default:
      return record satisfies never;
  }
}

function describeVisits({
  port,
  connections,
  requests,
  refused,
}: Pick<Extract<LogRecord, { kind: "port-visited" }>, "port" | "connections" | "requests" | "refused">): readonly [
  Tone,
  string,
] {
  const away = Object.entries(refused).map(([why, times]) => `${times} refused: ${why}`);
  return [
    away.length === 0 ? "plain" : "bad",
    [`${port}: ${connections} connections`, `${requests} requests`, ...away].join(", "),
  ];
}

function about(instance: string | null, tone: Tone, text: string): RecordSummary {
  return { tone, instance, text };
}

function tellPublishers({ change, publisher, key }: Extract<LogRecord, { kind: "publishers-set" }>): string {
  switch (change) {
    case "admit":
      return `${publisher} admitted by ${key}`;
    case "remove":
      return `${publisher} removed by ${key}`;
    case "only":
      return `only servers of admitted publishers run, by ${key}`;
    case "any":
      return `servers run that no publisher signed, too, by ${key}`;
  }
}

const CLIMBS: { readonly [why in ServerClimb]: string } = {
  "prohibited-call": "made a prohibited system call and was ended",
  "refused-calls": "made a run of refused system calls and was ended",
};

function changesIn(record: { readonly count: number; readonly driver?: string }): string {
  return `${record.count === 1 ? "1 change" : `${record.count} changes`}${inServer(record)}`;
}

/** In whose sandbox it was, when that is a server's. */
function showPrograms(count: number): string {
  return count === 1 ? "1 program" : `${count} programs`;
}

function callsOf(calls: { readonly [call: string]: number }): readonly string[] {
  return Object.entries(calls).map(([call, times]) => (times === 1 ? call : `${call} ${times} times`));
}

function inServer({ driver }: { readonly driver?: string }): string {
  return driver === undefined ? "" : ` in server ${driver}`;
}
