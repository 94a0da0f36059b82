import { constants, type Dirent } from "node:fs";
import { access, readdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

export interface WorkspaceProblem {
  readonly message: string;
  readonly hint: string;
}

/** What a folder is for: an agent that has it in its sandbox or not, or an undo, which shows it to nobody. */
export type WorkspaceUse = "none" | "read" | "write" | "undo";

/**
 * Why this folder cannot be shown to an agent, or null when it can.
 * Refused: links anywhere in the path, `/` and system folders, a folder that contains or lies in the substrate's home
 * (its keys and log), to write in one that does so with its own programs (`programs`, folders and files that run outside of every
 * sandbox), one with a socket in it, one that cannot be looked through, and one that this process cannot reach in the mode
 * that was granted.
 */
export async function workspaceProblem(
  path: string,
  {
    mode,
    home,
    programs,
  }: { readonly mode: WorkspaceUse; readonly home: string; readonly programs: readonly string[] },
): Promise<WorkspaceProblem | null> {
  const problem = (message: string, hint: string): WorkspaceProblem => ({
    message: `Cannot use workspace ${path}: ${message}.`,
    hint,
  });
  let real: string;
  try {
    real = await realpath(path);
    if (!(await stat(real)).isDirectory()) return problem("it is not a folder", "Name a folder.");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "EACCES") return unreachable(problem, path);
    return problem("it does not exist", "Make it first.");
  }
  if (real !== path) return problem(`it is a link to ${real}`, `Name that folder itself: --workspace ${real}`);
  if (SYSTEM.has(real) || isWithin("/proc", real) || isWithin("/sys", real) || isWithin("/dev", real)) {
    return problem("it is a system folder", "Name a folder of a project.");
  }
  const realHome = await realpath(home);
  if (isWithin(real, realHome) || isWithin(realHome, real)) {
    return problem("the substrate's own home lies in it or around it", "Name a folder of a project.");
  }
  const own = mode === "write" ? await findOverlap(real, programs) : null;
  if (own !== null) {
    return problem(
      `the substrate's own program lies in it or around it (${own})`,
      "Whoever writes there writes what runs outside of every sandbox: work on a copy elsewhere.",
    );
  }
  const found = mode === "undo" ? null : await findSocket(real, { left: MOST_ENTRIES });
  if (found?.kind === "socket") {
    return problem(
      `${found.path} in it is a socket or a pipe, through which an agent could reach what listens there`,
      "Move it out of the folder.",
    );
  }
  if (found?.kind === "closed") {
    return problem(
      `${found.path} in it cannot be looked through, and an agent could open it`,
      `Let its owner read it, or move it out of the folder: chmod u+rx '${found.path}'`,
    );
  }
  if (found?.kind === "many") {
    return problem(
      `it holds more than ${MOST_ENTRIES.toLocaleString("en")} files, which is more than are looked through for sockets`,
      "Name a smaller folder of it.",
    );
  }
  try {
    await access(real, constants.R_OK | constants.X_OK | (mode === "write" || mode === "undo" ? constants.W_OK : 0));
  } catch {
    return unreachable(problem, path);
  }
  return null;
}

/**
 * Why this file or folder cannot be shown read-only to an agent as its program's code, or null. The same rule as for a
 * workspace: nothing of the substrate's home, no system folder, no link.
 */
export async function codeProblem(path: string, home: string): Promise<WorkspaceProblem | null> {
  const problem = (message: string): WorkspaceProblem => ({
    message: `Cannot show ${path} to an agent: ${message}.`,
    hint: "Name the folder of the agent's program itself.",
  });
  let real: string;
  try {
    real = await realpath(path);
  } catch {
    return problem("it cannot be reached");
  }
  if (real !== path) return problem(`it is a link to ${real}`);
  if (SYSTEM.has(real) || ["/proc", "/sys", "/dev", "/etc", "/run", "/boot"].some((top) => isWithin(top, real))) {
    return problem("it is a system folder");
  }
  const realHome = await realpath(home);
  return isWithin(real, realHome) || isWithin(realHome, real) ? problem("the substrate's own home lies there") : null;
}

const SYSTEM = new Set([
  "/",
  "/bin",
  "/boot",
  "/etc",
  "/home",
  "/lib",
  "/lib64",
  "/root",
  "/run",
  "/sbin",
  "/tmp",
  "/usr",
  "/var",
]);

function unreachable(problem: (message: string, hint: string) => WorkspaceProblem, path: string): WorkspaceProblem {
  const own = process.geteuid?.() ?? -1;
  return problem(
    `the monitor (user id ${own}) cannot reach it in the mode that was granted`,
    `Give it to that user, and let it pass through ${dirname(path)}: chown -R ${own} '${path}'`,
  );
}

/** Entries looked at for sockets; a folder with more is refused. */
const MOST_ENTRIES = 2_000_000;

type Found =
  | { readonly kind: "socket"; readonly path: string }
  /** An agent, who has the same user, could give itself the right to look in there. */
  | { readonly kind: "closed"; readonly path: string }
  | { readonly kind: "many" };

/** The first socket, pipe or device below a folder (a path to it crosses network namespaces, read-only mounts too), or what keeps from knowing. */
async function findSocket(folder: string, budget: { left: number }): Promise<Found | null> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    return (await isNobodysHere(folder, error)) ? null : { kind: "closed", path: folder };
  }
  for (const entry of entries) {
    budget.left -= 1;
    if (budget.left < 0) return { kind: "many" };
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      const found = await findSocket(path, budget);
      if (found !== null) return found;
    } else if (!entry.isFile() && !entry.isSymbolicLink()) return { kind: "socket", path };
  }
  return null;
}

/** Whether a folder that could not be read is gone, or another user's, whose rights an agent cannot change. */
async function isNobodysHere(folder: string, error: unknown): Promise<boolean> {
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (code === "ENOENT") return true;
  if (code !== "EACCES") return false;
  const found = await stat(folder).catch(() => null);
  return found !== null && found.uid !== process.geteuid?.();
}

/** The first of these paths that lies in the folder or around it. */
async function findOverlap(folder: string, paths: readonly string[]): Promise<string | null> {
  for (const path of paths) {
    const real = await realpath(path).catch(() => path);
    if (isWithin(real, folder) || isWithin(folder, real)) return real;
  }
  return null;
}

/** True when `inner` is `outer` or lies below it, on whole segments. */
function isWithin(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(outer === "/" ? "/" : `${outer}/`);
}
