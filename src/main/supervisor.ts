/**
 * Answers the calls that agents' filters ask about, for one monitor. Descriptor 3 leads to the monitor. It reads hostile
 * memory and therefore holds nothing: no key, no home, no socket but the one to the monitor. When it ends, the kernel
 * answers ENOSYS to every call that it was asked about, and the monitor ends the sandboxes (CONFINED-OR-NOT-AT-ALL). When
 * the monitor ends, it ends what bubblewrap left, which goes by the name in its environment.
 */
import { flushCompileCache } from "node:module";
import { hostArchitecture } from "../platform/sandbox/sandbox-host.ts";
import { endProcess, hardenProcess } from "../platform/sandbox/process-hardening.ts";
import { endLeftovers, NAME_VARIABLE } from "../platform/sandbox/leftovers.ts";
import { installFilter } from "../platform/sandbox/seccomp-listener.ts";
import { superviseAll } from "../platform/supervision/supervisor-loop.ts";
import { createNotices } from "../sandbox/notice.ts";
import { supervisorProgram } from "../sandbox/seccomp.ts";

const MONITOR = 3;

try {
  // Under its filter it writes nothing, so what had to be compiled is kept now.
  flushCompileCache();
  hardenProcess();
  const arch = hostArchitecture();
  if (arch === null) throw new Error("there is no system call filter for this machine");
  installFilter(supervisorProgram(arch));
  superviseAll(MONITOR, createNotices(arch));
  // The monitor is gone, and how it went is not known.
  const name = process.env[NAME_VARIABLE];
  if (name !== undefined) endLeftovers(name);
  endProcess(0);
} catch (error) {
  process.stderr.write(`aios supervisor: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
