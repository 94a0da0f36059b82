import type { Arguments } from "./arguments.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { CliPowers } from "./powers.ts";

/** A flag as help shows it and the parser accepts it. */
export interface Flag {
  /** Without the two dashes. */
  readonly name: string;
  /** What the value is called in help, or null for a switch. */
  readonly value: string | null;
  readonly help: string;
  /** May be given more than once. Absent: at most once. */
  readonly repeats?: true;
}

export interface Positional {
  readonly name: string;
  readonly required: boolean;
  /** The last one takes all that follow. Absent: it takes one. */
  readonly repeats?: true;
  readonly help: string;
}

/** What a command accepts and how its help reads. */
export interface CommandShape {
  /** The words after `aios`. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly positionals: readonly Positional[];
  /** Name of everything after `--`, or null when the command takes none. */
  readonly rest: string | null;
  readonly flags: readonly Flag[];
  /** Paragraphs for `--help`. */
  readonly details: readonly string[];
  /** Example command lines, without `aios`. */
  readonly examples: readonly string[];
}

/** One command. `run` returns the exit code and throws `CliFailure` for faults. */
export interface Command extends CommandShape {
  run(powers: CliPowers, args: Arguments): Promise<ExitCode>;
}

/** Flag of every command that touches a home. */
export const HOME: Flag = {
  name: "home",
  value: "DIR",
  help: "the home to work on (default: AIOS_HOME, else ~/.aios)",
};
/** Flag of every command that lists. */
export const JSON_OUTPUT: Flag = {
  name: "json",
  value: null,
  help: "print JSON for programs instead of text for people",
};
/** Flag of the commands at which a person sits while actions are held. */
export const QUIET: Flag = {
  name: "quiet",
  value: null,
  help: "no bell and no desktop notice when an action is held",
};
