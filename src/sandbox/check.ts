import { deviceKind } from "../kernel/devices.ts";
import { MOST_FORWARDS, OWN_PORTS } from "../kernel/forwards.ts";
import { SandboxError } from "./error.ts";
import type { Mount, SandboxSpec } from "./spec.ts";

/** More inherited sockets than any role needs: a gate has two listeners for each of 16 ports beside its two. */
const MOST_CHANNELS = 34;

/** Trees that the sandbox makes itself: a mount over or below them would undo part of the confinement. */
const OWN_TREES = ["/proc", "/dev", "/sys"];

/** System folders: a mount there may only show a host path at its own place, so nothing can stand in for a program. */
const SYSTEM_TREES = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/** Host trees that are no files: devices and other processes. */
const HOST_TREES_REFUSED = ["/proc", "/dev", "/sys"];

/** Host folders that hold other people's sockets, secrets or everything at once. */
const HOST_FOLDERS_REFUSED = ["/", "/run", "/var/run", "/var", "/etc", "/home", "/root", "/boot"];

/**
 * Refuses a specification that is malformed or that would weaken the sandbox; throws `SandboxError` with code `spec`.
 * The caller is trusted, so this is the second line: what reaches bubblewrap is exactly what a reader of the spec expects.
 */
export function checkSpec(spec: SandboxSpec): void {
  if (spec.network === "host" && spec.role !== "connector") refuse(`give role "${spec.role}" the host's network`);
  if (spec.command.length === 0) refuse("start an empty command");
  for (const word of spec.command) checkText("command", word);
  if (spec.command[0] === "") refuse("start a program without a name");
  checkInsidePath(spec.cwd);
  for (const [name, value] of Object.entries(spec.environment)) {
    if (name === "" || name.includes("=")) refuse(`set the variable ${JSON.stringify(name)}`);
    checkText("variable", name);
    checkText(`variable ${name}`, value);
  }
  checkCount("channels", spec.channels, { least: 0, most: spec.role === "agent" ? 2 : MOST_CHANNELS });
  if (spec.published && (spec.role !== "agent" || spec.channels === 0)) refuse("publish ports without a channel");
  checkForwards(spec);
  for (const [name, value] of Object.entries(spec.limits)) {
    checkCount(`limit ${name}`, value, { least: 1, most: Number.MAX_SAFE_INTEGER });
  }
  const seen = new Set<string>();
  for (const mount of spec.mounts) {
    if (mount.kind === "device") checkDevice(mount, spec.role);
    else checkMount(mount);
    if (seen.has(mount.inside)) refuse(`mount two things on "${mount.inside}"`);
    seen.add(mount.inside);
  }
}

/** The launcher listens there, so what it cannot listen on is no port of an agent's. */
function checkForwards({ role, channels, published, forwards = [] }: SandboxSpec): void {
  if (forwards.length === 0) return;
  if (role !== "agent" || channels < (published ? 2 : 1)) refuse("forward ports without a channel");
  checkCount("forwards", forwards.length, { least: 1, most: MOST_FORWARDS });
  for (const port of forwards) checkCount("forward", port, { least: 1024, most: 65_535 });
  const taken = [...OWN_PORTS, ...forwards];
  if (new Set(taken).size !== taken.length) refuse("listen on a port twice");
}

/** The closed list of devices holds here too, whoever planned the sandbox. */
function checkDevice({ host, inside }: Extract<Mount, { kind: "device" }>, role: SandboxSpec["role"]): void {
  if (role !== "agent") refuse(`pass a device to role "${role}"`);
  if (deviceKind(host) === null || inside !== host) refuse(`pass the device ${JSON.stringify(host)}`);
}

function checkMount(mount: Exclude<Mount, { kind: "device" }>): void {
  checkInsidePath(mount.inside);
  if (mount.inside === "/") refuse('mount over "/"');
  const own = OWN_TREES.find((tree) => isWithin(mount.inside, tree));
  if (own !== undefined && !(mount.kind === "tmpfs" && mount.inside === "/dev/shm")) {
    refuse(`mount on "${mount.inside}"`);
  }
  if (SYSTEM_TREES.some((tree) => isWithin(mount.inside, tree))) {
    if (mount.kind !== "read" || mount.host !== mount.inside) refuse(`put something else on "${mount.inside}"`);
  }
  switch (mount.kind) {
    case "read":
    case "write":
      checkHostPath(mount.host);
      return;
    case "tmpfs":
      checkCount(`size of "${mount.inside}"`, mount.bytes, { least: 4096, most: Number.MAX_SAFE_INTEGER });
      return;
    case "sealed":
    case "text":
      return;
  }
}

function checkHostPath(path: string): void {
  checkText("host path", path);
  if (!isPlainAbsolute(path)) refuse(`mount the host path ${JSON.stringify(path)}`);
  if (HOST_FOLDERS_REFUSED.includes(path) || HOST_TREES_REFUSED.some((tree) => isWithin(path, tree))) {
    refuse(`mount the host path "${path}"`);
  }
}

function checkInsidePath(path: string): void {
  checkText("path", path);
  if (!isPlainAbsolute(path)) refuse(`use the path ${JSON.stringify(path)} inside`);
}

/** Absolute, and its only reading: no empty, `.` or `..` segment, no slash at the end. */
function isPlainAbsolute(path: string): boolean {
  if (path === "/") return true;
  if (!path.startsWith("/")) return false;
  return path
    .slice(1)
    .split("/")
    .every((segment) => segment !== "" && segment !== "." && segment !== "..");
}

function isWithin(path: string, tree: string): boolean {
  return path === tree || path.startsWith(`${tree}/`);
}

// Options travel NUL-separated, so a NUL inside one would be an option of its own.
function checkText(what: string, text: string): void {
  if (text.includes("\0")) refuse(`pass on a ${what} with a NUL in it`);
}

function checkCount(what: string, value: number, bounds: { readonly least: number; readonly most: number }): void {
  if (!Number.isSafeInteger(value) || value < bounds.least || value > bounds.most) {
    refuse(`use ${String(value)} as ${what}`);
  }
}

function refuse(action: string): never {
  throw new SandboxError("spec", `Cannot ${action}: the sandbox specification does not allow it`);
}
