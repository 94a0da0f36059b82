/**
 * The monitor: the only process that holds authority.
 *
 *     aiosd.ts --home FOLDER
 *
 * Started by the command line when it is needed, by `aios serve`, or by systemd. Ends by SIGTERM or SIGINT.
 * This file only becomes who it has to be; what that user runs is loaded afterwards, so that root loads next to nothing.
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { goFirst } from "../platform/going-first.ts";
import { becomeOwnUser } from "../platform/sandbox/own-user.ts";
import { hardenProcess } from "../platform/sandbox/process-hardening.ts";
import { monitorEnvironment } from "./code-cache.ts";

const ROOT = resolve(fileURLToPath(new URL("../..", import.meta.url)));
const OWN_USER = "aios";
const HOME_FLAG = "--home";
/** Exit codes, the same as those of the command line (docs/commands.md), which is not loaded here. */
const HOME_IN_USE = 4;
const FAILED = 1;

function homeArgument(): string {
  const at = process.argv.indexOf(HOME_FLAG);
  const home = process.argv[at + 1];
  if (at < 0 || home === undefined) throw new Error(`usage: aiosd ${HOME_FLAG} FOLDER`);
  return resolve(home);
}

async function main(): Promise<void> {
  // The set-up starts it without a home, to keep what is compiled of it until here (docs/decisions/compile-cache.md).
  const home = homeArgument();
  goFirst();
  // Before anything is read or opened; as root this does not return but begins again.
  becomeOwnUser({
    user: OWN_USER,
    code: ROOT,
    argv: process.argv,
    environment: monitorEnvironment(process.env["PATH"]),
  });
  hardenProcess();
  const { runMonitor } = await import("./monitor-program.ts");
  const { NODE_COMPILE_CACHE } = process.env;
  await runMonitor(home, NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE });
}

main().catch((error: unknown) => {
  const code = error instanceof Error && "code" in error ? String(error.code) : null;
  const hint =
    error instanceof Error && "hint" in error && typeof error.hint === "string" ? `\n  hint: ${error.hint}` : "";
  process.stderr.write(
    `aiosd: ${error instanceof Error ? error.message : String(error)}${code === null ? "" : ` (${code})`}${hint}\n`,
  );
  process.exit(code === "home-in-use" ? HOME_IN_USE : FAILED);
});
