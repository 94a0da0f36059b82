import type { Spent } from "../kernel/infer.ts";
import { isEnding } from "../kernel/sandbox-limits.ts";
import type { Section } from "../protocol/digest.ts";
import type { LogRecord } from "../protocol/record.ts";
import { describeLimit } from "./describe-limits.ts";
import { summariseRecord } from "./describe-record.ts";

/** One thing that happened, in words that are the same whenever the same thing happens again. */
export interface DigestEvent {
  readonly section: Section;
  /** What happened. The words may be an agent's; whoever shows them makes them visible. */
  readonly text: string;
  /** How often, by this record. */
  readonly times: number;
}

/** What the sealed payload of a record says to a digest; nothing of one that was erased. */
export interface DigestFacts {
  /** Of an intent: where it goes on the network, which model it asks; null when it does neither. */
  readonly to: string | null;
  /** Of an outcome: what a call of a model has spent. */
  readonly spent: Spent | null;
  /** Programs that were started, and files that were changed, by name. */
  readonly programs: readonly string[];
  readonly files: readonly string[];
}

export const NO_FACTS: DigestFacts = Object.freeze({ to: null, spent: null, programs: [], files: [] });

/**
 * What a record says to an owner who was away. Every kind has its place here, and the compiler finds one that has none; an
 * intent says only where it goes, since its outcome says the rest, also after a crash (RECORD-FIRST).
 */
