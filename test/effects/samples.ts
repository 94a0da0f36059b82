import { CORPUS } from "../vetting/corpus.ts";
import { fill } from "../vetting/marketplace.ts";
import { RUNNABLE_SERVERS } from "../vetting/runnable-servers.ts";
import type { ArchiveForm } from "../../src/protocol/extension-order.ts";
import { EXTENSION_PLACE } from "../../src/kernel/grant.ts";
import { makeTar, makeTgz, makeZip } from "../fakes/archives.ts";
import { HOME } from "./person.ts";
import { TRIGGER, vendoredFor } from "./vendored.ts";

type Made = (typeof CORPUS)[number];

/** An extension of the corpus as it is installed and used. */
export interface Sample {
  /** `malicious server install-script 1`: unique. */
  readonly name: string;
  readonly malicious: boolean;
  readonly kind: Made["kind"];
  readonly technique: string;
  readonly files: { readonly [path: string]: string };
  /** What an installation by npm runs, in its folder. */
  readonly install: readonly string[];
  /** How its server is started, by the words of a grant; null when it has none. */
  readonly server: readonly string[] | null;
  /** Names of tools that its server offers. */
  readonly tools: readonly string[];
  /** What a server elsewhere answers when it is asked for its tools; null when it is none. */
  readonly offers: readonly object[] | null;
  /** What a client shows of it before it runs: descriptions of tools in its manifest. */
  readonly words: readonly string[];
  /** Whether an agent reads it where its skills and plugins lie. */
  readonly isRead: boolean;
}

/** Where whoever made them is. */
const MAKER = "in.collect.example";
/** What a payload of the corpus wants to be there, by its technique: the same in both runs. */
const WANTED: { readonly [technique: string]: { readonly [path: string]: string } } = {
  "malicious skill persistence": { "agent.plist": "<plist><dict><key>Label</key></dict></plist>\n" },
  "malicious skill comment-orders": { "scripts/prepare.sh": "touch /tmp/canary\n" },
};

