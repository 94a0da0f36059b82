import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import type { LauncherFiles } from "../../sandbox/launch-plan.ts";

/** The launcher's modules, all that it imports, below `src`. */
const MODULES = [
  "main/launcher.ts",
  "platform/supervision/become-program.ts",
  "platform/channels/fd-passing.ts",
  "platform/files/find-program.ts",
  "platform/sandbox/landlock.ts",
  "platform/libc.ts",
  "platform/channels/loopback-listener.ts",
  "platform/platform-error.ts",
  "platform/sandbox/seccomp-listener.ts",
] as const;

/** koffi, and its binary for this machine. */
const PACKAGES = ["koffi", `@koromix/koffi-linux-${process.arch}`] as const;

/** Where the set-up keeps the modules as JavaScript, below the folder that holds `src` (docs/decisions/compile-cache.md). */
const KEPT = join("node_modules", ".aios-cache", "launcher");

/**
 * Reads what the launcher is made of. `root` is the folder that holds `src` and `node_modules`.
 * Types are not stripped inside, where at every start that takes Node longer than all that the launcher does, and here only
 * when the set-up has not done it: it takes a tenth of a second.
 * Throws when a part is not there.
 */
export function readLauncherFiles(root: string, node: string): LauncherFiles {
  const modules = MODULES.map((path) => {
    const source = readModule(root, path);
    const plain = readKept(join(root, KEPT), source) ?? stripTypeScriptTypes(source);
    return [path.replace(/\.ts$/, ".mjs"), plain.replace(RELATIVE_IMPORT, "$1.mjs$2")] as const;
  });
  const packages = PACKAGES.map((name) => [name, join(root, "node_modules", name)] as const);
  return Object.freeze({ node, modules: Object.fromEntries(modules), packages: Object.fromEntries(packages) });
}

/** Keeps the modules without their types in `folder`, which is there, for whoever reads the launcher's files later. */
export function keepLauncherModules(root: string, folder: string): void {
  for (const path of MODULES) {
    const source = readModule(root, path);
    const plain = stripTypeScriptTypes(source);
    writeFileSync(join(folder, nameOf(source)), `${digestOf(plain)}\n${plain}`);
  }
}

/** What was kept of exactly this source by this Node; null when it is not there, or not whole. */
function readKept(folder: string, source: string): string | null {
  try {
    const kept = readFileSync(join(folder, nameOf(source)), "utf8");
    const plain = kept.slice(kept.indexOf("\n") + 1);
    return kept === `${digestOf(plain)}\n${plain}` ? plain : null;
  } catch {
    return null;
  }
}

function readModule(root: string, path: string): string {
  return readFileSync(join(root, "src", path), "utf8");
}

function nameOf(source: string): string {
  return digestOf(`${process.version}\n${source}`);
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

const RELATIVE_IMPORT = /(\bfrom "\.[^"\n]*)\.ts(";)/g;
