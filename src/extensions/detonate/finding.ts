import type { Place, Severity } from "../scan/finding.ts";

export type DetonationRule =
  | "canary-sent"
  | "fetched-run"
  | "terminal-call"
  | "canary-read"
  | "canary-told"
  | "obeyed-changed"
  | "person-files-changed"
  | "offer-changed"
  | "answer-orders"
  | "install-network"
  | "bounds-reached"
  | "not-run"
  | "host-beyond"
  | "file-beyond"
  | "login-used"
  | "own-login-read"
  | "call-refused"
  | "client-asked"
  | "program-started"
  | "step-failed";

/** What is found by running an extension. Programs depend on the names: none is ever used for something else. */
export const DETONATION_RULES: {
  readonly [rule in DetonationRule]: { readonly severity: Severity; readonly title: string };
} = Object.freeze({
  "canary-sent": { severity: "critical", title: "It sent a secret of the made-up home away" },
  "fetched-run": { severity: "critical", title: "It ran what the network gave it" },
  "terminal-call": { severity: "critical", title: "It made a system call that no honest program makes" },
  "canary-read": { severity: "high", title: "It read a secret that nothing had to do with it" },
  "canary-told": { severity: "high", title: "It told or wrote down a secret of the made-up home" },
  "obeyed-changed": { severity: "high", title: "It changed what shells, git or agents obey" },
  "person-files-changed": { severity: "high", title: "It changed or removed a person's files that nobody named" },
  "offer-changed": { severity: "high", title: "What it offers changed while it ran" },
  "answer-orders": { severity: "high", title: "What it says while it runs gives orders to an agent" },
  "install-network": { severity: "high", title: "A script at installation reached for the network" },
  "bounds-reached": { severity: "high", title: "It used more time, memory or disk than it was given" },
  "not-run": { severity: "high", title: "A part could not be run, so nobody saw what it does" },
  "host-beyond": { severity: "medium", title: "It reached for a host that its manifest does not name" },
  "file-beyond": { severity: "medium", title: "It wrote a file that its manifest does not name" },
  "login-used": { severity: "medium", title: "It used a login that its manifest does not name, where that belongs" },
  "own-login-read": { severity: "low", title: "A program of the system that it started could read its own login" },
  "call-refused": { severity: "medium", title: "It made a system call that a sandbox refuses" },
  "client-asked": { severity: "low", title: "Its server asked its client for something" },
  "program-started": { severity: "low", title: "It started programs" },
  "step-failed": { severity: "low", title: "A step ended with an error" },
});

/** One thing that an extension did, in the form of a vetting's findings. */
export interface DetonationFinding {
  readonly rule: DetonationRule;
  readonly severity: Severity;
  readonly message: string;
  /** Where in the extension what did it stands. */
  readonly place: Place;
  readonly evidence: Moment;
}

/** When something happened: the step, the call of the scripted client within it, milliseconds since the step began. */
export interface Moment {
  readonly step: string;
  readonly call: string | null;
  readonly ms: number;
}

/** What detonation says of an extension. That nothing was found does not make it safe. */
export interface DetonationReport {
  readonly v: 1;
  /** Of every byte that was run, as the store names it: `sha256:` and 64 hex digits. */
  readonly digest: string;
  /** What was run, and how it ended. */
  readonly ran: readonly { readonly step: string; readonly how: string; readonly ms: number }[];
  /** Calls that the scripted client made. */
  readonly calls: number;
  /** The most severe first. */
  readonly findings: readonly DetonationFinding[];
  /** Whether one of them is grave (critical or high). */
  readonly grave: boolean;
}

export function isGraveRule(rule: DetonationRule): boolean {
  const { severity } = DETONATION_RULES[rule];
  return severity === "critical" || severity === "high";
}

/** What came of having an extension detonated. Failed, nothing is known of it. */
export type DetonationAnswer =
  | { readonly kind: "report"; readonly report: DetonationReport }
  | { readonly kind: "failed"; readonly code: string; readonly message: string; readonly hint: string | null };
