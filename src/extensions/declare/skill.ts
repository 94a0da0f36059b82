import type { ExtensionSays } from "../../protocol/extension.ts";
import { asLine, asLines, DeclareFault } from "./line.ts";

/** Lines of the front matter that are looked at. */
const MOST_LINES = 400;

/**
 * What the front matter of a SKILL.md says: its name, what it is for, and the tools that it wants allowed. Only plain lines of
 * YAML are read, `key: value` and lists of `- item`; what is written otherwise says nothing here, and gives nothing anywhere.
 */
export function readSkill(text: string, label: string): ExtensionSays {
  const fields = readFrontMatter(text);
  const one = (key: string, most: number): string | null => asLine(fields.get(key)?.[0], most);
  const tools = (fields.get("allowed-tools") ?? []).flatMap(splitTools);
  return {
    name: one("name", 214) ?? asLine(label, 214) ?? "skill",
    version: one("version", 128),
    publisher: one("author", 256),
    about: one("description", 512),
    entry: null,
    words: [],
    settings: [],
    asks: {
      files: [],
      hosts: [],
      secrets: [],
      memory: [],
      tools: asLines(tools, "tools").map((tool) => ({ name: tool, risk: "reserved" as const })),
    },
  };
}

function readFrontMatter(text: string): ReadonlyMap<string, readonly string[]> {
  const fields = new Map<string, string[]>();
  const lines = text.replace(/^\uFEFF/u, "").split(/\r?\n/u, MOST_LINES + 1);
  if (lines[0]?.trim() !== "---") return fields;
  let last: string[] | null = null;
  for (const line of lines.slice(1)) {
    if (line.trim() === "---") return fields;
    const [, key, value = ""] = /^([A-Za-z][A-Za-z0-9_-]{0,63}):(?: (.*))?$/u.exec(line) ?? [];
    if (key !== undefined) {
      if (fields.has(key)) throw new DeclareFault(`SKILL.md says "${key}" twice`);
      last = value.trim() === "" ? [] : [unquote(value.trim())];
      fields.set(key, last);
      continue;
    }
    const item = /^\s*- (.*)$/u.exec(line)?.[1];
    if (item !== undefined && last !== null) last.push(unquote(item.trim()));
  }
  throw new DeclareFault("the front matter of SKILL.md has no end");
}

function unquote(value: string): string {
  const [, quoted] = /^(?:"([^"]*)"|'([^']*)')$/u.exec(value)?.filter((part) => part !== undefined) ?? [];
  return quoted ?? value;
}

/** `Read, Bash(git *)`, `[Read, Grep]`, or names with spaces between; what stands in parentheses belongs to its name. */
function splitTools(value: string): readonly string[] {
  return value.replaceAll(/^\[|\]$/gu, "").match(/[^\s,()]+(?:\([^)]*\))?/gu) ?? [];
}
