import type { LimitName } from "../kernel/sandbox-limits.ts";
import type { AWAY_ENDS, AwayAnswer } from "../kernel/away.ts";
import type { ReasonCode, Stage } from "../kernel/codes.ts";
import type { Label, Risk } from "../kernel/grant.ts";
import type { Plane } from "../kernel/memory.ts";
import type { Quarantine } from "../kernel/memory-quarantine.ts";
import type { Budgeted } from "../kernel/memory-budget.ts";
import type { ExtensionKind } from "./extension.ts";
import type { Provenance } from "./provenance.ts";
import type { Publication } from "./publisher.ts";
import type { PublishersChange } from "./publishers.ts";
import type { CONSOLE_ENTRIES } from "./console-entry.ts";
import type { RefreshFault } from "./refresh-order.ts";
import type { RetentionDays } from "./retention.ts";
import type { Demand } from "./second-screen.ts";
import type { ProbeObserved, ServerEnded, ServerQuarantined } from "./server-climb.ts";

/** Fields that every record has. The leaf of the Merkle tree is the RFC 8785 encoding of a record. */
export interface RecordBase {
  readonly v: 1;
  /** Position in the log, from 0. */
  readonly seq: number;
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  /** Start id of the monitor that wrote it. */
  readonly start: string;
  /** Commitment to the sealed payload beside the log: salted digest and size; null when there is none. */
  readonly payload: { readonly digest: string; readonly bytes: number } | null;
}

/** Who or what decided. */
export type Decider =
  | { readonly kind: "rule"; readonly rule: string }
  | { readonly kind: "grant"; readonly grants: readonly string[] }
  | { readonly kind: "owner"; readonly key: string }
  | { readonly kind: "monitor"; readonly why: string };

/** Fields of every record about what happened in a sandbox. */
interface InSandbox {
  readonly instance: string;
  readonly agent: string;
  /** Whose server's it was; left out: the agent's. */
  readonly driver?: string;
}

/** Fields of every record about one action. */
export interface ActionBase {
  readonly instance: string;
  readonly agent: string;
  readonly ancestry: readonly string[];
  readonly action: string;
  /** `driver/tool`, for readers; the bytes are in the payload. */
  readonly what: string;
  readonly risk: Risk;
  readonly labels: readonly Label[];
  readonly policy: string;
}

