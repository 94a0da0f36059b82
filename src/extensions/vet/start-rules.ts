import { isObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import type { Seen, VetRule } from "./finding.ts";

/** What the files of an extension are called, and where a word stands in its manifest. */
export interface StartParts {
  has(path: string): boolean;
  lineOf(word: string): number;
}

const SHELL = /^(?:(?:ba|z|da|k|c|tc|fi)?sh|busybox)$/u;
const WRAPPERS = /^(?:env|nohup|setsid|nice|time|xargs|sudo|doas)$/u;
/** Interpreters, each with the words behind which a program stands that no file holds. */
const INTERPRETERS: readonly (readonly [name: RegExp, inline: RegExp])[] = [
  [SHELL, /^-[a-z]{0,5}c[a-z]{0,3}$/u],
  [/^cmd(?:\.exe)?$/iu, /^\/[ck]$/iu],
  [/^(?:powershell(?:\.exe)?|pwsh)$/iu, /^-(?:c|command|e|ec|enc\w*)$/iu],
  [/^(?:node|nodejs|bun|deno|tsx)$/u, /^(?:-[ep]|-pe|--(?:eval|print)(?:=.*)?|eval)$/u],
  [/^python[\d.]*$/u, /^-[A-Zbdsuvx]{0,4}c$/u],
  [/^(?:perl|ruby|lua|osascript)$/u, /^-[a-z]{0,3}[eE]$/u],
  [/^php$/u, /^-r$/u],
];
/** A module that is its own address holds a program too. */
const DATA = /^(?:--(?:import|require|loader|experimental-loader)=)?data:/u;
/** Folders of the system's own programs. */
const SYSTEM = /^(?:\/usr(?:\/local)?)?\/s?bin\/(?=[^/]+$)/u;
/** Variables by which a program is made to load another before its own. */
const LOADS =
  /^(?:LD_PRELOAD|LD_AUDIT|DYLD_INSERT_LIBRARIES|BASH_ENV|ENV|PYTHONSTARTUP|PERL5OPT|RUBYOPT|NODE_OPTIONS)$/u;
const LOADING_OPTIONS = /(?:^|\s)(?:-r|--require|--import|--loader|--experimental-loader|--eval|-e)(?:[=\s]|$)/u;
const ENDINGS = ["", ".js", ".cjs", ".mjs", ".json", ".node", "/index.js", "/index.cjs", "/index.mjs", "/package.json"];
const MOST_WORDS = 256;

/** Files that a package names as its programs (`bin`, `main`): each lies in it, or it is said that it does not. */
export function judgePackageStart({ bin, main }: JsonObject, parts: StartParts): readonly Seen[] {
  const named = [
    ...(typeof bin === "string" ? [bin] : bin !== undefined && isObject(bin) ? Object.values(bin) : []),
    ...(main === undefined ? [] : [main]),
  ];
  return named.flatMap((name) => (typeof name === "string" ? judgeFile(name, parts) : []));
}

/** How the manifest of a bundle has its server started: the file that it names, and the command on each system. */
export function judgeBundleStart({ server }: JsonObject, parts: StartParts): readonly Seen[] {
  if (server === undefined || !isObject(server)) return [];
  const entry = server["entry_point"];
  const config = server["mcp_config"];
  const seen = typeof entry === "string" ? judgeFile(entry, parts) : [];
  if (config === undefined || !isObject(config)) return seen;
  const others = config["platform_overrides"];
  const overrides = others !== undefined && isObject(others) ? Object.values(others).filter(isObject) : [];
  return [
    ...seen,
    ...[config, ...overrides.map((each) => ({ ...config, ...each }))].flatMap((each) => judgeCommand(each, parts)),
  ];
}

/** Servers that a client starts, since a configuration beside them says so (`.mcp.json`). */
export function judgeServersStart({ mcpServers }: JsonObject, parts: StartParts): readonly Seen[] {
  if (mcpServers === undefined || !isObject(mcpServers)) return [];
  return Object.values(mcpServers).flatMap((each) => (isObject(each) ? judgeCommand(each, parts) : []));
}

function judgeCommand({ command, args, env }: JsonObject, parts: StartParts): readonly Seen[] {
  if (typeof command !== "string") return [];
  const words = [command, ...(Array.isArray(args) ? args : [])].filter(isText).slice(0, MOST_WORDS);
  const line = parts.lineOf(command);
  return [
    ...judgeWords(words, { ...parts, line }),
    ...words.flatMap((word, at) => {
      const seen = IN_TREE.test(word) ? judgeFile(word, parts) : [];
      // What is no program may be a folder, or be made by the server.
      return seen.filter(({ rule }) => rule === "start-outside" || at === 0 || PROGRAM.test(word));
    }),
    ...(env !== undefined && isObject(env) ? judgeVariables(env, parts) : []),
  ];
}

const PROGRAM = /\.(?:[cm]?[jt]s|py|sh|rb|pl|php)$/u;
const IN_TREE = /^\$\{(?:__dirname|CLAUDE_PLUGIN_ROOT)\}(?:[/\\]|$)/u;

function judgeWords(words: readonly string[], parts: StartParts & { readonly line: number }): readonly Seen[] {
  const { line } = parts;
  const [command = "", ...rest] = words;
  const name = command.replace(SYSTEM, "");
  const see = (rule: VetRule, why: string): Seen => ({ rule, line, why });
  if (WRAPPERS.test(name)) {
    // `env -S "sh -c …"` splits its word itself.
    const behind = rest.flatMap((word) => word.split(/\s+/u));
    const first = behind.findIndex((word) => !/^-|^\w+=|^$/u.test(word));
    const inner = first < 0 ? [] : behind.slice(first);
    const through = see("start-wrapped", `is started through ${name}, which starts what stands behind it`);
    return inner.length === 0 ? [through] : [through, ...judgeWords(inner, parts)];
  }
  const [, inline] = INTERPRETERS.find(([form]) => form.test(name)) ?? [];
  if (inline === undefined) return /[/\\]/u.test(command) && !IN_TREE.test(command) ? judgeFile(command, parts) : [];
  // What stands behind a file of it is for that file.
  const file = rest.findIndex((word) => IN_TREE.test(word) || isFile(word, parts));
  const found = rest.slice(0, file < 0 ? rest.length : file).find((word) => inline.test(word) || DATA.test(word));
  if (found !== undefined)
    return [see("start-inline", `is started as ${name} ${found.slice(0, 20)} with a program that its manifest holds`)];
  return SHELL.test(name) ? [see("start-wrapped", `is started through ${name}, which starts what a script says`)] : [];
}

function judgeVariables(env: JsonObject, { lineOf }: StartParts): readonly Seen[] {
  return Object.entries(env).flatMap(([name, value]) => {
    if (!LOADS.test(name) || typeof value !== "string") return [];
    const loads = name !== "NODE_OPTIONS" || LOADING_OPTIONS.test(value);
    const why = `sets ${name}, by which other code is loaded first`;
    return loads ? [{ rule: "start-wrapped" as const, line: lineOf(name), why }] : [];
  });
}

/** A path as a manifest names it: `./x`, `x`, or below `${__dirname}`. */
function judgeFile(named: string, { has, lineOf }: StartParts): readonly Seen[] {
  const line = lineOf(named);
  const shown = named.slice(0, 80);
  const path = placeOf(named.replace(IN_TREE, ""));
  if (path === null)
    return [{ rule: "start-outside", line, why: `names the program ${shown}, which lies outside of it` }];
  return isFile(path, { has })
    ? []
    : [{ rule: "start-missing", line, why: `names the program ${shown}, which is not in it` }];
}

function isFile(named: string, { has }: Pick<StartParts, "has">): boolean {
  const path = placeOf(named);
  return path !== null && ENDINGS.some((ending) => has(path === "" ? ending.replace("/", "") : `${path}${ending}`));
}

/** The path below the extension's folder; null when it leads out of it. */
function placeOf(named: string): string | null {
  if (/^(?:[/\\~]|[A-Za-z]:|file:)/u.test(named)) return null;
  const path: string[] = [];
  for (const part of named.split(/[/\\]/u)) {
    if (part === "..") {
      if (path.pop() === undefined) return null;
    } else if (part !== "" && part !== ".") path.push(part);
  }
  return path.join("/");
}

function isText(value: JsonValue): value is string {
  return typeof value === "string";
}
