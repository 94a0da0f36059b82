import { COMMAND_GROUPS } from "../src/cli/catalogue.ts";
import { isNode, nameOf, stringOf, type SourceModule, type SyntaxNode } from "./source-modules.ts";

const PATHS = COMMAND_GROUPS.flatMap((group) => group.commands.map((command) => command.path));
const FAMILIES = new Set(PATHS.filter((path) => path.length > 1).map(([family]) => family));

/** With which files of the log begin. */
const MARKS = new Set(["log journal", "log slots"]);

/** Commands that a text of a module tells a person to run, and that are none. */
export function unknownCommands(module: SourceModule): readonly string[] {
  return module.nodes.flatMap(textOf).flatMap((text) =>
    namedIn(text)
      .filter((words) => !isCommand(words))
      .map((words) => `${module.path}: aios ${words.join(" ")}`),
  );
}

/** What a text names in backticks, and everywhere what begins with the first word of several commands, but for names of formats (`aios log slots v1`). */
function namedIn(text: string): readonly (readonly string[])[] {
  const quoted = Array.from(text.matchAll(/`aios ((?:[a-z][a-z-]*(?: |(?=`|$)))+)/gu), ([, words = ""]) => words);
  const plain = Array.from(
    text.matchAll(/\baios ([a-z][a-z-]* [a-z][a-z-]*)(?![a-z0-9-]| v\d)/gu),
    ([, words = ""]) => words,
  );
  const split = (words: string): readonly string[] => words.trim().split(" ");
  return [
    ...quoted.map(split),
    ...plain.map(split).filter(([family = "", word = ""]) => FAMILIES.has(family) && !MARKS.has(`${family} ${word}`)),
  ];
}

function isCommand(words: readonly string[]): boolean {
  const family = words.length === 1 && FAMILIES.has(words[0] ?? "");
  return family || PATHS.some((path) => path.every((word, at) => words[at] === word));
}

/** The text of a literal; of a template with U+2026 where a value is put in. */
function textOf(node: SyntaxNode): readonly string[] {
  const text = stringOf(node);
  if (text !== null) return [text];
  if (node.type !== "TemplateLiteral" || !Array.isArray(node["quasis"])) return [];
  return [node["quasis"].map(cooked).join("\u2026")];
}

function cooked(quasi: unknown): string {
  const value = isNode(quasi) ? quasi["value"] : null;
  return typeof value === "object" && value !== null && "cooked" in value ? String(value.cooked) : "";
}

/** Failures whose message is made visible where it is made, and so twice in all. */
export function shownTwice(module: SourceModule): readonly string[] {
  const failures = module.nodes.filter((node) => {
    const callee = node.type === "CallExpression" ? node["callee"] : null;
    return isNode(callee) && nameOf(callee["object"]) === "CliFailure" && nameOf(callee["property"]) === "of";
  });
  return failures
    .filter((node) => /\b(?:makeVisible|nameExtension|showRefusal)\(/u.test(sourceOf(module, node)))
    .map((node) => `${module.path}: ${sourceOf(module, node)}`);
}

function sourceOf({ text }: SourceModule, { start, end }: SyntaxNode): string {
  return typeof start === "number" && typeof end === "number" ? text.slice(start, end) : "";
}
