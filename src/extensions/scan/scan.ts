import { placesOf, readClientFiles } from "./client-files.ts";
import { CLIENTS, type ClientKind } from "./clients.ts";
import { CONFIGURATION_BYTES, lineOf, readConfiguration, tableAt, valueAt } from "./configuration.ts";
import { severityOf, SEVERITIES, unreadFinding, type Finding, type Unread } from "./finding.ts";
import { judgeListeners } from "./gateways.ts";
import { readActivity, type Activity } from "./history.ts";
import { findKeys, findSockets, judgeKeys, type KeyPlace } from "./keys.ts";
import type { Look } from "../../platform/files/look.ts";
import { fullPath, shortPath } from "./paths.ts";
import { scoreOf, type Score } from "./score.ts";
import { judgeNames, judgeServer } from "./server-findings.ts";
import { readServers, type Server } from "./server.ts";
import { judgeSettings, ownSandbox, type Configuration, type OwnSandbox } from "./settings.ts";
import { findSkills, type Skill } from "./skills.ts";
import { adoptCommand, wayOut } from "./way-out.ts";

/** One client as it was found. */
export interface ClientFound {
  readonly id: string;
  readonly name: string;
  /** Configurations that were read. */
  readonly files: readonly string[];
  readonly servers: readonly Server[];
  readonly skills: readonly Skill[];
  /** What its own program keeps it to; `unknown` where a configuration that could say so was not read. */
  readonly ownSandbox: OwnSandbox;
  readonly activity: Activity | null;
  /** The command that runs it with nothing but what was granted, or null. */
  readonly sealed: string | null;
  /** The command that puts its servers behind the face, or null. */
  readonly adopt: string | null;
}

/** What the agents of a machine can reach today. It holds names and places, never values. */
export interface ScanReport {
  readonly v: 1;
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  readonly clients: readonly ClientFound[];
  readonly keys: readonly KeyPlace[];
  /** Sockets that act with more than this person's rights, in words. */
  readonly sockets: readonly string[];
  /** What is there and was not read; each is among the findings too. */
  readonly unread: readonly Unread[];
  /** The most severe first, each with the command that puts it under the substrate; null where there is none. */
  readonly findings: readonly (Finding & { readonly command: string | null })[];
  readonly score: Score;
}

/** Folders of projects that are looked at besides the one where the person stands. */
const MOST_FOLDERS = 400;

/** Looks at a machine. Writes, starts and connects to nothing (`Look` has no way to). `progress` is told what comes next. */
export async function scanMachine(look: Look, progress: (what: string) => void): Promise<ScanReport> {
  const findings: Finding[] = [];
  const clients: ClientFound[] = [];
  const { folders, unread: closed } = await projectFolders(look);
  const unread: Unread[] = [...closed];
  const keyFiles: string[] = [];
  for (const kind of CLIENTS) {
    progress(kind.name);
    const found = await scanClient(look, kind, folders);
    if (found === null) continue;
    clients.push(found.client);
    findings.push(...found.findings);
    unread.push(...found.unread);
    keyFiles.push(...kind.keys);
  }
  progress("keys");
  const keys = await findKeys(look, { folders, keys: keyFiles });
  progress("gateways");
  findings.push(...judgeListeners(await look.listeners()));
  // Without an agent on the machine nobody but its person reaches the keys.
  if (clients.length > 0) findings.push(...judgeKeys(keys, look));
  findings.push(...unread.map(unreadFinding));
  const sorted = findings
    .toSorted((one, two) => rank(one) - rank(two))
    .map((finding) => ({ ...finding, command: wayOut(finding) }));
  return {
    v: 1,
    at: look.now,
    clients,
    keys,
    sockets: await findSockets(look),
    unread,
    findings: sorted,
    score: scoreOf(sorted),
  };
}

function rank(finding: Finding): number {
  return SEVERITIES.indexOf(severityOf(finding));
}

