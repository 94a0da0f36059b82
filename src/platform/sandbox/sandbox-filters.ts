import { guardedRoots } from "../../sandbox/guard.ts";
import type { Launch } from "../../sandbox/bwrap.ts";
import { seccompProgram, supervisedProgram } from "../../sandbox/seccomp.ts";
import type { SandboxSpec } from "../../sandbox/spec.ts";
import type { SandboxHost } from "./sandbox-host.ts";

/** Finished filters. Assembling one takes longer than everything else this process does for a start. */
const filters = new Map<string, Uint8Array>();

/** The filter that bubblewrap installs for a role. */
export function filterFor(arch: SandboxHost["arch"], role: SandboxSpec["role"]): Uint8Array {
  return keep(`${arch} ${role}`, () => seccompProgram(arch, role));
}

/** The filter with a listener that the launcher installs for an agent. */
export function supervisedFilter(arch: SandboxHost["arch"], spec: SandboxSpec): Launch["filter"] {
  const guard = guardedRoots(spec).length === 0 ? "none" : "guarded";
  return keep(`${arch} supervised ${guard}`, () => supervisedProgram(arch, guard));
}

function keep(key: string, make: () => Uint8Array): Uint8Array {
  const made = filters.get(key) ?? make();
  filters.set(key, made);
  return made;
}
