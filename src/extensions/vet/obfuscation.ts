import type { Seen } from "./finding.ts";
import { lineOf, literalOf, nameOf, nodesAt, type Node } from "./syntax.ts";

const MADE_NAME = /^_0x[0-9a-f]{3,}$/u;
const LEAST_NAMES = 3;
const LEAST_CODES = 32;
const LEAST_ESCAPES = 16;

/** Signs of code that was written not to be read. Minified code has none of them: it is short, not disguised. */
export function judgeLook(nodes: readonly Node[]): readonly Seen[] {
  const names = new Set<string>();
  const seen: Seen[] = [];
  const notice = (node: Node, why: string): void => {
    if (seen.length < 4) seen.push({ rule: "obfuscated", line: lineOf(node), why });
  };
  for (const node of nodes) {
    const name = nameOf(node);
    if (name !== null && MADE_NAME.test(name) && names.size < LEAST_NAMES) {
      names.add(name);
      if (names.size === LEAST_NAMES) notice(node, "has names as an obfuscator makes them");
    }
    if (node.type === "ArrayExpression" && isCodes(nodesAt(node, "elements")))
      notice(node, "holds a text as a row of numbers");
    const text = literalOf(node);
    if (typeof text === "string" && text.length >= LEAST_ESCAPES && mostlyEscapes(node, text))
      notice(node, "holds a text in escapes that stand for plain letters");
  }
  return seen;
}

function isCodes(elements: readonly Node[]): boolean {
  if (elements.length < LEAST_CODES) return false;
  const numbers = elements.map(literalOf);
  if (!numbers.every((each): each is number => typeof each === "number" && each >= 9 && each < 127)) return false;
  // Tables of characters rise; a text goes up and down, and has letters in it.
  const falls = numbers.filter((each, at) => at > 0 && each < (numbers[at - 1] ?? 0)).length;
  const letters = numbers.filter((each) => /[a-z]/iu.test(String.fromCharCode(each))).length;
  return falls > elements.length / 5 && letters > elements.length / 2;
}

function mostlyEscapes(node: Node, text: string): boolean {
  const extra = node["extra"];
  const raw = node["raw"] ?? (typeof extra === "object" && extra !== null && "raw" in extra ? extra.raw : "");
  if (typeof raw !== "string") return false;
  const escapes = raw.match(/\\x[2-7][0-9a-f]|\\u00[2-7][0-9a-f]/giu)?.length ?? 0;
  return escapes > text.length * 0.6;
}
