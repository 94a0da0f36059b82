import { isArray, isObject, parseJson, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { EXTENSION_PLACE } from "../../kernel/grant.ts";
import type { Place } from "../scan/finding.ts";
import { asObject } from "../declare/json-parts.ts";

/** One thing of an extension that something would run. */
export interface Step {
  /** `install`: by itself when it is installed; `hook`: at an event of the agent; `block`: by an agent that reads it. */
  readonly kind: "install" | "server" | "hook" | "block" | "script";
  readonly title: string;
  readonly command: readonly string[];
  readonly cwd: string;
  /** What it reads at standard input; of a server the client's words come after. */
  readonly input: string;
  readonly environment: { readonly [name: string]: string };
  readonly place: Place;
}

export interface StepPlan {
  readonly steps: readonly Step[];
  /** What is there and is not run, since it is more than `STEPS_MOST`. */
  readonly left: number;
}

/** Most steps of one extension, its servers not counted, and most servers that its configuration names. */
export const STEPS_MOST = 48;
const SERVERS_MOST = 8;
const LIFECYCLE = ["preinstall", "install", "postinstall"] as const;
const WORKSPACE = "/workspace";
/** npm finds the programs of a package's dependencies first. */
const INSTALL_PATH = `${EXTENSION_PLACE}/node_modules/.bin:/aios/bin:/usr/local/bin:/usr/bin:/bin`;
const JSON_BOUNDS = { maxLength: 1_048_576, maxDepth: 32, maxValues: 100_000 };
const FENCE = /^[ \t]*(`{3,}|~{3,})[ \t]*([\w-]*)[^\n]*\n([\s\S]*?)^[ \t]*\1[ \t]*$/gmu;
const SHELLS: ReadonlySet<string> = new Set(["", "sh", "bash", "shell", "zsh", "console", "terminal", "shell-session"]);
const PYTHON: ReadonlySet<string> = new Set(["python", "py", "python3"]);
const SCRIPTS: ReadonlySet<string> = new Set(["js", "javascript", "node", "mjs"]);

/** Texts of a tree by path. */
export type Texts = ReadonlyMap<string, string>;

interface Start {
  readonly entry: string | null;
  readonly given: readonly string[];
  readonly command?: readonly string[];
}

/**
 * What would be run of an extension, in the order in which it would be: what an installation runs, its servers, its hooks,
 * what its texts have an agent run, and scripts that nothing names. `entry`: the program of its server that Node runs; `given`: what its person writes after it.
 * `command`: how a grant starts its server, in place of what it says itself.
 */
export function planSteps(texts: Texts, how: Start): StepPlan {
  const others = [...hookSteps(texts), ...readSteps(texts)];
  const server = serverStep(texts, how);
  const servers = configuredSteps(texts);
  return {
    steps: [
      ...installSteps(texts),
      ...(server === null ? [] : [server]),
      ...servers.slice(0, SERVERS_MOST),
      ...others.slice(0, STEPS_MOST),
    ],
    left: Math.max(0, others.length - STEPS_MOST) + Math.max(0, servers.length - SERVERS_MOST),
  };
}

function step(kind: Step["kind"], title: string, rest: Pick<Step, "command" | "place"> & Partial<Step>): Step {
  return { kind, title, cwd: EXTENSION_PLACE, input: "", environment: {}, ...rest };
}

const shell = (text: string): readonly string[] => ["sh", "-c", text];

function installSteps(texts: Texts): readonly Step[] {
  const text = texts.get("package.json") ?? "";
  const scripts = asObject(readJson(text)?.["scripts"]);
  return LIFECYCLE.flatMap((name) => {
    const command = scripts?.[name];
    if (typeof command !== "string") return [];
    const place = { path: "package.json", line: lineOf(text, `"${name}"`) };
    const environment = {
      PATH: INSTALL_PATH,
      npm_lifecycle_event: name,
      npm_package_json: `${EXTENSION_PLACE}/package.json`,
    };
    return [step("install", `script ${name}`, { command: shell(command), place, environment })];
  });
}

/** Its server, as its manifest starts it. */
function serverStep(texts: Texts, { entry, given: more, command: signed }: Start): Step | null {
  const server = asObject(readJson(texts.get("manifest.json") ?? "")?.["server"]);
  const config = asObject(server?.["mcp_config"]);
  const command = config?.["command"];
  if (typeof command === "string") {
    const words = signed ?? [placed(command), ...wordsOf(config?.["args"]).map(placed), ...more];
    const given = Object.entries(asObject(config?.["env"]) ?? {}).flatMap(([name, value]) =>
      typeof value === "string" ? [[name, placed(value)] as const] : [],
    );
    const place = { path: "manifest.json", line: lineOf(texts.get("manifest.json") ?? "", '"mcp_config"') };
    return step("server", "server", { command: words, cwd: WORKSPACE, environment: Object.fromEntries(given), place });
  }
  const words = signed ?? (entry === null ? null : ["node", `${EXTENSION_PLACE}/${entry}`, ...more]);
  if (words === null) return null;
  return step("server", "server", { command: words, cwd: WORKSPACE, place: { path: entry ?? ".", line: 1 } });
}

/** Local programs that a client starts as servers, since a configuration beside them says so. */
function configuredSteps(texts: Texts): readonly Step[] {
  const text = texts.get(".mcp.json") ?? "";
  return Object.entries(asObject(readJson(text)?.["mcpServers"]) ?? {}).flatMap(([name, configured]) => {
    const parts = asObject(configured);
    const command = parts?.["command"];
    if (typeof command !== "string") return [];
    const place = { path: ".mcp.json", line: lineOf(text, JSON.stringify(name)) };
    // What is named alone is the variable of the person, who has a made-up one.
    const given = Object.entries(asObject(parts?.["env"]) ?? {}).flatMap(([key, value]) =>
      typeof value === "string" && !/^\$\{\w+\}$/u.test(value) ? [[key, placed(value)] as const] : [],
    );
    return [
      step("server", `server ${name.slice(0, 60)}`, {
        command: [command, ...wordsOf(parts?.["args"])].map(placed),
        environment: { CLAUDE_PLUGIN_ROOT: EXTENSION_PLACE, ...Object.fromEntries(given) },
        place,
      }),
    ];
  });
}

/** What a bundle's person would have filled in: a folder, and made-up settings. */
function placed(word: string): string {
  return word
    .replaceAll(/\$\{(?:__dirname|CLAUDE_PLUGIN_ROOT)\}/gu, EXTENSION_PLACE)
    .replaceAll(/\$\{(?:user_config\.[^}]*(?:dir|folder|path)[^}]*|HOME|DOCUMENTS|DESKTOP)\}/giu, WORKSPACE)
    .replaceAll(/\$\{user_config\.[^}]*\}/gu, "configured-by-a-person");
}

/** Hooks of a plugin: each command with an event as it would come. */
function hookSteps(texts: Texts): readonly Step[] {
  return [...texts].flatMap(([path, text]) => {
    if (!/(?:^|\/)(?:hooks|plugin|settings)\.json$/u.test(path)) return [];
    const hooks = readJson(text)?.["hooks"];
    return hooks === undefined
      ? []
      : commandsIn(hooks).map((command) =>
          step("hook", `hook ${command.slice(0, 60)}`, {
            command: shell(command),
            cwd: WORKSPACE,
            input: `${JSON.stringify(EVENT)}\n`,
            environment: { CLAUDE_PLUGIN_ROOT: EXTENSION_PLACE, CLAUDE_PROJECT_DIR: WORKSPACE },
            place: { path, line: lineOf(text, JSON.stringify(command)) },
          }),
        );
  });
}

const EVENT = {
  session_id: "4f9c",
  transcript_path: "/workspace/notes.txt",
  cwd: WORKSPACE,
  hook_event_name: "PostToolUse",
  tool_name: "Write",
  tool_input: { file_path: "/workspace/notes.txt", content: "words of a person" },
};

/** What an agent would run that does as the texts of a skill or plugin say, and scripts that lie beside them. */
function readSteps(texts: Texts): readonly Step[] {
  const read = [...texts.keys()].some((path) => /(?:^|\/)SKILL\.md$|^\.claude-plugin\//u.test(path));
  if (!read) return [];
  const blocks = [...texts].flatMap(([path, text]) => (/\.(?:md|mdc)$/iu.test(path) ? blocksOf(path, text) : []));
  const said = blocks.map(({ command }) => command.join(" ")).join("\n");
  const scripts = [...texts].flatMap(([path, text]) => {
    const program = programFor(path, text);
    const isNamed = said.includes(path.slice(path.lastIndexOf("/") + 1));
    return program === null || isNamed
      ? []
      : [step("script", `script ${path}`, { command: [program, path], place: { path, line: 1 } })];
  });
  return [...blocks, ...scripts];
}

function blocksOf(path: string, text: string): readonly Step[] {
  return [...text.matchAll(FENCE)].flatMap(({ index, 2: language = "", 3: body = "" }) => {
    const command = commandOf(language.toLowerCase(), body);
    const line = text.slice(0, index).split("\n").length;
    return command === null || body.trim() === ""
      ? []
      : [step("block", `what line ${line} of ${path} has an agent run`, { command, place: { path, line } })];
  });
}

function commandOf(language: string, body: string): readonly string[] | null {
  if (PYTHON.has(language)) return ["python3", "-c", body];
  if (SCRIPTS.has(language)) return ["node", "-e", body];
  // A prompt before a command is no part of it.
  return SHELLS.has(language) ? shell(body.replace(/^[ \t]*[$%][ \t]+/gmu, "")) : null;
}

function programFor(path: string, text: string): string | null {
  if (/\.(?:sh|bash|command)$/iu.test(path) || /^#!.*\b(?:ba|da|z)?sh\b/u.test(text)) return "sh";
  if (/\.py$/iu.test(path) || /^#!.*\bpython/u.test(text)) return "python3";
  return /\.[cm]?js$/iu.test(path) || /^#!.*\bnode\b/u.test(text) ? "node" : null;
}

function commandsIn(value: JsonValue): readonly string[] {
  if (isArray(value)) return value.flatMap(commandsIn);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    key === "command" && typeof each === "string" ? [each] : commandsIn(each),
  );
}

function wordsOf(value: JsonValue | undefined): readonly string[] {
  return value !== undefined && isArray(value) ? value.filter((word) => typeof word === "string") : [];
}

function readJson(text: string): JsonObject | null {
  const parsed = parseJson(text, JSON_BOUNDS);
  return parsed.kind === "ok" && isObject(parsed.value) ? parsed.value : null;
}

function lineOf(text: string, word: string): number {
  return text.slice(0, Math.max(0, text.indexOf(word))).split("\n").length;
}
