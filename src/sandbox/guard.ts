import type { Instruction } from "./bpf.ts";
import { SandboxError } from "./error.ts";
import { INSIDE_USER } from "./layout.ts";
import type { SandboxSpec } from "./spec.ts";
import type { CallName } from "./syscalls.ts";

/** Folders of every sandbox that can be written to besides its mounts: private ones, devices, settings of own processes. */
const ALWAYS_FREE = ["/tmp", INSIDE_USER.home, "/dev", "/proc"];

/** Roots of a specification that are guarded. */
export function guardedRoots(spec: SandboxSpec): readonly string[] {
  return spec.guarded ?? [];
}

/**
 * Folders beneath which an agent with guarded roots may change files itself, null when none is guarded. The kernel's rule
 * for a folder holds for all beneath it, so none of them may lie above a guarded root. Throws `SandboxError` with code
 * `spec` when one does, or when a guarded root is no writable mount.
 */
export function freeFolders(spec: SandboxSpec): readonly string[] | null {
  const guarded = guardedRoots(spec);
  if (guarded.length === 0) return null;
  const writable = spec.mounts.filter((mount) => mount.kind === "write" || mount.kind === "tmpfs");
  for (const root of guarded) {
    if (!writable.some((mount) => mount.kind === "write" && mount.inside === root)) {
      refuse(`guard "${root}": it is no writable mount`);
    }
  }
  const free = [...new Set([...ALWAYS_FREE, ...writable.map((mount) => mount.inside)])].filter(
    (folder) => !guarded.includes(folder),
  );
  for (const root of guarded) {
    const around = free.find((folder) => root.startsWith(`${folder}/`));
    if (around !== undefined) refuse(`guard "${root}": it lies in "${around}", which is not guarded`);
  }
  return free;
}

function refuse(action: string): never {
  throw new SandboxError("spec", `Cannot ${action}: the sandbox specification does not allow it`);
}

/** O_WRONLY, O_RDWR, O_CREAT, O_TRUNC and __O_TMPFILE. */
const OPENS_FOR_CHANGE = 0o20_001_103;

/** Calls that change names, content or modes: each waits for the storage device when a root is guarded. */
export const GUARDED_CALLS: readonly CallName[] = [
  "open",
  "openat",
  "creat",
  "mkdir",
  "mkdirat",
  "rename",
  "renameat",
  "renameat2",
  "link",
  "linkat",
  "symlink",
  "symlinkat",
  "unlink",
  "unlinkat",
  "rmdir",
  "truncate",
  "chmod",
  "fchmod",
  "fchmodat",
  "fchmodat2",
];

/**
 * Calls that change extended attributes, access lists among them, by which a file becomes executable without chmod. With a
 * guarded root they answer as a file system that has none.
 */
export const ATTRIBUTE_CALLS: readonly CallName[] = [
  "setxattr",
  "lsetxattr",
  "fsetxattr",
  "setxattrat",
  "removexattr",
  "lremovexattr",
  "fremovexattr",
  "removexattrat",
  "file_setattr",
];

/**
 * Requests (`ioctl`) of file systems, by the letter in their bits 8 to 15: ext4 and with it most (f), XFS, freezing and
 * trimming (X), versions (v), Btrfs, clones and labels (0x94), FAT and NTFS (r), bcachefs (0xbc), F2FS (0xf5), NILFS (n),
 * OCFS2 (o), Ceph (0x97), CIFS (0xcf), ZFS (0x83), block devices (0x12). No device that a grant can name has one of these.
 */
const FILE_SYSTEM_LETTERS = [0x66, 0x58, 0x76, 0x94, 0x72, 0xbc, 0xf5, 0x6e, 0x6f, 0x97, 0xcf, 0x83, 0x12] as const;

/** Of these, what only looks, and what writes to a file that is open for writing. */
const HARMLESS_REQUESTS = [
  0x8008_6601, // FS_IOC_GETFLAGS, and its form for 32 bits
  0x8004_6601,
  0x8008_7601, // FS_IOC_GETVERSION, and its form for 32 bits
  0x8004_7601,
  0xc020_660b, // FS_IOC_FIEMAP
  0x801c_581f, // FS_IOC_FSGETXATTR
  0x4004_9409, // FICLONE
  0x4020_940d, // FICLONERANGE
] as const;

/**
 * What a filter does first on `ioctl` with a guarded root: of a file system's requests it knows the harmless ones. The others
 * change flags, keys and extents of what is open for reading only, and Btrfs and bcachefs make and remove folders by them,
 * of any name, which Landlock does not see. Whose the descriptor is a filter cannot tell, so this holds for every file.
 * What is no such request goes on to the rules that follow.
 */
export function guardRequests(answers: { readonly unknown: number; readonly allow: number }): readonly Instruction[] {
  return [
    // A request is an `unsigned int`: the high half must not be compared.
    { op: "load", offset: 16 + 8 },
    ...HARMLESS_REQUESTS.map((value): Instruction => ({ op: "equal", value, yes: "harmless" })),
    { op: "and", value: 0xff00 },
    ...FILE_SYSTEM_LETTERS.map((letter): Instruction => ({ op: "equal", value: letter * 0x100, yes: "unknown" })),
    { op: "at-least", value: 0, yes: "other" }, // always
    { op: "label", name: "harmless" },
    { op: "return", value: answers.allow },
    { op: "label", name: "unknown" },
    { op: "return", value: answers.unknown },
    { op: "label", name: "other" },
    { op: "load", offset: 0 },
  ];
}

/** Where the flags of a call to open are, by argument. */
const OPEN_FLAGS: { readonly [call in CallName]?: number } = { open: 1, openat: 2 };

/** What a filter does on a guarded call: it asks, of the calls that open only when they may change something. */
export function guardBody(
  name: CallName,
  answers: { readonly ask: number; readonly allow: number },
): readonly Instruction[] {
  const flags = OPEN_FLAGS[name];
  if (flags === undefined) return [{ op: "return", value: answers.ask }];
  return [
    // Flags are an `int`: the high half must not be compared.
    { op: "load", offset: 16 + 8 * flags },
    { op: "any-bit", value: OPENS_FOR_CHANGE, yes: "ask" },
    { op: "return", value: answers.allow },
    { op: "label", name: "ask" },
    { op: "return", value: answers.ask },
  ];
}
