import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { dirname, join } from "node:path";
import { EXTENSION_PLACE } from "../../src/kernel/grant.ts";
import type { Watched } from "../../src/main/detonation/made-home.ts";
import type { MarkerTools } from "../../src/extensions/detonate/markers.ts";
import { REPO } from "../e2e/substrate.ts";
import { effectsOf, type Seen } from "./effects.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Internet } from "./internet.ts";
import { leftBehind, listProcesses } from "./left-behind.ts";
import { STATE, WORKSPACE } from "./machine.ts";
import { HOME, type Person } from "./person.ts";
import type { Strays } from "./strays.ts";
import type { Sample } from "./samples.ts";
import { readUse, type Use } from "./use.ts";

/** What came of one extension. */
export interface Outcome {
  readonly effects: readonly string[];
  readonly use: Use;
}

/** What both runs are measured with. */
export interface Scene {
  readonly person: Person;
  readonly internet: Internet;
  readonly endpoint: Endpoint;
  readonly strays: Strays;
  readonly tools: MarkerTools;
}

/** What a program that was started and not waited for has to end by itself, milliseconds. */
const ENDING_MS = 1000;
export const AGENT = join(REPO, "test", "fakes", "corpus-agent.mjs");
const AUTHORITY = join(STATE, "authority.pem");

/** Installs an extension as its person would, and has an agent use it with all that its person has. */
export async function runBare(sample: Sample, scene: Scene): Promise<Outcome> {
  const { person, internet, endpoint } = scene;
  const folder = sample.isRead ? join(WORKSPACE, "skills", "sample") : EXTENSION_PLACE;
  for (const each of [EXTENSION_PLACE, WORKSPACE]) empty(each);
  writeInto(folder, sample.files);
  writeInto(WORKSPACE, WORKSPACE_FILES);
  writeFileSync(AUTHORITY, internet.authority);
  const watched = person.settle();
  const plan = join(STATE, "plan.json");
  writeFileSync(
    plan,
    JSON.stringify({
      place: sample.isRead ? folder : null,
      install: sample.install,
      words: sample.words,
      server:
        sample.offers === null
          ? sample.server && { command: sample.server, cwd: EXTENSION_PLACE }
          : { url: endpoint.offer(sample.name, sample.offers) },
    }),
  );
  for (const each of [internet, endpoint, scene.strays]) each.take();
  const before = listProcesses();
  const agent = spawn(process.execPath, [AGENT, plan], {
    cwd: WORKSPACE,
    stdio: ["ignore", "pipe", "inherit"],
    env: environmentOf(person),
  });
  const use = readUse(await text(agent.stdout));
  const left = await leftBehind(before, ENDING_MS);
  for (const pid of left.keys()) end(pid);
  const effects = look(scene, watched, { left: [...left.values()], heard: use.heard });
  watched.close();
  return { effects, use };
}

/** Effects since it was last looked. */
export function look(scene: Scene, watched: Watched, more: Pick<Seen, "left" | "heard">): readonly string[] {
  const { person, internet, endpoint, strays, tools } = scene;
  const [opened, changes] = [watched.opened(), watched.changes()];
  return effectsOf(
    { reached: internet.take(), strays: strays.take(), told: endpoint.take(), opened, changes, ...more },
    person.canaries,
    tools,
  );
}

/** What lies in the folder that an agent works in. */
export const WORKSPACE_FILES = {
  "notes.txt": "Notes of a meeting: ship on Friday.\n",
  "notes.md": "# Notes\n",
  ".env": "SHOP_KEY=of-this-folder\n",
};

function environmentOf(person: Person): NodeJS.ProcessEnv {
  return {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    HOME,
    TMPDIR: "/tmp",
    LANG: "C.UTF-8",
    NODE_EXTRA_CA_CERTS: AUTHORITY,
    SSL_CERT_FILE: AUTHORITY,
    ...person.environment,
  };
}

/** Writes files below a folder. */
export function writeInto(folder: string, files: { readonly [path: string]: string }): void {
  for (const [path, body] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), body);
  }
}

function empty(folder: string): void {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true });
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
