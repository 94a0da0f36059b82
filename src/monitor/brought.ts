import { foldName, standingOf } from "../sandbox/control-names.ts";
import type { SandboxSpec } from "../sandbox/spec.ts";
import { type Brought, UNDO_LISTED } from "../protocol/undo-report.ts";
import type { MonitorPowers } from "./powers.ts";
import { WORKSPACE } from "./sandbox-plans.ts";
import type { InstanceState } from "./state.ts";

/** How the repository of a workspace was when a run began, and by which names its files are judged. */
export interface Beginning {
  /** Objects that its references named. */
  readonly tips: readonly string[];
  readonly open: readonly string[];
  readonly obeyed: readonly string[];
}

const beginnings = new WeakMap<InstanceState, Beginning>();
const NOTHING: Brought = { files: [], count: 0, whole: true };
const MEBIBYTE = 1024 * 1024;
/** What the output ends with, which is cut when it is long: a name of no file, as it is none below the folder. */
const WHOLE = "/whole";
/** How long git may read what an agent wrote, seconds. */
const SECONDS = 20;
const TIPS = "/tips";
/**
 * Neither grafts, replacements nor a commit graph, which an agent can write, say of a commit what it is not. The second
 * command is the index, which the next commit or checkout of paths takes up.
 */
const LOOK = `
g() { git --no-replace-objects -c safe.directory='*' -c core.commitGraph=false -c log.showRoot=true -c log.showSignature=false -C ${WORKSPACE} "$@"; }
set -e
test -d ${WORKSPACE}/.git || { printf '${WHOLE}'; exit 0; }
g log --all --stdin --ignore-missing -m -z --name-only --format= --no-renames --diff-filter=d --no-ext-diff --ignore-submodules=none <${TIPS}
printf '\\0'
g diff --cached -z --name-only --no-renames --diff-filter=d --no-ext-diff --ignore-submodules=none
printf '\\0${WHOLE}'
`;

/**
 * Remembers how a repository was before anything of an instance could write in it: what is said later, or of one that a restart
 * ended, is not that.
 */
export function rememberBeginning(state: InstanceState, beginning: Beginning): void {
  if (!beginnings.has(state) && state.life !== "ended") beginnings.set(state, beginning);
}

/**
 * Control files in the commits that a run left under any reference, and in the index: they are no files of the folder, so nothing
 * kept them out, and the owner's next checkout writes them. Read by git in a sandbox of its own, which sees the folder
 * read-only and nothing else. Never rejects: what could not be looked at makes it not `whole`.
 */
export async function lookAtBrought(
  state: InstanceState,
  workspace: string,
  powers: Pick<MonitorPowers, "readOutput">,
): Promise<Brought> {
  const beginning = beginnings.get(state);
  // The monitor was started again since: nobody knows which commits are new.
  if (beginning === undefined) return { ...NOTHING, whole: false };
  const said = await powers.readOutput(planLook(workspace, beginning.tips)).catch(() => null);
  if (said === null) return { ...NOTHING, whole: false };
  const opened = new Set(beginning.open.map(foldName));
  const paths = new Set(said.split("\0").map((path) => path.replace(/^\n+/u, "")));
  const files = [...paths].flatMap((path) => {
    if (path === "" || path === WHOLE) return [];
    const standing = standingOf(path, { entry: "other", opened, obeyed: beginning.obeyed });
    return standing.kind === "control" ? [{ path: `${workspace}/${path}`.slice(0, 8192), why: standing.why }] : [];
  });
  return {
    files: files.slice(0, UNDO_LISTED),
    count: files.length,
    whole: said.endsWith(WHOLE),
  };
}

function planLook(workspace: string, tips: readonly string[]): SandboxSpec {
  return {
    role: "driver",
    command: ["timeout", String(SECONDS), "sh", "-c", LOOK],
    cwd: "/tmp",
    environment: {
      PATH: "/usr/bin:/bin",
      LC_ALL: "C.UTF-8",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_GRAFT_FILE: "/dev/null",
      GIT_OPTIONAL_LOCKS: "0",
      GIT_ALLOW_PROTOCOL: "none",
    },
    mounts: [
      { kind: "read", host: workspace, inside: WORKSPACE },
      { kind: "text", inside: TIPS, text: tips.map((tip) => `^${tip}\n`).join("") },
    ],
    channels: 0,
    published: false,
    programs: "any",
    terminal: false,
    network: "none",
    limits: { processes: 64, openFiles: 256, fileBytes: MEBIBYTE, memoryBytes: 2048 * MEBIBYTE },
  };
}
