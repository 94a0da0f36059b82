import { isThisMachine, readAddress } from "./address.ts";
import type { Finding, RuleId } from "./finding.ts";
import type { Look } from "../../platform/files/look.ts";
import { fullPath } from "./paths.ts";
import { HIDDEN } from "./secret-like.ts";
import type { Server } from "./server.ts";

/** Programs that fetch a package by name and run it. */
const RUNNERS: ReadonlyMap<string, RegExp> = new Map([
  ["npx", /.@(?:\d+\.\d+\.\d+[^\s]*|sha\d+[:-].+)$/u],
  ["bunx", /.@\d+\.\d+\.\d+[^\s]*$/u],
  ["pnpx", /.@\d+\.\d+\.\d+[^\s]*$/u],
  ["uvx", /(?:==|@)\d+\.\d+(?:\.\d+)?[^\s]*$/u],
  ["pipx", /==\d+\.\d+(?:\.\d+)?[^\s]*$/u],
  ["docker", /@sha256:[0-9a-f]{64}$/u],
  ["podman", /@sha256:[0-9a-f]{64}$/u],
]);
/** Two words that are one of the runners above. */
const TWO_WORDS: ReadonlyMap<string, string> = new Map([
  ["npm exec", "npx"],
  ["npm x", "npx"],
  ["pnpm dlx", "pnpx"],
  ["yarn dlx", "pnpx"],
  ["bun x", "bunx"],
  ["uv tool", "uvx"],
  ["pipx run", "pipx"],
]);
/** Flags of theirs whose next word is a value. */
const WITH_VALUE =
  /^(?:-p|--package|--registry|--from|--with|--python|-e|--env|--env-file|-v|--volume|--mount|--name|--network|-w|--workdir|-u|--user|--entrypoint|-p|--publish|--label|-l)$/u;
const SHELLS: ReadonlySet<string> = new Set([
  "sh",
  "bash",
  "zsh",
  "dash",
  "fish",
  "cmd",
  "cmd.exe",
  "powershell",
  "pwsh",
]);
const FETCH_AND_RUN =
  /(?:curl|wget|iwr|Invoke-WebRequest)\b[^|;&]*(?:\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b|\|\s*(?:python3?|node|perl)\b)/u;
const ENGINE = /(?:docker|podman|containerd)\.sock|--privileged|--pid[= ]host/u;

/** What speaks against one server. */
export async function judgeServer(server: Server, look: Look): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const find = (rule: RuleId, message: string): void => {
    findings.push({ rule, client: server.client, subject: server.name, message, place: server.place });
  };
  for (const name of new Set(server.secrets))
    find("key-in-clear", `${server.name} is given ${name} in clear text: whoever reads the file has it`);
  if (server.trusted) find("servers-trusted", `every tool of ${server.name} runs without a question`);
  if (server.command !== null) await judgeCommand(server.command, { name: server.name, look, find });
  if (server.url !== null) judgeAddress(server.url, server.name, find);
  return findings;
}

interface Judged {
  readonly name: string;
  readonly look: Look;
  readonly find: (rule: RuleId, message: string) => void;
}

