import { HELP } from "./arguments.ts";
import type { Command, CommandShape } from "./command.ts";
import { padText, wrapProse } from "../showing/width.ts";

/** Help is written for 80 columns, so that it reads the same everywhere and tests pin it. */
const COLUMNS = 80;

export interface CommandGroup {
  readonly title: string;
  readonly commands: readonly Command[];
}

/** The page that `aios` and `aios --help` show. */
export function showOverview(groups: readonly CommandGroup[]): string {
  const width = Math.max(...groups.flatMap((group) => group.commands.map((command) => command.path.join(" ").length)));
  return [
    "aios: the AI Operating Substrate. An agent starts with nothing; every effect it",
    "has is decided, selected, validated, approved, executed and recorded, or does",
    "not happen. Linux only.",
    "",
    "Usage: aios COMMAND [flags]      aios COMMAND --help explains one command",
    ...groups.flatMap((group) => [
      "",
      group.title,
      ...group.commands.map((command) => `  ${padText(command.path.join(" "), width)}  ${command.summary}`),
    ]),
    "",
    "New here?  aios demo   shows all of it on a sample in under a minute.",
    "",
  ].join("\n");
}

/** The page of a word that several commands share, such as `grants`. */
export function showFamily(word: string, commands: readonly Command[]): string {
  const usages = commands.map((command) => showUsage(command));
  const width = Math.max(...usages.map((usage) => usage.length));
  return [
    `Usage: aios ${word} COMMAND`,
    "",
    ...commands.flatMap((command, index) =>
      width + 2 + command.summary.length + 2 <= COLUMNS
        ? [`  ${padText(usages[index] ?? "", width)}  ${command.summary}`]
        : [`  ${usages[index] ?? ""}`, `      ${command.summary}`],
    ),
    "",
  ].join("\n");
}

/** The page of one command. */
export function showHelp(shape: CommandShape): string {
  const flags = [...shape.flags, HELP];
  const rows = [
    ...shape.positionals.map((positional) => [positional.name, positional.help] as const),
    ...(shape.rest === null
      ? []
      : [[`-- ${shape.rest}`, "everything after -- is the command and its own arguments"] as const]),
    ...flags.map(
      (flag) => [flag.value === null ? `--${flag.name}` : `--${flag.name} ${flag.value}`, flag.help] as const,
    ),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    `Usage: aios ${showUsage(shape)}`,
    "",
    `${shape.summary.charAt(0).toUpperCase()}${shape.summary.slice(1)}.`,
    ...shape.details.flatMap((paragraph) => ["", ...wrapProse(paragraph, COLUMNS)]),
    "",
    ...rows.flatMap(([name, help]) =>
      wrapProse(help, COLUMNS - width - 4).map(
        (text, index) => `  ${padText(index === 0 ? name : "", width)}  ${text}`,
      ),
    ),
    ...(shape.examples.length === 0 ? [] : ["", "Examples:", ...shape.examples.map((example) => `  aios ${example}`)]),
    "",
  ].join("\n");
}

function showUsage(shape: CommandShape): string {
  return [
    shape.path.join(" "),
    ...shape.positionals.map((positional) => (positional.required ? positional.name : `[${positional.name}]`)),
    ...(shape.flags.length > 0 ? ["[flags]"] : []),
    ...(shape.rest === null ? [] : [`-- ${shape.rest}`]),
  ].join(" ");
}
