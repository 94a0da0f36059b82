import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";

export interface WorkspaceProblem {
  readonly message: string;
  readonly hint: string;
}

/**
 * Why this folder cannot be shown to an agent, or null when it can.
 * Refused: links anywhere in the path, `/` and system folders, a folder that contains or lies in the substrate's home
 * (its keys and log), and one that this process cannot reach in the mode that was granted.
 */
export async function workspaceProblem(
  path: string,
  { mode, home }: { readonly mode: "none" | "read" | "write"; readonly home: string },
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
  try {
    await access(real, constants.R_OK | constants.X_OK | (mode === "write" ? constants.W_OK : 0));
  } catch {
    return unreachable(problem, path);
  }
  return null;
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

/** True when `inner` is `outer` or lies below it, on whole segments. */
function isWithin(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(outer === "/" ? "/" : `${outer}/`);
}