async function judgeCommand(command: readonly string[], { name, look, find }: Judged): Promise<void> {
  const whole = command.join(" ");
  const program = command[0] ?? "";
  const base = program.slice(program.lastIndexOf("/") + 1);
  if (FETCH_AND_RUN.test(whole))
    find("fetch-and-run", `${name} fetches a script and runs it: its code is whatever comes`);
  else if (SHELLS.has(base) && command.some((word) => /^(?:-\w*c|\/c|-Command)$/iu.test(word)))
    find("shell-server", `${name} is a line for ${base}, in which anything can stand`);
  if (ENGINE.test(whole))
    find("engine-socket", `${name} is handed the container engine, and with it the whole machine`);
  const fetched = fetchedPackage(command);
  if (fetched !== null && !fetched.pinned)
    find("code-unpinned", `${name} runs the newest ${fetched.what}, whoever published it, with everything you may do`);
  if (sharesEverything(command, look))
    find("everything-shared", `${name} is given your whole home or the whole machine`);
  if (program.includes("/")) {
    const path = fullPath(look, program);
    if (/^(?:\/tmp|\/var\/tmp|\/dev\/shm)\//u.test(path))
      find("program-replaceable", `${name} runs ${program}, which lies where every user may write`);
  }
}

/** A package or an image that a command fetches by name and runs. */
export interface FetchedPackage {
  /** `npx`, `uvx`, `docker` and the like; other ways to say the same are named by these. */
  readonly runner: string;
  /** As the command names it, with its version if it names one. */
  readonly what: string;
  /** Whether it names exactly one version. */
  readonly pinned: boolean;
}

/** What a command fetches and runs, or null when it does not, or it cannot be told what. */
export function fetchedPackage(command: readonly string[]): FetchedPackage | null {
  const program = command[0] ?? "";
  const base = program.slice(program.lastIndexOf("/") + 1);
  const runner = TWO_WORDS.get(`${base} ${command[1] ?? ""}`) ?? base;
  const pinned = RUNNERS.get(runner);
  const what = pinned === undefined ? null : fetchedBy(runner, command.slice(runner === base ? 1 : 2));
  return what === null || pinned === undefined ? null : { runner, what, pinned: pinned.test(what) };
}

/** What a runner fetches: the package or the image. Null when that cannot be told. */
function fetchedBy(runner: string, words: readonly string[]): string | null {
  const container = runner === "docker" || runner === "podman";
  if (container && words[0] !== "run") return null;
  for (let at = container ? 1 : 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const named = /^--(?:package|from)=(.+)$/u.exec(word)?.[1];
    if (named !== undefined) return named;
    if (/^(?:-p|--package|--from)$/u.test(word) && !container) return words[at + 1] ?? null;
    if (WITH_VALUE.test(word)) at += 1;
    else if (!word.startsWith("-") && word !== HIDDEN && word !== "run" && word !== "exec") return word;
  }
  return null;
}

/** The filesystem servers take folders as arguments, containers take them as mounts. */
function sharesEverything(command: readonly string[], look: Look): boolean {
  const wide = new Set(["/", "~", "$HOME", "${HOME}", look.home, `${look.home}/`, "/home", "/root", "/Users", "/etc"]);
  const files = command.some((word) => /filesystem|file-system|\bfs\b/iu.test(word));
  const mounts = command.some((word, at) => {
    const value = /^(?:-v|--volume)$/u.test(command[at - 1] ?? "") ? word : /^(?:--volume=|-v=)(.+)$/u.exec(word)?.[1];
    const source = value?.split(":")[0] ?? /(?:^|,)(?:src|source)=([^,]+)/u.exec(word)?.[1];
    return source !== undefined && wide.has(source);
  });
  return mounts || (files && command.slice(1).some((word) => wide.has(word)));
}

function judgeAddress(address: string, name: string, find: Judged["find"]): void {
  const read = readAddress(address);
  if (read === null || isThisMachine(read.host)) return;
  if (read.scheme === "http" || read.scheme === "ws")
    find("clear-connection", `${name} is asked at ${read.authority} without TLS`);
  find("distant-server", `${name} is at ${read.authority}: what it answers is read by the agent as it comes`);
}

/** Names that mean another server in another place: a call may go to the wrong one. */
export function judgeNames(servers: readonly Server[]): readonly Finding[] {
  const first = new Map<string, Server>();
  const found = new Map<string, Finding>();
  for (const server of servers) {
    const before = first.get(server.name);
    if (before === undefined) first.set(server.name, server);
    else if (server.client === before.client && textOf(server) !== textOf(before) && !found.has(server.name)) {
      found.set(server.name, {
        rule: "name-twice",
        client: server.client,
        subject: server.name,
        message: `${server.name} is one server in ${before.place.path} and another in ${server.place.path}`,
        place: server.place,
      });
    }
  }
  return [...found.values()];
}

function textOf({ command, url }: Server): string {
  return JSON.stringify([command, url]);
}
