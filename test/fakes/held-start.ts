import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openLogFiles } from "../../src/platform/log/log-files.ts";
import { listenUnix } from "../../src/platform/channels/unix-server.ts";

/**
 * A monitor's program as far as a start goes: takes the home's lock, is held up, and listens. `held-start.ts --home FOLDER`; files
 * of that folder say what it did (`early`, `pid`, `refused`) and what it is to do (`wait` before the lock, `go`, `fail`, `idle`).
 */
const home = process.argv.at(-1) ?? "";
const has = (name: string): boolean => existsSync(join(home, name));

function fault(words: string, code: number): never {
  process.stderr.write(`aiosd: ${words}\n`);
  process.exit(code);
}

/** Works at something, as a start that reads a long log does. */
function work(): void {
  for (const end = performance.now() + 10; performance.now() < end;);
}

writeFileSync(join(home, "early"), String(process.pid));
while (has("wait")) await new Promise((done) => setTimeout(done, 5));
if (!(await openLogFiles(join(home, "run")).hold())) {
  appendFileSync(join(home, "refused"), "x");
  fault("Cannot open the log: another process has it open (home-in-use)", 4);
}
writeFileSync(join(home, "pid"), String(process.pid));
while (!has("go") && !has("fail")) {
  if (!has("idle")) work();
  await new Promise((done) => setTimeout(done, has("idle") ? 1000 : 5));
}
if (has("fail")) fault("Cannot read record 7: it was cut (log-damaged)", 1);
await listenUnix(join(home, "run", "aiosd.sock"), { mode: 0o600, stale: "replace", onChannel: () => {} });
