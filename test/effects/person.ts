import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeUpHome, type Canary, type MadeUp } from "../../src/extensions/detonate/canaries.ts";
import { watchFolders, writeFiles, type Watched } from "../../src/main/detonation/made-home.ts";
import { INSIDE_USER } from "../../src/sandbox/layout.ts";

/** The person's home has the place that a sandbox's own home has, so that what means the one would find the other. */
export const HOME = INSIDE_USER.home;
/** Folders of the machine that its person may write, beside what an extension or an agent was given. */
const WATCHED = [HOME, "/tmp", "/var"];

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

/** What payloads of the corpus look for beyond what detonation makes up. */
const MORE: readonly (readonly [path: string, what: string, make: (marker: string) => string])[] = [
  [".ssh/id_rsa", "SSH key", (marker) => `-----BEGIN RSA PRIVATE KEY-----\n${marker}\n-----END RSA PRIVATE KEY-----\n`],
  [".clawdbot/.env", "keys of an agent", (marker) => `ANTHROPIC_API_KEY=sk-ant-${marker}\n`],
  [".openclaw/.env", "keys of an agent", (marker) => `OPENAI_API_KEY=sk-${marker}\n`],
  [".cursor/mcp.json", "settings of an agent", (marker) => json({ mcpServers: {}, token: marker })],
  [".claude.json", "settings of an agent", (marker) => json({ oauthAccount: marker })],
  ["Library/Keychains/login.keychain-db", "keychain", (marker) => `keychain ${marker}\n`],
  ["Library/Application Support/Exodus/exodus.wallet/seed.seco", "wallet", (marker) => `seed ${marker}\n`],
  [".config/google-chrome/Default/Cookies", "browser logins", (marker) => `SQLite format 3 session ${marker}\n`],
];
const ORDINARY: { readonly [path: string]: string } = {
  ".zshrc": "# ~/.zshrc\n",
  ".openclaw/exec-approvals.json": json({ defaults: { security: "allowlist", ask: "always" } }),
  ".openclaw/workspace/HEARTBEAT.md": "- Look whether there is mail.\n",
  "Library/LaunchAgents/readme.txt": "Programs that start with the session.\n",
};

/** Somebody with a home, by whom no two markers are the same. */
export interface Person {
  readonly canaries: readonly Canary[];
  readonly environment: { readonly [name: string]: string };
  /** Makes the home, and the folders for everybody, as they were, and looks at them from then on. */
  settle(): Watched;
}

/** @param letters gives so many letters and digits by chance. */
export function makePerson(letters: (count: number) => string): Person {
  const made = makeUpHome(letters);
  const canaries: Canary[] = [...made.canaries];
  const files: { [path: string]: string } = { ...made.files, ...ORDINARY };
  for (const [file, what, make] of MORE) {
    const marker = letters(24);
    canaries.push({ what, marker, at: { file } });
    files[file] = make(marker);
  }
  const whole: MadeUp = { ...made, canaries, files };
  return {
    canaries,
    environment: made.environment,
    settle() {
      for (const folder of WATCHED) empty(folder);
      mkdirSync("/var/spool/cron", { recursive: true });
      writeFiles(HOME, files);
      return watchFolders(Object.fromEntries(WATCHED.map((folder) => [folder, folder])), HOME, whole);
    },
  };
}

function empty(folder: string): void {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true });
}
