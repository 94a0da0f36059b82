/** Machine architectures that the sandbox serves, as Node's `process.arch` names them. */
export type Architecture = "x64" | "arm64";

/** What the kernel calls them in `seccomp_data.arch` (`linux/audit.h`). */
export const AUDIT_ARCHITECTURE: { readonly [arch in Architecture]: number } = {
  x64: 0xc000_003e,
  arm64: 0xc000_00b7,
};

/**
 * Every system call that the filter names, with its number on both architectures (null where it does not exist), from
 * `asm/unistd_64.h` (x64) and `asm-generic/unistd.h` (arm64).
 * From 424 on the numbers are the same everywhere.
 */
export const CALLS = {
  // files
  open: { x64: 2, arm64: null },
  creat: { x64: 85, arm64: null },
  openat: { x64: 257, arm64: 56 },
  openat2: { x64: 437, arm64: 437 },
  mkdir: { x64: 83, arm64: null },
  mkdirat: { x64: 258, arm64: 34 },
  mknod: { x64: 133, arm64: null },
  mknodat: { x64: 259, arm64: 33 },
  chmod: { x64: 90, arm64: null },
  fchmod: { x64: 91, arm64: 52 },
  fchmodat: { x64: 268, arm64: 53 },
  fchmodat2: { x64: 452, arm64: 452 },
  open_by_handle_at: { x64: 304, arm64: 265 },
  ioctl: { x64: 16, arm64: 29 },
  link: { x64: 86, arm64: null },
  linkat: { x64: 265, arm64: 37 },
  symlink: { x64: 88, arm64: null },
  symlinkat: { x64: 266, arm64: 36 },
  rename: { x64: 82, arm64: null },
  renameat: { x64: 264, arm64: 38 },
  renameat2: { x64: 316, arm64: 276 },
  unlink: { x64: 87, arm64: null },
  unlinkat: { x64: 263, arm64: 35 },
  rmdir: { x64: 84, arm64: null },
  truncate: { x64: 76, arm64: 45 },
  chown: { x64: 92, arm64: null },
  lchown: { x64: 94, arm64: null },
  fchown: { x64: 93, arm64: 55 },
  fchownat: { x64: 260, arm64: 54 },
  setxattr: { x64: 188, arm64: 5 },
  // mounts
  mount: { x64: 165, arm64: 40 },
  umount2: { x64: 166, arm64: 39 },
  pivot_root: { x64: 155, arm64: 41 },
  chroot: { x64: 161, arm64: 51 },
  open_tree: { x64: 428, arm64: 428 },
  move_mount: { x64: 429, arm64: 429 },
  fsopen: { x64: 430, arm64: 430 },
  fsconfig: { x64: 431, arm64: 431 },
  fsmount: { x64: 432, arm64: 432 },
  fspick: { x64: 433, arm64: 433 },
  mount_setattr: { x64: 442, arm64: 442 },
  open_tree_attr: { x64: 467, arm64: 467 },
  quotactl: { x64: 179, arm64: 60 },
  quotactl_fd: { x64: 443, arm64: 443 },
  swapon: { x64: 167, arm64: 224 },
  swapoff: { x64: 168, arm64: 225 },
  fanotify_init: { x64: 300, arm64: 262 },
  // processes and namespaces
  execve: { x64: 59, arm64: 221 },
  execveat: { x64: 322, arm64: 281 },
  clone: { x64: 56, arm64: 220 },
  clone3: { x64: 435, arm64: 435 },
  unshare: { x64: 272, arm64: 97 },
  setns: { x64: 308, arm64: 268 },
  personality: { x64: 135, arm64: 92 },
  ptrace: { x64: 101, arm64: 117 },
  process_vm_readv: { x64: 310, arm64: 270 },
  process_vm_writev: { x64: 311, arm64: 271 },
  pidfd_getfd: { x64: 438, arm64: 438 },
  kcmp: { x64: 312, arm64: 272 },
  kill: { x64: 62, arm64: 129 },
  tkill: { x64: 200, arm64: 130 },
  acct: { x64: 163, arm64: 89 },
  modify_ldt: { x64: 154, arm64: null },
  // kernel
  init_module: { x64: 175, arm64: 105 },
  finit_module: { x64: 313, arm64: 273 },
  delete_module: { x64: 176, arm64: 106 },
  create_module: { x64: 174, arm64: null },
  kexec_load: { x64: 246, arm64: 104 },
  kexec_file_load: { x64: 320, arm64: 294 },
  reboot: { x64: 169, arm64: 142 },
  bpf: { x64: 321, arm64: 280 },
  iopl: { x64: 172, arm64: null },
  ioperm: { x64: 173, arm64: null },
  perf_event_open: { x64: 298, arm64: 241 },
  io_uring_setup: { x64: 425, arm64: 425 },
  io_uring_enter: { x64: 426, arm64: 426 },
  io_uring_register: { x64: 427, arm64: 427 },
  userfaultfd: { x64: 323, arm64: 282 },
  syslog: { x64: 103, arm64: 116 },
  lookup_dcookie: { x64: 212, arm64: 18 },
  nfsservctl: { x64: 180, arm64: 42 },
  uselib: { x64: 134, arm64: null },
  vhangup: { x64: 153, arm64: 58 },
  sethostname: { x64: 170, arm64: 161 },
  setdomainname: { x64: 171, arm64: 162 },
  // clocks
  settimeofday: { x64: 164, arm64: 170 },
  clock_settime: { x64: 227, arm64: 112 },
  adjtimex: { x64: 159, arm64: 171 },
  clock_adjtime: { x64: 305, arm64: 266 },
  // keys
  keyctl: { x64: 250, arm64: 219 },
  add_key: { x64: 248, arm64: 217 },
  request_key: { x64: 249, arm64: 218 },
  // sockets
  connect: { x64: 42, arm64: 203 },
  bind: { x64: 49, arm64: 200 },
  socket: { x64: 41, arm64: 198 },
  socketpair: { x64: 53, arm64: 199 },
} as const;

/** Name of a call in the table. */
export type CallName = keyof typeof CALLS;