/** Servers that take what they can and do their work all the same, of each kind that has files. */
export function thieves(): readonly Sample[] {
  const kinds = { tgz: "server", zip: "bundle", tar: "command" } as const;
  return RUNNABLE_SERVERS.map(({ name, form, files, command }) => {
    const kind = kinds[form];
    const filled = { home: HOME, site: `http://${MAKER}/${name}`, shell: `${MAKER}/4444` };
    const own = Object.entries(files).map(([path, text]) => {
      const body = text.replaceAll("@ADDRESS@", `${MAKER}/80`).replaceAll("@PATH@", `/${name}`);
      return [path.replace(/^package\//u, ""), fill(body, filled)] as const;
    });
    const placed = Object.fromEntries(own);
    return {
      name,
      malicious: true,
      kind,
      technique: name,
      files: placed,
      install: kind === "server" ? lifecycleOf(placed["package.json"] ?? "{}") : [],
      server: inFolder({ command: command[0] ?? "", args: command.slice(1) }),
      tools: ["count"],
      offers: null,
      words: [],
      isRead: false,
    };
  });
}

/** The whole corpus; those of one kind and technique are numbered. */
export function allSamples(): readonly Sample[] {
  const seen = new Map<string, number>();
  return CORPUS.map((made) => {
    const name = `${made.malicious ? "malicious" : "benign"} ${made.kind} ${made.technique}`;
    const at = (seen.get(name) ?? 0) + 1;
    seen.set(name, at);
    return toSample(made, name, at);
  });
}

function toSample(made: Made, name: string, at: number): Sample {
  const own = { ...WANTED[name], ...made.files };
  const server = serverOf(made);
  const trigger = server?.includes("--import") === true ? { "trigger.mjs": triggerFor(own) } : {};
  const sources = Object.values(own).join("\n");
  const tools = [...sources.matchAll(/registerTool\("(\w+)"|TOOL = \{"name": "(\w+)"/gu)].map(
    ([, js, py]) => js ?? py ?? "",
  );
  return {
    name: `${name} ${at}`,
    malicious: made.malicious,
    kind: made.kind,
    technique: made.technique,
    files: { ...vendoredFor(own), ...trigger, ...own },
    install: made.kind === "server" ? lifecycleOf(own["package.json"] ?? "{}") : [],
    server,
    tools: [...new Set(made.kind === "endpoint" ? ["count_words", "look_up"] : tools)],
    offers: made.kind === "endpoint" ? toolsOf(own["tools.json"] ?? "{}") : null,
    words: made.kind === "bundle" ? describedIn(own["manifest.json"] ?? "{}") : [],
    isRead: made.kind === "skill" || made.kind === "plugin",
  };
}

/** What is exported and waits for whoever calls it is called. */
function triggerFor(files: { readonly [path: string]: string }): string {
  return files["lib/sync.ts"] === undefined
    ? TRIGGER
    : `${TRIGGER}const { sync } = await import("./lib/sync.ts");\nsync().catch(() => {});\n`;
}

function serverOf({ kind, files }: Made): readonly string[] | null {
  switch (kind) {
    case "server":
      return withTrigger(["node", `${EXTENSION_PLACE}/index.js`]);
    case "bundle": {
      const { server }: { server: { mcp_config: Configured } } = JSON.parse(files["manifest.json"] ?? "");
      return withTrigger(wordsOf(server.mcp_config));
    }
    case "command": {
      const { mcpServers }: { mcpServers: { [name: string]: Configured } } = JSON.parse(files[".mcp.json"] ?? "");
      const [configured = { command: "true" }] = Object.values(mcpServers);
      return inFolder(configured);
    }
    case "skill":
    case "plugin":
    case "endpoint":
      return null;
  }
}

interface Configured {
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: { readonly [name: string]: string };
}

function wordsOf({ command, args = [] }: Configured): readonly string[] {
  return [command, ...args].map((word) => word.replaceAll("${__dirname}", EXTENSION_PLACE));
}

function withTrigger([program = "", ...words]: readonly string[]): readonly string[] {
  return program === "node" ? [program, "--import", `${EXTENSION_PLACE}/trigger.mjs`, ...words] : [program, ...words];
}

/** A local program is started in its folder, with what its person set. */
function inFolder(configured: Configured): readonly string[] {
  const names = Object.keys(configured.env ?? {}).map((name) => `export ${name}=configured-by-a-person; `);
  return ["sh", "-c", `cd ${EXTENSION_PLACE} && ${names.join("")}exec "$@"`, "sh", ...wordsOf(configured)];
}

function lifecycleOf(text: string): readonly string[] {
  const { scripts = {} }: { scripts?: { [name: string]: string } } = JSON.parse(text);
  return ["preinstall", "install", "postinstall"].flatMap((name) => scripts[name] ?? []);
}

function describedIn(text: string): readonly string[] {
  const { tools = [] }: { tools?: readonly { readonly description?: string }[] } = JSON.parse(text);
  return tools.map(({ description = "" }) => description);
}

function toolsOf(text: string): readonly object[] {
  const { tools }: { tools: readonly object[] } = JSON.parse(text);
  return tools;
}

/** Its files as they are handed over, and in which form. */
export function archiveOf({ kind, files }: Sample): { readonly form: ArchiveForm; readonly bytes: Buffer } {
  const parts = Object.entries(files).map(([name, body]) => ({ name, body }));
  switch (kind) {
    case "server":
      return { form: "tgz", bytes: makeTgz(parts.map(({ name, body }) => ({ name: `package/${name}`, body }))) };
    case "bundle":
      return { form: "zip", bytes: makeZip(parts) };
    case "command":
    case "skill":
    case "plugin":
    case "endpoint":
      return { form: "tar", bytes: makeTar(parts) };
  }
}
