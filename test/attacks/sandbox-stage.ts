import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, mkdirSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readLauncherFiles } from "../../src/platform/sandbox/launcher-files.ts";
import { createSupervisor } from "../../src/platform/sandbox/supervisor-link.ts";
import type { Supervisor, WardNews } from "../../src/platform/sandbox/supervisor-link.ts";
import { startSandbox } from "../../src/platform/sandbox/sandbox-process.ts";
import type { StartedSandbox } from "../../src/platform/sandbox/sandbox-process.ts";
import type { LauncherFiles } from "../../src/sandbox/launch-plan.ts";
import type { Mount, SandboxSpec } from "../../src/sandbox/spec.ts";

/** An id without account or processes: there is no sandbox of root, so a test run by root becomes this user first. */
const ORDINARY_USER = 59_321;

const ROOT = join(import.meta.dirname, "../..");

/** What one attack reported, how its process ended, and what it wrote to standard error. */
export interface Report {
  /** null when it did not live to say so. */
  readonly done: boolean | null;
  readonly detail: unknown;
  readonly code: number | null;
  readonly errors: string;
}

export interface Stage {
  /** A folder of this test's own. It holds an empty folder `workspace`. */
  readonly folder: string;
  readonly node: string;
  /** Runs one attack in a sandbox; changes apply to a harmless specification. */
  inside(attack: readonly string[], changes?: Partial<SandboxSpec>, hear?: (news: WardNews) => void): Promise<Report>;
  /** The same three programs down. */
  deepInside(attack: readonly string[], hear: (news: WardNews) => void): Promise<Report>;
  /** Runs it as the same user without a sandbox. */
  outside(attack: readonly string[], environment?: { readonly [name: string]: string }): Report;
  /** Starts any command in the same sandbox. */
  start(
    command: readonly string[],
    changes?: Partial<SandboxSpec>,
    hear?: (news: WardNews) => void,
  ): Promise<StartedSandbox>;
  readonly launcher: LauncherFiles;
  /** Answers the calls of all sandboxes of this stage. */
  readonly supervisor: Supervisor;
  remove(): void;
}

/**
 * Copies what attacks need to a folder of an ordinary user, and for good turns this process into an ordinary user when
 * it is root. Each test file runs in a process of its own.
 */
export function setStage(): Stage {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "aios-attack-")));
  for (const name of ["koffi", "@koromix"]) {
    cpSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name), {
      recursive: true,
      dereference: true,
    });
  }
  writeFileSync(join(folder, "package.json"), '{"type":"module"}\n');
  copyFileSync(join(import.meta.dirname, "sandbox-attacker.ts"), join(folder, "attacker.ts"));
  const node = publicNode(folder);
  mkdirSync(join(folder, "workspace"));
  cpSync(join(ROOT, "src"), join(folder, "src"), { recursive: true });
  if (process.getuid?.() === 0) {
    spawnSync("chown", ["-R", `${ORDINARY_USER}:${ORDINARY_USER}`, folder]);
    process.setgroups?.([]);
    process.setgid?.(ORDINARY_USER);
    process.setuid?.(ORDINARY_USER);
  }
  const attacker = join(folder, "attacker.ts");
  const launcher = readLauncherFiles(folder, node);
  const supervisor = createSupervisor([
    node,
    "--disable-warning=ExperimentalWarning",
    join(folder, "src/main/supervisor.ts"),
  ]);
  const start: Stage["start"] = (command, changes = {}, hear = () => {}) =>
    startSandbox(
      { ...harmlessSpec({ folder, node }), command, ...changes },
      { streams: "capture", ...((changes.role ?? "agent") === "agent" && { agent: { launcher, supervisor, hear } }) },
    );
  const attackFrom = async (...[command, changes, hear]: Parameters<Stage["start"]>): Promise<Report> => {
    const started = await start(command, changes, hear);
    const { code } = await started.ended;
    return report(Buffer.from(started.output().bytes).toString(), { code, errors: started.errors() });
  };
  return {
    folder,
    node,
    start,
    launcher,
    supervisor,
    inside: (attack, changes, hear) => attackFrom([...ATTACKER, ...attack], changes, hear),
    deepInside: (attack, hear) =>
      attackFrom(["sh", "-c", `sh -c '"$@"; :' sh "$@"; :`, "sh", ...ATTACKER, ...attack], {}, hear),
    outside: (attack, environment = {}) => {
      const options = { encoding: "utf8", cwd: folder, env: { ...environment } } as const;
      const result = spawnSync(node, [attacker, ...attack], options);
      return report(result.stdout, { code: result.status, errors: result.stderr });
    },
    remove: () => {
      supervisor.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const ATTACKER = ["/aios/node", "--disable-warning=ExperimentalWarning", "/aios/attacker.ts"] as const;

/** What an attacker searches for, written so that passing it on does not put it where it is searched for. ASCII. */
export function backwards(text: string): string {
  return Buffer.from(Buffer.from(text).toReversed()).toString();
}

/** A specification with nothing in it but what an attacker needs to run. */
export function harmlessSpec(stage: { readonly folder: string; readonly node: string }): SandboxSpec {
  const read = (host: string, inside: string): Mount => ({ kind: "read", host, inside });
  return {
    role: "agent",
    command: [],
    cwd: "/home/agent",
    environment: { PATH: "/usr/bin:/bin", HOME: "/home/agent" },
    mounts: [
      read(stage.node, "/aios/node"),
      read(join(stage.folder, "attacker.ts"), "/aios/attacker.ts"),
      read(join(stage.folder, "package.json"), "/aios/package.json"),
      read(join(stage.folder, "node_modules"), "/aios/node_modules"),
    ],
    channels: 0,
    published: false,
    programs: "any",
    terminal: false,
    network: "none",
    limits: { processes: 128, openFiles: 512, fileBytes: 64 << 20, memoryBytes: 512 << 20 },
  };
}

function report(output: string, end: { readonly code: number | null; readonly errors: string }): Report {
  const line = output.trim().split("\n").at(-1) ?? "";
  if (line === "") return { done: null, detail: null, ...end };
  const { done, detail } = JSON.parse(line) as { done: boolean; detail: unknown }; // our own attacker wrote it
  return { done, detail, ...end };
}

/** Node where the ordinary user can run it: in place, or a copy when the checkout lies in someone's private folder. */
function publicNode(folder: string): string {
  const node = realpathSync(process.execPath);
  for (let path = node; path !== "/"; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) !== 0) continue;
    const copy = join(folder, "node");
    copyFileSync(node, copy);
    return copy;
  }
  return node;
}
