import { parseArguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { explainDiskFault } from "./disk-fault.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { CliFailure } from "./failure.ts";
import { FAMILIES } from "./families.ts";
import { showFamily, showHelp, showOverview } from "./help.ts";
import { findNearest } from "./nearest.ts";
import type { CliPowers, Screen } from "./powers.ts";
import { makeVisible } from "../showing/visible.ts";

/** Runs one command line (the words after `aios`) and returns the exit code. Faults are written to `powers.err`; nothing is thrown. */
export async function runProgram(words: readonly string[], powers: CliPowers): Promise<ExitCode> {
  try {
    return await dispatch(words, powers);
  } catch (error) {
    return reportFault(error, powers.err);
  }
}

async function dispatch(typed: readonly string[], powers: CliPowers): Promise<ExitCode> {
  const { lead, words } = takeHome(typed);
  const [first, second] = words;
  if (first === undefined || first === "--help" || first === "-h" || (first === "help" && second === undefined)) {
    const { COMMAND_GROUPS } = await import("./catalogue.ts");
    powers.out.write(showOverview(COMMAND_GROUPS));
    return EXIT.ok;
  }
  if (first === "--version") {
    powers.out.write(`aios ${powers.version}\n`);
    return EXIT.ok;
  }
  if (first === "help") return await dispatch([...lead, ...words.slice(1), "--help"], powers);

  const load = FAMILIES.get(first);
  if (load === undefined)
    throw first.startsWith("-") ? misplacedFlag(first) : unknownCommand(first, [...FAMILIES.keys()]);
  const family = await load();
  const [single] = family;
  // A family may have a command of one word besides those of two, which then come first.
  const command =
    family.find((candidate) => second !== undefined && candidate.path[1] === second) ??
    (single?.path.length === 1 ? single : undefined);
  if (command === undefined) {
    if (second === "--help" || second === "-h") {
      powers.out.write(showFamily(first, family));
      return EXIT.ok;
    }
    const verbs = family.map((candidate) => candidate.path.join(" "));
    if (second === undefined || second.startsWith("-")) {
      throw CliFailure.of("usage", `aios ${first} needs a command`, `one of: ${verbs.join(", ")}`);
    }
    throw unknownCommand(`${first} ${second}`, verbs);
  }
  return await runCommand(command, { powers, words: [...lead, ...words.slice(command.path.length)] });
}

/** `aios --home DIR COMMAND` is `aios COMMAND --home DIR`: the one flag that people put before every command. */
function takeHome(words: readonly string[]): { readonly lead: readonly string[]; readonly words: readonly string[] } {
  const [first = "", second] = words;
  if (first.startsWith("--home=")) return { lead: [first], words: words.slice(1) };
  if (first !== "--home") return { lead: [], words };
  if (second === undefined || second.startsWith("-"))
    throw CliFailure.of("usage", "--home needs a value: --home DIR", "aios COMMAND --home DIR");
  return { lead: [first, second], words: words.slice(2) };
}

function misplacedFlag(typed: string): CliFailure {
  return CliFailure.of(
    "usage",
    `aios has no flag ${typed} of its own`,
    "flags follow the command: aios COMMAND --flag",
  );
}

async function runCommand(command: Command, call: { powers: CliPowers; words: readonly string[] }): Promise<ExitCode> {
  const args = parseArguments(command, call.words);
  if (args.has("help")) {
    call.powers.out.write(showHelp(command));
    return EXIT.ok;
  }
  return await command.run(call.powers, args);
}

function unknownCommand(typed: string, known: readonly string[]): CliFailure {
  const nearest = findNearest(typed, known);
  return CliFailure.of(
    "unknown-command",
    `there is no command "${typed}"`,
    nearest === null ? "aios --help lists the commands" : `did you mean aios ${nearest}?`,
  );
}

/** One line with the code, and a line that says what to do next. Values in it may come from anywhere, so it is made visible. */
function reportFault(error: unknown, screen: Screen): ExitCode {
  const known = error instanceof CliFailure ? error : explainDiskFault(error);
  if (known !== null) {
    screen.write(`aios: ${makeVisible(known.message)} (${makeVisible(known.code)})\n`);
    if (known.hint !== null) screen.write(`hint: ${makeVisible(known.hint)}\n`);
    return known.exit;
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  screen.write(`aios: unexpected fault: ${makeVisible(message)} (fault)\n`);
  screen.write("hint: this is a defect of aios; nothing was approved by it\n");
  return EXIT.fault;
}