export function eventsOf(record: LogRecord, facts: DigestFacts = NO_FACTS): readonly DigestEvent[] {
  // First, since most records are of these two and have words of their own.
  if (record.kind === "intent") return facts.to === null ? [] : once("sent", `${record.what}: ${facts.to}`);
  if (record.kind === "outcome")
    return once(
      record.result === "ok" ? "done" : "failed",
      `${record.what}: ${record.result}${record.code === null ? "" : ` (${record.code})`}`,
    );
  const { text } = summariseRecord(record);
  switch (record.kind) {
    case "terminal":
      return once("ended", `ended for good: ${text}`);
    case "limit-reached":
      return isEnding(record.limit)
        ? once("ended", `${serverIn(record)}ended by a limit: ${describeLimit(record.limit, record.most)}`)
        : once("refused", `${serverIn(record)}calls refused at a limit: ${describeLimit(record.limit, record.most)}`);
    case "hold-asked":
      return once("frozen", `every action waits: ${text}`);
    case "instance-frozen":
    case "all-frozen":
      return once("frozen", `frozen: ${text}`);
    case "instance-resumed":
      return once("frozen", `went on: ${text}`);
    case "driver-quarantined":
      return once("refused", `quarantined: ${text}`);
    case "driver-ended":
      return once("ended", `a server ended: ${text}`);
    case "refused":
      return once("refused", `refused: ${record.code}: ${record.what}`);
    case "owner-signed-in":
      return once("asked", `signed in: ${text}`);
    // Among what stands first, since somebody may have to stop it.
    case "recovery-begun":
      return once("refused", `a recovery code was used: ${text}`);
    case "owner-recovered":
      return once("refused", `a recovery enrolled an owner: ${text}`);
    case "passkey-rolled-back":
      return once("refused", `a passkey showed an old count: ${text}`);
    case "witness-refused":
      return once("refused", `the log is not the one that was witnessed: ${text}`);
    case "secret-not-refreshed":
      return once("refused", `a login could not be renewed: ${text}`);
    case "files-refused":
      return counted("refused", { "change to a file refused": record.count });
    case "denied":
      return once("refused", `denied: ${text}`);
    case "owner-enrolled":
    case "owner-removed":
    case "recovery-set":
    case "recovery-stopped":
    case "grant-signed":
    case "grant-revoked":
    case "policy-set":
    case "clock-set":
    case "provider-set":
    case "provider-removed":
    case "witnesses-set":
    case "telemetry-set":
    case "second-screen-set":
    case "publishers-set":
    case "retention-set":
    case "payload-erased":
    case "instance-thawed":
    case "all-thawed":
    case "hold-lifted":
    case "away-begun":
    case "agent-restarted":
    case "home-put":
    case "home-wiped":
    case "memory-frozen":
    case "memory-erased":
    case "memory-budget-set":
    case "memory-released":
    case "memory-imported":
    case "approved":
      return once("signed", `${record.kind} ${text}`);
    case "secret-set":
    case "secret-rotated":
    case "secret-bound":
    case "secret-removed":
    case "secret-refreshed":
      return once("secrets", `${record.kind} ${text}`);
    case "instance-started":
      return once("ran", "started");
    case "instance-ended":
      return once("ran", `ended: ${text}`);
    case "devices-passed":
      return once("ran", `got devices: ${text}`);
    case "driver-pinned":
      return once("ran", `pinned ${text}`);
    case "labelled":
      return once("ran", `labelled ${record.labels.join(", ")} because ${record.because}`);
    case "files-written":
      return named("files", { names: facts.files, count: record.count, other: "change to a file" });
    case "files-undone":
      // Its end says how much it was; whoever began it stood at a terminal and was told when it failed.
      return record.stage === "begun" ? [] : once("files", text);
    case "memory-kept":
      return counted("done", { [`entry kept in the ${record.plane} plane of ${record.agent}`]: 1 });
    case "memory-expired":
      return counted("done", { "entry of memory ended": record.count });
    case "payloads-expired":
      return counted("done", { "payload erased by rule": record.count });
    case "memory-proposed":
      return once("asked", `memory: ${text}`);
    case "memory-quarantined":
      return once("asked", `memory in quarantine: ${text}`);
    case "backup-made":
      return once("done", `backup made: ${text}`);
    case "restored":
      return once("frozen", `restored: ${text}`);
    case "extension-added":
      return once("done", `extension added: ${text}`);
    case "extension-attested":
      return record.provenance.kind === "refused" ? once("asked", `extension with a false attestation: ${text}`) : [];
    case "extension-published":
      return record.publication.kind === "refused" ? once("asked", `extension with a false signature: ${text}`) : [];
    case "extension-removed":
      return once("done", `extension removed: ${text}`);
    case "extension-quarantined":
      return once("asked", `extension in quarantine: ${text}`);
    case "memory-destroyed":
    case "payloads-destroyed":
    case "state-kept":
      return [];
    case "programs-started":
      return named("inside", { names: facts.programs, count: record.count, other: "program started" });
    case "probe-observed":
      return [
        ...named("inside", { names: facts.programs, count: record.count, other: "program started in a probe" }),
        ...counted("inside", record.calls, (call) => `system call ${call} refused in a probe`),
      ];
    case "calls-refused":
      return counted("inside", record.calls, (call) => `system call ${call} refused`);
    case "port-opened":
      return once("ports", `opened ${text}`);
    case "port-closed":
      return once("ports", `closed ${text}`);
    case "port-entered":
      return once("ports", `${record.port}: entered by ${record.key}`);
    case "port-visited":
      return [
        ...counted("ports", { [`${record.port}: request`]: record.requests }),
        ...counted("ports", record.refused, (why) => `${record.port}: request turned away: ${why}`),
      ];
    case "console-opened":
    case "console-closed":
    case "console-entered":
      return once("monitor", `${record.kind} ${text}`);
    case "console-visited":
      return counted("monitor", record.refused, (why) => `console: request turned away: ${why}`);
    case "away-ended":
      return once("monitor", `away ended: ${text}`);
    case "held":
      return once("asked", `held: ${text}`);
    case "start":
    case "stop":
      return once("monitor", `${record.kind} ${text}`);
    default:
      return record satisfies never;
  }
}

function once(section: Section, text: string): readonly DigestEvent[] {
  return [{ section, text, times: 1 }];
}

/** What is known by name, and how many more there were. */
function named(
  section: Section,
  { names, count, other }: { readonly names: readonly string[]; readonly count: number; readonly other: string },
): readonly DigestEvent[] {
  return [
    ...names.map((name) => ({ section, text: `${other}: ${name}`, times: 1 })),
    ...counted(section, { [other]: count - names.length }),
  ];
}

function counted(
  section: Section,
  counts: { readonly [name: string]: number },
  words = (name: string): string => name,
): readonly DigestEvent[] {
  return Object.entries(counts)
    .filter(([, times]) => times > 0)
    .map(([name, times]) => ({ section, text: words(name), times }));
}

/** Whose it was, when that is a server's. */
function serverIn({ driver }: { readonly driver?: string }): string {
  return driver === undefined ? "" : `server ${driver}: `;
}
