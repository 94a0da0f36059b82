import { CLIENTS, type ClientKind } from "./clients.ts";
import { CONFIGURATION_BYTES, lineOf, readConfiguration, tableAt, valueAt } from "./configuration.ts";
import { severityOf, SEVERITIES, type Finding } from "./finding.ts";
import { judgeListeners } from "./gateways.ts";
import { readActivity, type Activity } from "./history.ts";
import { findKeys, findSockets, judgeKeys, type KeyPlace } from "./keys.ts";
import type { Look } from "../../platform/look.ts";
import { fullPath, shortPath } from "./paths.ts";
import { scoreOf, type Score } from "./score.ts";
import { judgeNames, judgeServer } from "./server-findings.ts";
import { readServers, type Server } from "./server.ts";
import { judgeSettings, ownSandbox, type Configuration, type OwnSandbox } from "./settings.ts";
import { findSkills, type Skill } from "./skills.ts";

/** One client as it was found. */
export interface ClientFound {
  readonly id: string;
  readonly name: string;
  /** Configurations that were read. */
  readonly files: readonly string[];
  readonly servers: readonly Server[];
  readonly skills: readonly Skill[];
  /** What its own program keeps it to. */
  readonly ownSandbox: OwnSandbox;
  readonly activity: Activity | null;
  /** The command that runs it with nothing but what was granted, or null. */
  readonly sealed: string | null;
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
  /** The most severe first. */
  readonly findings: readonly Finding[];
  readonly score: Score;
}

/** Folders of projects that are looked at besides the one where the person stands. */
const MOST_FOLDERS = 40;

/** Looks at a machine. Writes, starts and connects to nothing (`Look` has no way to). `progress` is told what comes next. */
export async function scanMachine(look: Look, progress: (what: string) => void): Promise<ScanReport> {
  const findings: Finding[] = [];
  const clients: ClientFound[] = [];
  const folders = await projectFolders(look);
  const keyFiles: string[] = [];
  for (const kind of CLIENTS) {
    progress(kind.name);
    const found = await scanClient(look, kind, folders);
    if (found === null) continue;
    clients.push(found.client);
    findings.push(...found.findings);
    keyFiles.push(...kind.keys);
  }
  progress("keys");
  const keys = await findKeys(look, { folders, keys: keyFiles });
  progress("gateways");
  findings.push(...judgeListeners(await look.listeners()));
  // Without an agent on the machine nobody but its person reaches the keys.
  if (clients.length > 0) findings.push(...judgeKeys(keys, look));
  const sorted = findings.toSorted((one, two) => rank(one) - rank(two));
  return {
    v: 1,
    at: look.now,
    clients,
    keys,
    sockets: await findSockets(look),
    findings: sorted,
    score: scoreOf(sorted),
  };
}

function rank(finding: Finding): number {
  return SEVERITIES.indexOf(severityOf(finding));
}

/** The folder where the person stands, and those that Claude Code remembers. */
async function projectFolders(look: Look): Promise<readonly string[]> {
  const text = await look.read(`${look.home}/.claude.json`, CONFIGURATION_BYTES);
  const table = text === null ? null : readConfiguration(text, "json");
  const known = Object.keys(tableAt(table ?? {}, ["projects"])).filter((path) => path.startsWith("/"));
  return [...new Set([look.folder, ...known.slice(0, MOST_FOLDERS)])].filter((path) => path !== look.home);
}

interface Scanned {
  readonly client: ClientFound;
  readonly findings: readonly Finding[];
}

async function scanClient(look: Look, kind: ClientKind, folders: readonly string[]): Promise<Scanned | null> {
  const findings: Finding[] = [];
  const read: { readonly file: ClientKind["files"][number]; readonly configuration: Configuration }[] = [];
  for (const file of kind.files) {
    for (const path of placesOf(look, file.path, folders)) {
      const text = await look.read(path, CONFIGURATION_BYTES);
      if (text === null) continue;
      const table = readConfiguration(text, file.format);
      const shown = shortPath(look, path);
      if (table === null) findings.push(unreadable(kind.id, shown));
      else
        read.push({
          file,
          configuration: {
            client: kind.id,
            path: shown,
            from: file.path.startsWith("./") ? "folder" : "person",
            text,
            table,
          },
        });
    }
  }
  const signs = await Promise.all(kind.signs.map((path) => look.inspect(fullPath(look, path))));
  if (read.length === 0 && findings.length === 0 && signs.every((sign) => sign === null)) return null;

  const servers = read.flatMap(({ file, configuration }) => serversOf(configuration, file.servers));
  const skills: Skill[] = [];
  for (const folder of kind.skills.flatMap((path) => placesOf(look, path, folders))) {
    const found = await findSkills(look, { client: kind.id, folder });
    skills.push(...found.skills);
    findings.push(...found.findings);
  }
  for (const { configuration } of read) findings.push(...judgeSettings(configuration));
  for (const server of servers.filter(({ enabled }) => enabled)) findings.push(...(await judgeServer(server, look)));
  findings.push(...judgeNames(servers.filter(({ enabled }) => enabled)));
  const sandbox = ownSandbox(
    kind.id,
    read.map(({ configuration }) => configuration.table),
  );
  if (sandbox === "none") findings.push(unsealed(kind));
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
    },
    findings,
  };
}

function placesOf(look: Look, path: string, folders: readonly string[]): readonly string[] {
  return path.startsWith("./") ? folders.map((folder) => `${folder}/${path.slice(2)}`) : [fullPath(look, path)];
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

function unsealed({ id, name, sealed }: ClientKind): Finding {
  const way = sealed === null ? "" : `; ${sealed} gives it nothing but what you grant`;
  const message = `${name} and what it starts may do whatever you may do${way}`;
  return { rule: "unsealed", client: id, subject: name, message, place: null };
}

function unreadable(client: string, path: string): Finding {
  const message = `${path} is no configuration that could be read: what it names is not in this report`;
  return { rule: "unreadable", client, subject: path, message, place: { path, line: 1 } };
}
