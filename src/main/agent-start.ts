import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readLauncherFiles } from "../platform/sandbox/launcher-files.ts";
import type { AgentStart } from "../platform/sandbox/sandbox-process.ts";
import { createSupervisor, type Supervisor } from "../platform/sandbox/supervisor-link.ts";

/**
 * The launcher's files, and a supervisor that runs as soon as it is needed: what agents are started with. `root` is the
 * folder that holds `src` and `node_modules`.
 */
export function prepareAgents(root: string): Omit<AgentStart, "hear"> {
  return {
    launcher: readLauncherFiles(root, process.execPath),
    supervisor: makeSupervisor(join(root, "node_modules", ".aios-cache", "supervisor")),
  };
}

/** A supervisor that takes what Node compiled of it before from `cache` (docs/decisions/compile-cache.md). */
export function makeSupervisor(cache: string): Supervisor {
  const program = fileURLToPath(new URL("./supervisor.ts", import.meta.url));
  const flags = ["--max-semi-space-size=1", "--disable-warning=ExperimentalWarning"];
  return createSupervisor([process.execPath, ...flags, program], { NODE_COMPILE_CACHE: cache });
}
