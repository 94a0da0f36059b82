import { CliFailure, type FailureCode } from "../cli/failure.ts";
import { PlatformError, type PlatformErrorCode } from "../platform/platform-error.ts";

/** What a fault of the platform means to a person at the command line; null leaves it as the fault that it is. */
const MEANINGS: { readonly [code in PlatformErrorCode]: FailureCode | null } = {
  "bad-alert-address": null,
  "bad-key-file": "bad-key",
  cancelled: "interrupted",
  "code-unreadable": null,
  "git-configuration": null,
  "home-permissions": "bad-home",
  "key-exists": "owner-exists",
  "no-own-user": null,
  "no-terminal": "no-terminal",
  signalled: "interrupted",
  "socket-folder": "bad-home",
  "socket-occupied": "monitor-unreachable",
  "streams-refused": "monitor-unreachable",
  "system-call": null,
  "too-long": "not-confirmed",
  unreachable: "monitor-unreachable",
  "weak-passphrase": "weak-passphrase",
  "witness-running": "witness-running",
  "wrong-passphrase": "wrong-passphrase",
};

/** What a code that the monitor's process ended with means here, or null. */
export function findMeaning(code: string): FailureCode | null {
  return Object.entries(MEANINGS).find(([known]) => known === code)?.[1] ?? null;
}

/** Does work of the platform, and throws its faults as those of the command line. */
export async function translateFaults<Result>(work: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof PlatformError ? MEANINGS[error.code] : null;
    if (!(error instanceof PlatformError) || code === null) throw error;
    throw CliFailure.of(code, error.message, error.hint);
  }
}
