import { fileURLToPath } from "node:url";
import { readLauncherFiles } from "../platform/launcher-files.ts";
import type { AgentStart } from "../platform/sandbox-process.ts";
import { createSupervisor } from "../platform/supervisor-link.ts";

/**
 * The launcher's files, and a supervisor that runs as soon as it is needed: what agents are started with. `root` is the
 * folder that holds `src` and `node_modules`.
 */
export function prepareAgents(root: string): Omit<AgentStart, "hear"> {
  return {
    launcher: readLauncherFiles(root, process.execPath),
    supervisor: createSupervisor([
      process.execPath,
      "--max-semi-space-size=1",
      "--disable-warning=ExperimentalWarning",
      fileURLToPath(new URL("./supervisor.ts", import.meta.url)),
    ]),
  };
}