/** The folder where the person stands, and those that Claude Code remembers; one that is gone is none. */
async function projectFolders(
  look: Look,
): Promise<{ readonly folders: readonly string[]; readonly unread: readonly Unread[] }> {
  const text = await look.read(`${look.home}/.claude.json`, CONFIGURATION_BYTES);
  const table = text === null ? null : readConfiguration(text, "json");
  const known = Object.keys(tableAt(table ?? {}, ["projects"])).filter((path) => path.startsWith("/"));
  const unread: Unread[] = [];
  const miss = (path: string, why: string): void => void unread.push({ client: "claude-code", path, why });
  const folders = new Set([look.folder]);
  for (const path of known.slice(0, MOST_FOLDERS)) {
    const there = await look.inspect(path);
    if (there?.kind === "folder" && there.open) folders.add(path);
    else if (there !== null) miss(shortPath(look, path), "it is remembered as a project and you may not look into it");
  }
  if (known.length > MOST_FOLDERS)
    miss("~/.claude.json", `it remembers ${known.length} projects, of which ${MOST_FOLDERS} were looked at`);
  folders.delete(look.home);
  return { folders: [...folders], unread };
}

interface Scanned {
  readonly client: ClientFound;
  readonly findings: readonly Finding[];
  readonly unread: readonly Unread[];
}

async function scanClient(look: Look, kind: ClientKind, folders: readonly string[]): Promise<Scanned | null> {
  const { read, unread: unreadFiles } = await readClientFiles(look, kind, folders);
  const signs = await Promise.all(kind.signs.map((path) => look.inspect(fullPath(look, path))));
  if (read.length === 0 && unreadFiles.length === 0 && signs.every((sign) => sign === null)) return null;

  const findings: Finding[] = [];
  const unread: Unread[] = [...unreadFiles];
  const servers = read.flatMap(({ file, configuration }) => serversOf(configuration, file.servers));
  const skills: Skill[] = [];
  for (const folder of kind.skills.flatMap((path) => placesOf(look, path, folders))) {
    const found = await findSkills(look, { client: kind.id, folder });
    skills.push(...found.skills);
    findings.push(...found.findings);
    unread.push(...found.unread);
  }
  for (const { configuration } of read) findings.push(...judgeSettings(configuration));
  for (const server of servers.filter(({ enabled }) => enabled)) findings.push(...(await judgeServer(server, look)));
  findings.push(...judgeNames(servers.filter(({ enabled }) => enabled)));
  const tables = read.map(({ configuration }) => configuration.table);
  const sandbox = ownSandbox(kind.id, { tables, whole: unreadFiles.length === 0 });
  if (sandbox !== "workspace") findings.push(unsealed(kind, sandbox));
  return {
    client: {
      id: kind.id,
      name: kind.name,
      files: read.map(({ configuration }) => configuration.path),
      servers,
      skills,
      ownSandbox: sandbox,
      activity: kind.history === null ? null : await readActivity(look, kind.history),
      sealed: kind.sealed,
      adopt: adoptCommand(kind.id),
    },
    findings,
    unread,
  };
}

function serversOf(configuration: Configuration, places: readonly (readonly string[])[]): readonly Server[] {
  const { client, path, from, text, table } = configuration;
  const source = (below: readonly string[]): Parameters<typeof readServers>[1] => ({
    client,
    from,
    placeOf: (name) => ({ path, line: lineOf(text, [...below, name]) }),
  });
  const own = places.flatMap((place) => readServers(tableAt(table, place), source(place.slice(-1))));
  // Claude Code keeps those of each project beside its own.
  const projects = client === "claude-code" ? Object.keys(tableAt(table, ["projects"])) : [];
  return [
    ...own,
    ...projects.flatMap((project) => {
      const place = ["projects", project, "mcpServers"];
      return valueAt(table, place) === undefined ? [] : readServers(tableAt(table, place), source(place));
    }),
  ];
}

function unsealed({ id, name, sealed }: ClientKind, sandbox: OwnSandbox): Finding {
  const adopt = adoptCommand(id);
  const servers = adopt === null ? "" : `; ${adopt} puts its servers behind the face`;
  const way = sealed === null ? servers : `; ${sealed} gives it nothing but what you grant`;
  const message =
    sandbox === "unknown"
      ? `whether ${name} keeps its commands in a sandbox stands in what was not read: reckon with everything you may do${way}`
      : `${name} and what it starts may do whatever you may do${way}`;
  return { rule: "unsealed", client: id, subject: name, message, place: null };
}
