/** One value of a git configuration: `section.subsection.name`, all but the subsection in small letters. */
export interface GitSetting {
  readonly key: string;
  readonly value: string;
}

const SECTION = /\[\s*([A-Za-z0-9.-]+)(?:[ \t]+"((?:[^"\\\n]|\\.)*)")?\s*\]/y;
const NAME = /([A-Za-z][A-Za-z0-9-]*)[ \t]*(=[ \t]*)?/y;
const ESCAPES: { readonly [letter: string]: string } = { n: "\n", t: "\t", b: "\b" };

/**
 * The values in the text of a git configuration file (git-config(1), "Syntax"). What is no value is left out: git itself
 * obeys nothing of a file that it cannot read, so what is taken here may only ever close more.
 */
export function readGitConfig(text: string): readonly GitSetting[] {
  const source = text.replace(/^\u{feff}/u, "").replaceAll("\r\n", "\n");
  const settings: GitSetting[] = [];
  let section = "";
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  while (at < source.length) {
    const header = match(SECTION);
    if (header !== null) {
      const [, name = "", below] = header;
      section = `${name.toLowerCase()}.${below === undefined ? "" : `${below.replaceAll(/\\(.)/g, "$1")}.`}`;
      continue;
    }
    const named = match(NAME);
    if (named !== null) {
      const [, name = "", equals] = named;
      const read = equals === undefined ? { value: "", end: at } : readValue(source, at);
      settings.push({ key: section + name.toLowerCase(), value: read.value });
      at = read.end;
    } else if (/\s/.test(source[at] ?? "")) at += 1;
    else at = endOfLine(source, at);
  }
  return settings;
}

/** A value from where it begins to the end of its line, which a backslash carries on to the next one. */
function readValue(source: string, from: number): { readonly value: string; readonly end: number } {
  let [value, spaces, quoted] = ["", "", false];
  let at = from;
  for (; at < source.length && source[at] !== "\n"; at++) {
    const character = source[at] ?? "";
    if (!quoted && (character === "#" || character === ";")) return { value, end: endOfLine(source, at) };
    // Space counts inside of a value, and not behind it.
    if (!quoted && /\s/.test(character)) {
      spaces += character;
      continue;
    }
    [value, spaces] = [value + spaces, ""];
    if (character === '"') quoted = !quoted;
    else if (character === "\\") {
      at += 1;
      const escaped = source[at] ?? "";
      if (escaped !== "\n") value += ESCAPES[escaped] ?? escaped;
    } else value += character;
  }
  return { value, end: at };
}

function endOfLine(source: string, at: number): number {
  const end = source.indexOf("\n", at);
  return end < 0 ? source.length : end;
}

/** What a setting has git obey or run: a path, further settings, words of a command; null for all other settings. */
export type Obeyed =
  | { readonly kind: "hooks" | "settings"; readonly path: string }
  | { readonly kind: "command"; readonly paths: readonly string[] };

const SETTINGS = /^include(?:if\..*)?\.path$/su;
const COMMANDS =
  /^(?:alias\..*|browser\..*\.(?:cmd|path)|core\.(?:askpass|editor|fsmonitor|gitproxy|pager|sshcommand)|credential\.(?:.*\.)?helper|diff\.(?:external|.*\.(?:command|textconv))|(?:diff|merge)tool\..*\.(?:cmd|path)|filter\..*\.(?:clean|smudge|process)|gpg\.(?:.*\.)?(?:program|defaultkeycommand)|interactive\.difffilter|merge\..*\.driver|pager\..*|remote\..*\.(?:uploadpack|receivepack)|sequence\.editor|sendemail\..*|trailer\..*\.(?:cmd|command)|uploadpack\.packobjectshook)$/su;

/**
 * What git obeys by a setting. Of a command those words are paths that have a slash or a dot in them; the program itself, without
 * a slash, is one of the system's.
 */
export function obeyedBy({ key, value }: GitSetting): Obeyed | null {
  if (key === "core.hookspath") return { kind: "hooks", path: value };
  if (SETTINGS.test(key)) return { kind: "settings", path: value };
  // An alias without the mark is words for git itself.
  if (!COMMANDS.test(key) || (key.startsWith("alias.") && !value.startsWith("!"))) return null;
  const words = value.split(/[\s"'`;|&()<>$!=]+/u).filter((word) => word !== "");
  return { kind: "command", paths: words.filter(isPath) };
}

function isPath(word: string, place: number): boolean {
  return !word.startsWith("-") && (word.includes("/") || (place > 0 && word.includes(".")));
}
