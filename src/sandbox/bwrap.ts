import { toBase64 as encodeBase64 } from "../protocol/bytes.ts";
import { checkSpec } from "./check.ts";
import { SandboxError } from "./error.ts";
import { freeFolders } from "./guard.ts";
import { etcFiles, INSIDE_HOSTNAME, INSIDE_USER } from "./layout.ts";
import type { SystemLayout } from "./layout.ts";
import { LAUNCHER_ENTRY, LAUNCHER_FOLDER, listenersOf, VISITS_MOST } from "./launch-plan.ts";
import type { LauncherFiles, LaunchPlan } from "./launch-plan.ts";
import type { Mount, SandboxSpec } from "./spec.ts";

/** What one inherited descriptor of bubblewrap carries. */
export type Descriptor =
  /** One end of a socketpair, kept by the program inside. */
  | { readonly kind: "channel" }
  /** The options, NUL-separated: on the command line they would tell the sandbox the host's paths (`/proc/1/cmdline`). */
  | { readonly kind: "options" }
  /** The seccomp program. */
  | { readonly kind: "seccomp" }
  /** bubblewrap reports the host pid of the namespace's first process here. */
  | { readonly kind: "status" }
  /** bubblewrap waits here, fully confined, until limits are set and it may start the program. */
  | { readonly kind: "gate" }
  /** A copy of our end of the gate: since bubblewrap has one itself, the gate does not open when the monitor dies. */
  | { readonly kind: "gate-end" }
  /** The launcher's end of its socket to the supervisor. */
  | { readonly kind: "launcher" }
  /** Contents of a small file. */
  | { readonly kind: "text"; readonly text: string }
  /** A host file or folder, opened before the start, so that what was checked is what is mounted. */
  | { readonly kind: "path"; readonly host: string; readonly access: "read" | "write" };

/** Everything that is needed to start bubblewrap once. */
export interface SandboxPlan {
  /** Options for the `options` descriptor. */
  readonly options: readonly string[];
  /** Arguments of the bubblewrap process itself. */
  readonly argv: readonly string[];
  /** What to pass as descriptors 3, 4, … in this order. */
  readonly descriptors: readonly Descriptor[];
}

const FIRST_DESCRIPTOR = 3;
const MEBIBYTE = 1024 * 1024;

/** Largest private folder in memory, unless the specification names a size of its own. */
const SCRATCH_MOST = 256 * MEBIBYTE;

/** What an agent's start needs beyond its specification. */
export interface Launch {
  readonly files: LauncherFiles;
  /** The second filter. */
  readonly filter: Uint8Array;
}

/**
 * Options of bubblewrap for this specification (the argument list of `--args`). Pure and complete: what is not in the
 * list is not in the sandbox. Throws `SandboxError` with code `spec` for a specification that would weaken it.
 */
export function bwrapArguments(
  spec: SandboxSpec,
  system: SystemLayout,
  launch: Launch | null = null,
): readonly string[] {
  return planSandbox(spec, { system, launch }).options;
}

/**
 * Options, arguments and descriptors together; the numbers in the options are places in the list of descriptors.
 * An agent is started by its launcher (`launch` not null), everything else by bubblewrap itself.
 */
export function planSandbox(
  spec: SandboxSpec,
  { system, launch }: { readonly system: SystemLayout; readonly launch: Launch | null },
): SandboxPlan {
  checkSpec(spec);
  if ((spec.role === "agent") !== (launch !== null)) {
    throw new SandboxError(
      "spec",
      `Cannot start role "${spec.role}" ${launch === null ? "without" : "with"} a launcher`,
    );
  }
  const descriptors: Descriptor[] = [];
  const pass = (descriptor: Descriptor): string => String(FIRST_DESCRIPTOR + descriptors.push(descriptor) - 1);

  for (let index = 0; index < spec.channels; index++) pass({ kind: "channel" });
  const optionsAt = pass({ kind: "options" });
  const command = launch === null ? spec.command : launcherCommand(spec, { launch, pass });
  const argv = ["--args", optionsAt, "--", ...command];
  const mounts = launch === null ? spec.mounts : [...spec.mounts, ...launcherMounts(launch.files)];
  const environment = launch === null ? spec.environment : LAUNCHER_ENVIRONMENT;
  const options: readonly Option[] = [
    ...namespaceOptions(spec),
    ["--seccomp", pass({ kind: "seccomp" })],
    ["--json-status-fd", pass({ kind: "status" })],
    // bubblewrap goes on at the end of what it waits for as it does at a byte. The program does not get the copy.
    ["--block-fd", pass({ kind: "gate" }), "--sync-fd", pass({ kind: "gate-end" })],
    ["--clearenv"],
    ...Object.entries(environment).map(([name, value]) => ["--setenv", name, value]),
    ...systemOptions(system),
    ...etcFiles(spec.network, system)
      .filter((file) => spec.mounts.every((mount) => mount.inside !== file.inside))
      .map(({ inside, text }) => ["--perms", "0444", "--file", pass({ kind: "text", text }), inside]),
    ["--proc", "/proc"],
    // A device in a place for none: to open it is refused.
    ...system.closed.map((path) => ["--ro-bind", "/dev/null", path]),
    ["--dev", "/dev"],
    ...mountsInOrder({ ...spec, mounts }).map((mount) => mountOption(mount, pass)),
    ...mounts.flatMap((mount) => (mount.kind === "sealed" ? [["--remount-ro", mount.inside]] : [])),
    // bubblewrap makes `/` and `/dev` as memory file systems owned by the inside user and without a size: left
    // writable, they would be disks to fill and places to plant files.
    ["--remount-ro", "/dev"],
    ["--remount-ro", "/"],
    ["--chdir", spec.cwd],
  ];
  return { options: options.flat(), argv, descriptors };
}

