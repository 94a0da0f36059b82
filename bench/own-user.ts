/**
 * Runs one bench as the substrate's own user and prints its rows as JSON: `own-user.ts NAME`.
 * Root has no sandbox, and the monitor that root starts has changed to this user before it makes one.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { MONITOR_FLAGS } from "../src/main/monitor-flags.ts";
import { readUser } from "../test/e2e/user.ts";
import type { Row } from "./row.ts";

/** The rows of the bench in `./NAME.ts`, run here for an ordinary user and as the user `aios` for root. */
export async function runAsOwnUser(name: string): Promise<readonly Row[]> {
  if (process.geteuid?.() !== 0) return runHere(name);
  const { uid, gid } = readUser("aios");
  const printed = execFileSync(process.execPath, [fileURLToPath(import.meta.url), name], {
    encoding: "utf8",
    cwd: "/",
    uid,
    gid,
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(printed) as readonly Row[]; // what the line below printed
}

/** The rows of a bench in a process that is started as the monitor's is: its memory is looked through more often, and for shorter. */
export function runAsMonitor(name: string): readonly Row[] {
  const words = [...MONITOR_FLAGS, "--disable-warning=ExperimentalWarning", fileURLToPath(import.meta.url), name];
  const printed = execFileSync(process.execPath, words, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(printed) as readonly Row[]; // what the line below printed
}

async function runHere(name: string): Promise<readonly Row[]> {
  const { run } = (await import(`./${name}.ts`)) as { run: () => Promise<readonly Row[]> }; // every bench has this shape
  return run();
}

if (import.meta.main) process.stdout.write(JSON.stringify(await runHere(process.argv[2] ?? "")));