export type RecordBody =
  | {
      readonly kind: "start";
      readonly code: string;
      readonly constitution: string;
      readonly version: string;
      readonly node: string;
    }
  | { readonly kind: "stop"; readonly why: string }
  | {
      /** What the records before `size` make is kept in a file of this digest, so that a start need not fold them again. */
      readonly kind: "state-kept";
      readonly size: number;
      readonly digest: string;
      /** Of those records, how many of each kind are read from the log all the same, since they give authority. */
      readonly signed: { readonly [kind: string]: number };
    }
  | {
      /** A backup of the first `size` records was made, of this manifest; `keys`: with a file of keys. */
      readonly kind: "backup-made";
      readonly size: number;
      readonly manifest: string;
      readonly keys: boolean;
    }
  | {
      /**
       * The home was restored from a backup of `size` records; the log is known to have had `known` of them. No authority
       * that was given before outlives it, and nothing that was to end.
       */
      readonly kind: "restored";
      readonly size: number;
      readonly known: number;
    }
  // `owner` is the key that is enrolled or removed, `key` the one that signed for it. payload: {document, envelope}
  | { readonly kind: "owner-enrolled"; readonly owner: string; readonly key: string }
  | { readonly kind: "owner-removed"; readonly owner: string; readonly key: string }
  // `codes`: how many there are from now on; none: nobody can recover. payload: {document, envelope}
  | { readonly kind: "recovery-set"; readonly codes: number; readonly key: string }
  /** Whoever holds the code `key` recovers; `owner` is enrolled when the wait is over and nobody stopped it. */
  | { readonly kind: "recovery-begun"; readonly owner: string; readonly key: string } // payload: {document, envelope}
  | { readonly kind: "recovery-stopped"; readonly record: number; readonly key: string } // payload: {document, envelope}
  /** The monitor's own: the wait of `record` is over. */
  | { readonly kind: "owner-recovered"; readonly owner: string; readonly record: number }
  /** Somebody looks, by a passkey; what is signed says so by itself. */
  | { readonly kind: "owner-signed-in"; readonly key: string; readonly count: number }
  /** A passkey showed a sign count that it had passed already. */
  | { readonly kind: "passkey-rolled-back"; readonly key: string; readonly kept: number; readonly found: number }
  /** A witness has seen `seen` records of this log, from which its `size` did not grow. */
  | {
      readonly kind: "witness-refused";
      readonly witness: string;
      readonly code: "rolled-back" | "forked";
      readonly size: number;
      readonly seen: number;
    }
  | { readonly kind: "grant-signed"; readonly grant: string; readonly digest: string; readonly key: string } // payload: {grant, envelope}
  | { readonly kind: "grant-revoked"; readonly grant: string; readonly key: string } // payload: {envelope}
  | { readonly kind: "policy-set"; readonly policy: string; readonly key: string } // payload: {text, envelope}
  | { readonly kind: "clock-set"; readonly key: string }
  // Of a secret records have the name, the commitment and the destination, never the value (SECRETS-OUTSIDE).
  | { readonly kind: "secret-set"; readonly secret: string; readonly commitment: string; readonly key: string }
  | { readonly kind: "secret-rotated"; readonly secret: string; readonly commitment: string; readonly key: string }
  | { readonly kind: "secret-bound"; readonly secret: string; readonly to: string; readonly key: string }
  // The monitor's own, for a login: between its commitments an owner's signature stands for the first alone.
  | {
      readonly kind: "secret-refreshed";
      readonly secret: string;
      readonly before: string;
      readonly commitment: string;
      /** When the new access token ends; null when its server did not say. */
      readonly expires: number | null;
    }
  | { readonly kind: "secret-not-refreshed"; readonly secret: string; readonly fault: RefreshFault }
  | { readonly kind: "secret-removed"; readonly secret: string; readonly key: string }
  | { readonly kind: "provider-set"; readonly provider: string; readonly key: string } // payload: {document, envelope}
  | { readonly kind: "witnesses-set"; readonly quorum: number; readonly key: string } // payload: {document, envelope}
  | { readonly kind: "telemetry-set"; readonly on: boolean; readonly key: string } // payload: {document, envelope}
  | { readonly kind: "second-screen-set"; readonly demand: Demand; readonly key: string } // payload: {document, envelope}
  | {
      /** Who may sign extensions, or whether nothing else runs: `only` and `any`. */
      readonly kind: "publishers-set";
      readonly change: PublishersChange;
      readonly publisher: string | null;
      readonly key: string;
    } // payload: {document, envelope}
  | { readonly kind: "retention-set"; readonly days: RetentionDays; readonly key: string } // payload: {document, envelope}
  // payload: {document, envelope, kept?: {grants, bytes, spent?}}, what an erased intent counts for
  | { readonly kind: "payload-erased"; readonly record: number; readonly key: string }
  | {
      /** Payloads that a rule keeps no longer; their keys are destroyed next. `next`: by kind, before which number all are gone. */
      readonly kind: "payloads-expired";
      readonly count: number;
      readonly next: { readonly [kind: string]: number };
    } // payload: {records: [[first, last]], passed: [[first, last]], kept: [{record, ...}]}
  /** The keys of all payloads that expired are destroyed. */
  | { readonly kind: "payloads-destroyed"; readonly count: number }
  | { readonly kind: "provider-removed"; readonly provider: string; readonly key: string }
  | {
      readonly kind: "instance-started";
      readonly instance: string;
      readonly agent: string;
      readonly ancestry: readonly string[];
    } // payload: {profile, argv, workspace, words}
  | { readonly kind: "instance-ended"; readonly instance: string; readonly why: string; readonly exit: number | null }
  | { readonly kind: "instance-frozen"; readonly instance: string; readonly by: Decider; readonly code: string }
  | { readonly kind: "instance-thawed"; readonly instance: string; readonly key: string }
  /** One that stood still for the log alone goes on, since the log can be written again. */
  | { readonly kind: "instance-resumed"; readonly instance: string; readonly why: string }
  /** Somebody asked that every action of it, and of all below it, waits for a human. */
  | { readonly kind: "hold-asked"; readonly instance: string; readonly stages: readonly Stage[] }
  | { readonly kind: "hold-lifted"; readonly instance: string; readonly key: string } // payload: {document: {instance}, envelope}
  /** Nothing of any instance goes on and none starts, until `all-thawed`. */
  | { readonly kind: "all-frozen"; readonly by: Decider }
  | { readonly kind: "all-thawed"; readonly key: string } // payload: {document: {frozen}, envelope}
  | {
      /** Nobody is there to be asked until a moment, or until `away-ended`; the leases named are in force as long. */
      readonly kind: "away-begun";
      readonly until: number;
      readonly asked: AwayAnswer;
      readonly leases: readonly string[];
      readonly key: string;
    } // payload: {document: {until, asked, leases: [grants]}, envelope}
  /** Somebody is back, or the time is over. */
  | { readonly kind: "away-ended"; readonly why: (typeof AWAY_ENDS)[number] }
  | {
      readonly kind: "home-put";
      readonly agent: string;
      readonly path: string;
      readonly digest: string;
      readonly key: string;
    } // payload: {document: {agent, path, text}, envelope}
  | { readonly kind: "home-wiped"; readonly agent: string; readonly key: string } // payload: {document, envelope}
  | {
      /** An entry of memory; `digest` is salted, and `agent` is whose plane it is in. */
      readonly kind: "memory-kept";
      readonly entry: number;
      readonly agent: string;
      readonly plane: Plane;
      /** Who wrote it. */
      readonly by: string;
      readonly instance: string;
      readonly labels: readonly Label[];
      readonly digest: string;
      /** Bytes of its text. */
      readonly bytes: number;
      /** Null: it does not end. */
      readonly expires: number | null;
      /** Number of the record by which an owner had it imported; null: it was written here. */
      readonly imported: number | null;
    } // payload: {sealed}, under the entry's own key
  /** Entries are past their end; their keys are destroyed next. */
  | { readonly kind: "memory-expired"; readonly count: number } // payload: {entries: [[first, last]]}
  | { readonly kind: "memory-erased"; readonly count: number; readonly key: string } // payload: {document: {entries: [numbers]}, envelope}
  /** The keys of the oldest so many entries that expired or were erased are destroyed. */
  | { readonly kind: "memory-destroyed"; readonly count: number }
  | {
      readonly kind: "memory-budget-set";
      readonly agent: string;
      readonly what: Budgeted;
      readonly bytes: number;
      readonly count: number;
      readonly key: string;
    } // payload: {document, envelope}
  | {
      readonly kind: "memory-proposed";
      readonly instance: string;
      readonly agent: string;
      readonly name: string;
      readonly entries: readonly number[];
    }
  | {
      /** `digest` is of the snapshot's manifest. */
      readonly kind: "memory-frozen";
      readonly agent: string;
      readonly name: string;
      readonly version: number;
      readonly digest: string;
      readonly key: string;
    } // payload: {document: {agent, name, version, items: [{path, text}]}, envelope}
  | { readonly kind: "memory-quarantined"; readonly by: Quarantine["by"]; readonly value: string }
  | { readonly kind: "memory-released"; readonly by: Quarantine["by"]; readonly value: string; readonly key: string } // payload: {document, envelope}
  | {
      /** As many entries follow that stood in the log of that name. */
      readonly kind: "memory-imported";
      readonly agent: string;
      readonly plane: Plane;
      readonly origin: string;
      readonly count: number;
      readonly key: string;
    } // payload: {document: {agent, plane, origin, size, count, bytes, digest}, envelope}
  | {
      /** Put into the store; it does nothing there. `manifest` is the digest of what is kept of it beside its tree. */
      readonly kind: "extension-added";
      readonly extension: string;
      readonly manifest: string;
      readonly of: ExtensionKind;
      readonly name: string;
      readonly version: string | null;
      /** Where it was fetched from, or what was typed. */
      readonly source: string;
    } // payload: {manifest}
  /** What was verified of its registry's attestations; it stands before the record that it was added. */
  | { readonly kind: "extension-attested"; readonly extension: string; readonly provenance: Provenance }
  /** What was verified of its publisher's signature; it stands there, too. */
  | { readonly kind: "extension-published"; readonly extension: string; readonly publication: Publication }
  | { readonly kind: "extension-quarantined"; readonly extension: string; readonly why: string }
  | { readonly kind: "extension-removed"; readonly extension: string }
  | { readonly kind: "agent-restarted"; readonly agent: string; readonly key: string }
  | {
      readonly kind: "terminal";
      readonly instance: string;
      readonly agent: string;
      readonly code: ReasonCode;
      readonly by: string;
    } // payload: the call
  | {
      /** Device nodes that are passed into the sandbox of an instance that starts. */
      readonly kind: "devices-passed";
      readonly instance: string;
      readonly agent: string;
      readonly devices: readonly string[];
    }
  | (InSandbox & {
      /** A limit of the sandbox was reached: it ended the instance or server (`isEnding`), or calls of it fail, told once for each. */
      readonly kind: "limit-reached";
      readonly limit: LimitName;
      /** The bound, and what was found: bytes, a count or seconds. */
      readonly most: number;
      readonly found: number;
    })
  | {
      readonly kind: "labelled";
      readonly instance: string;
      readonly labels: readonly Label[];
      readonly because: string;
    }
  | (InSandbox & {
      readonly kind: "programs-started";
      readonly count: number;
    }) // payload: {programs: [{pid, parent, program, arguments, cut}]}
  | (InSandbox & {
      readonly kind: "calls-refused";
      /** System calls of programs inside that were refused since the last such record, by name. */
      readonly calls: { readonly [call: string]: number };
    }) // payload: {examples: [{call, pid, program}]}
  | ProbeObserved // payload: {programs} as of programs-started, or {examples}
  | (InSandbox & {
      readonly kind: "files-written";
      readonly count: number;
    }) // payload: {files: [{operation, path}]}
  | (InSandbox & {
      readonly kind: "files-refused";
      /** Changes to control files, or beyond what can be kept, that were refused since the last such record. */
      readonly count: number;
    }) // payload: {files: [{operation, path, why, program}]}
  | {
      readonly kind: "files-undone";
      readonly instance: string;
      readonly agent: string;
      /** Written before anything is put back, and after. */
      readonly stage: "begun" | "ended";
      /** What is to be put back, or was, and what is left as it is. */
      readonly count: number;
      readonly left: number;
    } // payload: the report
  | {
      readonly kind: "port-opened";
      readonly instance: string;
      readonly agent: string;
      readonly port: string;
      readonly host: string;
      readonly inside: number;
      readonly outside: number;
    }
  | {
      readonly kind: "port-closed";
      readonly instance: string;
      readonly agent: string;
      readonly port: string;
      readonly why: string;
    }
  | {
      readonly kind: "port-entered";
      readonly instance: string;
      readonly agent: string;
      readonly port: string;
      /** The paired client's public key. */
      readonly key: string;
    }
  | {
      readonly kind: "port-visited";
      readonly instance: string;
      readonly agent: string;
      readonly port: string;
      /** Since the last such record. */
      readonly connections: number;
      readonly requests: number;
      /** Of the requests, how many were turned away, by reason. */
      readonly refused: { readonly [why: string]: number };
    } // payload: {peers: [address and port]}
  // The console (docs/decisions/console.md): `pages` is the digest of what it serves.
  | { readonly kind: "console-opened"; readonly host: string; readonly port: number; readonly pages: string }
  | { readonly kind: "console-closed"; readonly why: string }
  | { readonly kind: "console-entered"; readonly by: (typeof CONSOLE_ENTRIES)[number] }
  | {
      readonly kind: "console-visited";
      /** Since the last such record; of the requests only that some were turned away, by reason, is written down. */
      readonly connections: number;
      readonly requests: number;
      readonly refused: { readonly [why: string]: number };
    } // payload: {peers: [address and port]}
  | { readonly kind: "driver-pinned"; readonly instance: string; readonly driver: string; readonly pin: string }
  | ServerQuarantined // payload: {difference} or {instance, call, pid, program}
  | ServerEnded
  | { readonly kind: "refused"; readonly peer: string; readonly code: string; readonly what: string }
  | ({ readonly kind: "denied"; readonly stage: Stage; readonly code: ReasonCode; readonly by: Decider } & ActionBase) // payload: action
  | ({ readonly kind: "held"; readonly reasons: readonly string[]; readonly expires: number } & ActionBase) // payload: action
  | ({ readonly kind: "approved"; readonly by: Decider; readonly statement: string } & ActionBase) // payload: {envelope}
  | ({ readonly kind: "intent"; readonly by: Decider; readonly pin: string } & ActionBase) // payload: action
  | ({
      readonly kind: "outcome";
      /** Sequence number of the intent. */
      readonly intent: number;
      readonly result: "ok" | "tool-error" | "failed" | "unknown";
      readonly code: ReasonCode | null;
      readonly digest: string | null;
      readonly bytes: number;
      /** Microseconds from intent to outcome. */
      readonly micros: number;
    } & ActionBase); // payload: result

export type LogRecord = RecordBase & RecordBody;
export type RecordKind = RecordBody["kind"];