/** One allocation arena, as our other small processes have. */
const LAUNCHER_ENVIRONMENT = { MALLOC_ARENA_MAX: "1" };

// The launcher reads the plan from a descriptor: in an environment or on a command line of its own an agent's words would
// reach Node before the filter is there.
function launcherCommand(
  spec: SandboxSpec,
  { launch, pass }: { readonly launch: Launch; readonly pass: (descriptor: Descriptor) => string },
): readonly string[] {
  const { command, terminal, cwd } = spec;
  // As bubblewrap sets it for everything else.
  const environment = { ...spec.environment, PWD: cwd };
  const [proxyAt, visitsAt] = spec.published ? [spec.channels - 1, spec.channels] : [spec.channels, 0];
  const proxy = proxyAt === 0 ? null : { socket: FIRST_DESCRIPTOR, ports: listenersOf(spec.forwards ?? []) };
  const visits = visitsAt === 0 ? null : { socket: FIRST_DESCRIPTOR + visitsAt - 1, count: VISITS_MOST };
  const free = freeFolders(spec);
  const { openFiles } = spec.limits;
  const filter = encodeBase64(launch.filter);
  const plan: LaunchPlan = { command, environment, terminal, proxy, visits, free, openFiles, filter };
  return [
    `${LAUNCHER_FOLDER}/node`,
    "--disable-warning=ExperimentalWarning",
    `${LAUNCHER_FOLDER}/${LAUNCHER_ENTRY}`,
    pass({ kind: "launcher" }),
    pass({ kind: "text", text: JSON.stringify(plan) }),
  ];
}

function launcherMounts(files: LauncherFiles): readonly Mount[] {
  return [
    { kind: "read", host: files.node, inside: `${LAUNCHER_FOLDER}/node` },
    ...Object.entries(files.modules).map(([path, text]): Mount => ({
      kind: "text",
      inside: `${LAUNCHER_FOLDER}/${path}`,
      text,
    })),
    ...Object.entries(files.packages).map(([name, host]): Mount => ({
      kind: "read",
      host,
      inside: `${LAUNCHER_FOLDER}/node_modules/${name}`,
    })),
  ];
}

/** One option with its values. */
type Option = readonly string[];

function namespaceOptions(spec: SandboxSpec): readonly Option[] {
  return [
    // `--unshare-all` only tries user and cgroup namespaces; named on their own they are required.
    ["--unshare-all"],
    ["--unshare-user"],
    ["--unshare-cgroup"],
    ...(spec.network === "host" ? [["--share-net"]] : []),
    // Below the seccomp filter a second lock: the kernel itself refuses further user namespaces.
    ["--disable-userns"],
    ["--die-with-parent"],
    ["--new-session"],
    ["--cap-drop", "ALL"],
    ["--uid", String(INSIDE_USER.uid)],
    ["--gid", String(INSIDE_USER.gid)],
    ["--hostname", INSIDE_HOSTNAME],
  ];
}

function systemOptions(system: SystemLayout): readonly Option[] {
  return [
    ["--ro-bind", "/usr", "/usr"],
    ...system.links.map(({ inside, target }) => ["--symlink", target, inside]),
    ...system.folders.map((folder) => ["--ro-bind", folder, folder]),
    ...system.etc.map((path) => ["--ro-bind", path, path]),
  ];
}

/** The specification's mounts and the private folders that it leaves to us, outer ones first so that none hides another. */
function mountsInOrder(spec: SandboxSpec): readonly Mount[] {
  const bytes = Math.max(4096, Math.min(SCRATCH_MOST, Math.floor(spec.limits.memoryBytes / 8)));
  const scratch = ["/tmp", INSIDE_USER.home, "/dev/shm"]
    .filter((inside) => spec.mounts.every((mount) => mount.inside !== inside))
    .map((inside): Mount => ({ kind: "tmpfs", inside, bytes }));
  return [...scratch, ...spec.mounts].toSorted((one, other) => depthOf(one) - depthOf(other));
}

/** Where a sandbox has private folders in memory, by their place inside. */
export function scratchFolders(spec: SandboxSpec): readonly string[] {
  return mountsInOrder(spec).flatMap(({ kind, inside }) => (kind === "tmpfs" ? [inside] : []));
}

function depthOf(mount: Mount): number {
  return mount.inside.split("/").length;
}

function mountOption(mount: Mount, pass: (descriptor: Descriptor) => string): Option {
  switch (mount.kind) {
    case "read":
      return ["--ro-bind-fd", pass({ kind: "path", host: mount.host, access: "read" }), mount.inside];
    case "write":
      return ["--bind-fd", pass({ kind: "path", host: mount.host, access: "write" }), mount.inside];
    case "device":
      return ["--dev-bind", mount.host, mount.inside];
    case "tmpfs":
      return ["--perms", scratchMode(mount.inside), "--size", String(mount.bytes), "--tmpfs", mount.inside];
    case "sealed":
      // Made read-only when everything below it is mounted.
      return ["--perms", "0755", "--size", "65536", "--tmpfs", mount.inside];
    case "text":
      // A mount of its own, so that it stays read-only inside a writable folder.
      return ["--perms", "0444", "--ro-bind-data", pass({ kind: "text", text: mount.text }), mount.inside];
  }
}

function scratchMode(inside: string): string {
  return inside === "/tmp" || inside === "/dev/shm" ? "1777" : "0700";
}
