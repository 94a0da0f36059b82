import type { CommandShape, Flag } from "./command.ts";
import { CliFailure } from "./failure.ts";
import { findNearest } from "./nearest.ts";

/** What the person typed, checked against a command's shape. */
export interface Arguments {
  /** Whether a switch was given. */
  has(flag: string): boolean;
  /** Value of a flag given at most once, or null. */
  value(flag: string): string | null;
  /** Values of a flag that repeats, in order. */
  values(flag: string): readonly string[];
  /** A positional that may be absent. */
  optional(name: string): string | null;
  /** A required positional. */
  required(name: string): string;
  /** All of a positional that repeats, in order. */
  list(name: string): readonly string[];
  /** Everything after `--`. */
  readonly rest: readonly string[];
}

/** `--help`, which every command has. */
export const HELP: Flag = { name: "help", value: null, help: "show this help" };

/** What flags call their value when it is a path. */
const PATHS: ReadonlySet<string> = new Set(["DIR", "FILE"]);

/**
 * Parses the words after a command's path, strictly: every flag must be known, once unless it repeats, with a value
 * exactly when it takes one. Throws `CliFailure` (`usage`, `unknown-flag`).
 */
export function parseArguments(shape: CommandShape, words: readonly string[]): Arguments {
  const name = `aios ${shape.path.join(" ")}`;
  const hint = `aios ${shape.path.join(" ")} --help shows what it takes`;
  const found = new Map<string, string[]>();
  const positionals: string[] = [];
  let rest: readonly string[] = [];

  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (word === "--") {
      if (shape.rest === null) throw CliFailure.of("usage", `${name} takes nothing after --`, hint);
      rest = words.slice(index + 1);
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      positionals.push(word);
      continue;
    }
    const [spelled, attached] = splitFlag(word);
    const flag = findFlag(shape, spelled);
    const values = found.get(flag.name) ?? [];
    if (values.length > 0 && flag.repeats !== true)
      throw CliFailure.of("usage", `--${flag.name} was given twice`, hint);
    if (flag.value === null) {
      if (attached !== null) throw CliFailure.of("usage", `--${flag.name} takes no value`, hint);
      values.push("");
    } else if (attached !== null) {
      values.push(attached);
    } else {
      const next = words[index + 1];
      // A value that looks like a flag is far more often a forgotten value; `--flag=-x` says that it is meant.
      if (next === undefined || next.startsWith("-")) {
        throw CliFailure.of("usage", `--${flag.name} needs a value: --${flag.name} ${flag.value}`, hint);
      }
      values.push(next);
      index++;
    }
    // An empty path would silently be the folder that the command runs in.
    if (PATHS.has(flag.value ?? "") && values.includes(""))
      throw CliFailure.of("usage", `--${flag.name} needs a path, not an empty value`, hint);
    found.set(flag.name, values);
  }

  const repeats = shape.positionals.at(-1)?.repeats === true;
  const extra = repeats ? undefined : positionals[shape.positionals.length];
  if (extra !== undefined && !found.has("help")) {
    const lost = shape.rest === null ? "" : ` (the agent's command goes after --)`;
    throw CliFailure.of("usage", `${name} does not take "${extra}"${lost}`, hint);
  }
  const missing = shape.positionals.find(
    (positional, index) => positional.required && positionals[index] === undefined,
  );
  if (missing !== undefined && !found.has("help")) throw CliFailure.of("usage", `${name} needs ${missing.name}`, hint);
  // An empty word is a variable that was not set: as a path it would be the folder, as an id nobody's.
  const empty = shape.positionals[positionals.indexOf("")];
  if (empty !== undefined) throw CliFailure.of("usage", `${name} needs ${empty.name}, not an empty word`, hint);

  const named = new Map(shape.positionals.map((positional, index) => [positional.name, positionals[index] ?? null]));
  const lookUp = (positional: string): string | null => {
    const value = named.get(positional);
    if (value === undefined) throw new TypeError(`${name} has no argument ${positional}`);
    return value;
  };
  return {
    has: (flag) => found.has(flag),
    value: (flag) => found.get(flag)?.[0] ?? null,
    values: (flag) => found.get(flag) ?? [],
    optional: lookUp,
    required: (positional) => {
      const value = lookUp(positional);
      if (value === null) throw new TypeError(`${name}: argument ${positional} is not required`);
      return value;
    },
    list: (positional) =>
      positionals.slice(shape.positionals.findIndex(({ name: each, repeats: all }) => each === positional && all)),
    rest,
  };
}

function splitFlag(word: string): readonly [string, string | null] {
  const equals = word.indexOf("=");
  return equals < 0 ? [word, null] : [word.slice(0, equals), word.slice(equals + 1)];
}

function findFlag(shape: CommandShape, spelled: string): Flag {
  if (spelled === "-h") return HELP;
  const flags = [...shape.flags, HELP];
  const flag = flags.find((candidate) => `--${candidate.name}` === spelled);
  if (flag !== undefined) return flag;
  const nearest = findNearest(
    spelled,
    flags.map((candidate) => `--${candidate.name}`),
  );
  throw CliFailure.of(
    "unknown-flag",
    `aios ${shape.path.join(" ")} has no flag ${spelled}`,
    nearest === null ? `aios ${shape.path.join(" ")} --help lists its flags` : `did you mean ${nearest}?`,
  );
}
