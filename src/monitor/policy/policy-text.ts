import { encodeUtf8 } from "../../protocol/bytes.ts";
import type { PolicyProblem } from "../../protocol/requests.ts";

/** Longest policy text, in UTF-16 units. */
export const MAX_POLICY_TEXT = 4_194_304;
/** Most rules in one text. */
export const MAX_RULES = 20_000;
/** Longest rule, in UTF-16 units. */
export const MAX_RULE_TEXT = 16_384;
/*
 * Cedar reads and evaluates a rule by recursion on a stack of fixed size in its wasm memory; when that overflows, the
 * instance is damaged for good. Tried with 4.13: 80 nested `!((`, 1,000 chained `+` or `.`, 690 nested `if` do it. These
 * bounds keep every construct at a quarter of that or less; texts in quotes count once, so lists may be long.
 */
/** Most tokens of one rule, not counting commas. */
export const MAX_RULE_TOKENS = 400;
/** Deepest nesting of brackets in one rule. */
export const MAX_RULE_DEPTH = 24;

/** One rule of a policy text, comments before it included. */
export interface RuleText {
  readonly text: string;
  /** Line of the first character of `text` in the policy text, from 1. */
  readonly line: number;
}

/** The rules of a text in their order, or what is wrong with it. */
export type SplitText =
  | { readonly kind: "rules"; readonly rules: readonly RuleText[] }
  | { readonly kind: "refused"; readonly problems: readonly PolicyProblem[] };

/** Comments, text literals, the end of a rule, brackets, words, `::` and single marks, in Cedar's own lexical terms. */
const TOKEN = /\/\/[^\n]*|"(?:\\[^]|[^"\\])*"|[;()[\]{},]|[A-Za-z0-9_]+|::|&&|\|\||[=!<>]=|[^\s]/gu;
/** What a person cannot see in the text they sign: controls, bidi and zero-width characters, line separators, private use. */
const UNSEEN = /[^\P{C}\n\r\t]|\r(?!\n)|[\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

/** Whether a text is white space and comments. */
export function hasNoRules(text: string): boolean {
  return /^(?:\s|\/\/[^\n]*(?:\n|$))*$/u.test(text);
}

/** What is wrong with a text as a whole, before any rule is read; null when nothing is. */
export function textProblem(text: string): PolicyProblem | null {
  if (text.length > MAX_POLICY_TEXT) {
    const message = `the text has ${text.length} characters, over its bound of ${MAX_POLICY_TEXT}`;
    return { rule: "policy", message, line: null };
  }
  const unseen = UNSEEN.exec(text);
  if (unseen === null) return null;
  const point = (unseen[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  const message = `the character U+${point} cannot be seen; write it as \\u{...} in a text`;
  return { rule: "policy", message, line: lineAt(text, unseen.index) };
}

/** Cuts a policy text at the `;` that end its rules and checks the bounds. It does not say whether a rule is Cedar. */
export function splitPolicyText(text: string): SplitText {
  const problem = textProblem(text);
  if (problem !== null) return { kind: "refused", problems: [problem] };
  const rules: RuleText[] = [];
  let start = 0;
  let line = 1;
  let tokens = 0;
  let depth = 0;
  for (const match of text.matchAll(TOKEN)) {
    const token = match[0];
    if (token.startsWith("//")) continue;
    if (token !== ",") tokens += 1;
    if (token === "(" || token === "[" || token === "{") depth += 1;
    if (token === ")" || token === "]" || token === "}") depth -= 1;
    const size = match.index + token.length - start;
    const name = `rule${rules.length}`;
    if (depth > MAX_RULE_DEPTH) {
      return refused(name, `brackets are nested deeper than ${MAX_RULE_DEPTH}`, lineAt(text, match.index));
    }
    if (tokens > MAX_RULE_TOKENS || size > MAX_RULE_TEXT) {
      const bound = `${MAX_RULE_TOKENS} words and marks or ${MAX_RULE_TEXT} characters`;
      return refused(name, `the rule is over its bound of ${bound}; write two rules`, lineAt(text, match.index));
    }
    if (token !== ";") continue;
    const rule = text.slice(start, start + size);
    rules.push({ text: rule, line });
    if (rules.length > MAX_RULES) return refused(name, `there are more than ${MAX_RULES} rules`, line);
    line += countLines(rule);
    start += size;
    tokens = 0;
    depth = 0;
  }
  if (tokens === 0) return { kind: "rules", rules };
  return refused(`rule${rules.length}`, "the last rule does not end in ;", lineAt(text, text.length));
}

/** The line in the policy text of an offset that Cedar gave for one rule: it counts UTF-8 bytes. */
export function lineOfOffset(rule: RuleText, offset: number): number {
  const bytes = encodeUtf8(rule.text).subarray(0, offset);
  return rule.line + bytes.reduce((lines, byte) => (byte === 0x0a ? lines + 1 : lines), 0);
}

function refused(rule: string, message: string, line: number | null): SplitText {
  return { kind: "refused", problems: [{ rule, message, line }] };
}

function lineAt(text: string, index: number): number {
  return 1 + countLines(text.slice(0, index));
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}
