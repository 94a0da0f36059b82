import { FACE_ENTRIES } from "../adopt/faces.ts";
import { CLIENTS, type ClientKind } from "./clients.ts";
import type { Finding, RuleId } from "./finding.ts";

/** What a finding is about, as far as it says which command puts that under the substrate. */
const ABOUT: { readonly [rule in RuleId]: "servers" | "agent" | "keys" | "gateway" | "skill" | "nothing" } = {
  unsealed: "agent",
  "key-in-clear": "servers",
  "key-file": "keys",
  "key-in-environment": "keys",
  "asks-nobody": "agent",
  "shell-granted": "agent",
  "servers-trusted": "servers",
  "project-servers-trusted": "agent",
  hook: "agent",
  "project-hook": "agent",
  "code-unpinned": "servers",
  "shell-server": "servers",
  "fetch-and-run": "servers",
  "everything-shared": "servers",
  "engine-socket": "servers",
  "program-replaceable": "servers",
  "clear-connection": "servers",
  "distant-server": "servers",
  "name-twice": "servers",
  "gateway-open": "gateway",
  "gateway-local": "gateway",
  "gateway-unguarded": "gateway",
  "channel-open": "gateway",
  "hidden-text": "skill",
  "skill-fetches": "skill",
  "skill-decodes": "skill",
  "skill-secrets": "skill",
  "skill-hides": "skill",
  "skill-sends": "skill",
  "skill-persists": "skill",
  unreadable: "nothing",
};

/** Runs whatever it is in a folder, with nothing but what is granted. */
const ANY = "aios run --profile generic -- CMD";

/** The command that rewrites a client's own configuration, or null when there is none for it. */
export function adoptCommand(client: string): string | null {
  return FACE_ENTRIES.has(client) || client === "openclaw" ? `aios adopt ${client}` : null;
}

/** The command that puts what was found under the substrate, or null where none does. Paths in it are `~/…` or absolute. */
export function wayOut(finding: Finding): string | null {
  const kind = CLIENTS.find(({ id }) => id === finding.client) ?? null;
  const adopt = kind === null ? null : adoptCommand(kind.id);
  // A key of the settings themselves goes along with no server; of OpenClaw's all are moved.
  const isOfSettings = finding.rule === "key-in-clear" && finding.subject === finding.place?.path;
  switch (isOfSettings && kind?.id !== "openclaw" ? "agent" : ABOUT[finding.rule]) {
    case "servers":
      return kind === null ? ANY : (inFolder(kind, finding) ?? adopt);
    case "agent":
      return kind?.sealed ?? adopt ?? ANY;
    case "keys":
      return ANY;
    case "gateway":
      return adopt;
    case "skill":
      return finding.place === null ? null : `aios ext add ${word(skillFolder(finding.place.path))}`;
    case "nothing":
      return null;
  }
}

/** `aios adopt CLIENT --folder DIR` for what a folder's configuration says. */
function inFolder(kind: ClientKind, { place }: Finding): string | null {
  if (place === null || kind.files.some(({ path }) => path === place.path)) return null;
  const own = kind.files.find(({ path }) => path.startsWith("./") && place.path.endsWith(path.slice(1)));
  // Settings of a folder that name no servers: what they allow is answered by running the agent sealed.
  if (own === undefined || own.servers.length === 0) return kind.sealed;
  const folder = place.path.slice(0, place.path.length - own.path.length + 1);
  return own.path === "./.mcp.json"
    ? `aios adopt mcp-json --folder ${word(folder)}`
    : `aios adopt ${kind.id} --folder ${word(folder)}`;
}

/** The folder of the skill that a file lies in: the one below `skills` or `skill`. */
function skillFolder(path: string): string {
  return /^.*?\/skills?\/[^/]+/u.exec(path)?.[0] ?? path;
}

/** A path as a word of a command: a shell still finds the home in `~`. */
function word(path: string): string {
  const [, home = "", rest = path] = /^(~\/)(.*)$/su.exec(path) ?? [];
  return /^[\w@%+=:,./-]+$/u.test(rest) ? home + rest : `${home}'${rest.replaceAll("'", `'\\''`)}'`;
}
