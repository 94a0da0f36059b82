import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import type { LauncherFiles } from "../sandbox/launch-plan.ts";

/** The launcher's modules, all that it imports, below `src`. */
const MODULES = [
  "main/launcher.ts",
  "platform/become-program.ts",
  "platform/fd-passing.ts",
  "platform/find-program.ts",
  "platform/landlock.ts",
  "platform/libc.ts",
  "platform/loopback-listener.ts",
  "platform/platform-error.ts",
  "platform/seccomp-listener.ts",
] as const;

/** koffi, and its binary for this machine. */
const PACKAGES = ["koffi", `@koromix/koffi-linux-${process.arch}`] as const;

/**
 * Reads what the launcher is made of. `root` is the folder that holds `src` and `node_modules`.
 * Types are stripped here, once: inside, at every start, that takes Node longer than all that the launcher does.
 * Throws when a part is not there.
 */
export function readLauncherFiles(root: string, node: string): LauncherFiles {
  const modules = MODULES.map((path) => {
    const source = readFileSync(join(root, "src", path), "utf8");
    return [path.replace(/\.ts$/, ".mjs"), stripTypeScriptTypes(source).replace(RELATIVE_IMPORT, "$1.mjs$2")] as const;
  });
  const packages = PACKAGES.map((name) => [name, join(root, "node_modules", name)] as const);
  return Object.freeze({ node, modules: Object.fromEntries(modules), packages: Object.fromEntries(packages) });
}

const RELATIVE_IMPORT = /(\bfrom "\.[^"\n]*)\.ts(";)/g;
