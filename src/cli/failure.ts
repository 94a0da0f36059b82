import { EXIT, type ExitName } from "./exit-codes.ts";

/** Codes of faults that the command line finds itself. Closed; docs/commands.md lists them, and a test compares them. */
export type FailureCode =
  | "usage"
  | "unknown-command"
  | "unknown-flag"
  | "no-home"
  | "no-owner"
  | "owner-exists"
  | "bad-key"
  | "bad-home"
  | "file-unreadable"
  | "file-too-large"
  | "file-unwritable"
  | "already-there"
  | "bad-configuration"
  | "bad-yaml"
  | "bad-json"
  | "bad-grant"
  | "bad-profile"
  | "bad-secret"
  | "bad-provider"
  | "bad-telemetry"
  | "bad-witnesses"
  | "unknown-package"
  | "weak-passphrase"
  | "passphrases-differ"
  | "wrong-passphrase"
  | "not-found"
  | "ambiguous"
  | "no-program"
  | "bad-program"
  | "not-confirmed"
  | "cannot-show"
  | "frozen"
  | "not-stopped"
  | "demo-failed"
  | "changed-on-the-way"
  | "changed-since"
  | "no-terminal"
  | "monitor-running"
  | "monitor-unreachable"
  | "monitor-lost"
  | "monitor-stopped"
  | "witness-running"
  | "backup-refused"
  | "port-taken"
  | "port-refused"
  | "not-detonated"
  | "interrupted";

/** The exit code that each ends in, by name. */
export const FAILURES: { readonly [code in FailureCode]: ExitName } = {
  usage: "usage",
  "unknown-command": "usage",
  "unknown-flag": "usage",
  "no-home": "setup",
  "no-owner": "setup",
  "owner-exists": "setup",
  "bad-key": "setup",
  "bad-home": "setup",
  "file-unreadable": "setup",
  "file-too-large": "setup",
  "file-unwritable": "setup",
  "already-there": "setup",
  "bad-configuration": "setup",
  "bad-yaml": "setup",
  "bad-json": "setup",
  "bad-grant": "setup",
  "bad-profile": "setup",
  "bad-secret": "setup",
  "bad-provider": "setup",
  "bad-telemetry": "setup",
  "bad-witnesses": "setup",
  "unknown-package": "setup",
  "weak-passphrase": "no",
  "passphrases-differ": "no",
  "wrong-passphrase": "no",
  "not-found": "no",
  ambiguous: "no",
  "no-program": "absent",
  "bad-program": "unusable",
  "not-confirmed": "no",
  "cannot-show": "no",
  frozen: "no",
  "not-stopped": "no",
  "demo-failed": "no",
  "changed-on-the-way": "no",
  "changed-since": "no",
  "no-terminal": "terminal",
  "monitor-running": "monitor",
  "monitor-unreachable": "monitor",
  "monitor-lost": "monitor",
  "monitor-stopped": "monitor",
  "witness-running": "setup",
  "backup-refused": "no",
  "port-taken": "setup",
  "port-refused": "no",
  "not-detonated": "setup",
  interrupted: "interrupted",
};

/**
 * A fault that ends a command: one line that names the action and the value, a code, and what to do next.
 * Errors of the monitor keep the monitor's own code and end in exit code 4, but for codes that both have.
 * Message and hint hold what was typed as it is: they are made visible once, where they are shown.
 */
export class CliFailure extends Error {
  readonly code: string;
  readonly hint: string | null;
  readonly exit: number;

  private constructor(message: string, options: { code: string; hint: string | null; exit: number }) {
    super(message);
    this.name = "CliFailure";
    this.code = options.code;
    this.hint = options.hint;
    this.exit = options.exit;
  }

  /** A fault found here. */
  static of(code: FailureCode, message: string, hint: string | null = null): CliFailure {
    return new CliFailure(message, { code, hint, exit: EXIT[FAILURES[code]] });
  }

  /** A request that the monitor refused, with its code, message and hint. */
  static fromMonitor(error: {
    readonly code: string;
    readonly message: string;
    readonly hint: string | null;
  }): CliFailure {
    // One code means one thing, whoever finds it.
    const known = Object.entries(FAILURES).find(([code]) => code === error.code)?.[1];
    const exit = EXIT[known ?? "monitor"];
    return new CliFailure(error.message, { code: error.code, hint: error.hint, exit });
  }
}
