import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PRETEND } from "./memory-rules.ts";
import { ALLOW, REFUSE_EPERM } from "./rule-parts.ts";
import {
  ASK_SUPERVISOR,
  KILL_PROCESS,
  REFUSED_CALLS,
  REFUSE_ENOSYS,
  seccompProgram,
  STARTING_CALLS,
  supervisedProgram,
  supervisorProgram,
  TERMINAL_CALLS,
} from "./seccomp.ts";
import { REFUSE_EPROTONOSUPPORT } from "./socket-rules.ts";
import { AUDIT_ARCHITECTURE, CALLS } from "./syscalls.ts";
import type { Architecture, CallName } from "./syscalls.ts";

const ARCHITECTURES: readonly Architecture[] = ["x64", "arm64"];
/** Roles with one filter; an agent has two. */
const ROLES = ["face", "driver", "connector", "exec"] as const;
type Role = (typeof ROLES)[number] | "agent";

interface Call {
  readonly arch: number;
  readonly number: number;
  readonly arguments: readonly (number | bigint)[];
}

/** Runs a filter as the kernel does: one accumulator, forward jumps, a 64-byte struct seccomp_data. */
function interpret(program: Uint8Array, call: Call, onStep: () => void = () => {}): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, call.number, true);
  data.setUint32(4, call.arch, true);
  for (const [index, argument] of call.arguments.entries()) data.setBigUint64(16 + 8 * index, BigInt(argument), true);
  const code = new DataView(program.buffer);
  let accumulator = 0;
  for (let place = 0; place * 8 < program.length; place++) {
    onStep();
    const value = code.getUint32(place * 8 + 4, true);
    const jump = (taken: boolean): number => code.getUint8(place * 8 + (taken ? 2 : 3));
    switch (code.getUint16(place * 8, true)) {
      case 0x20:
        if (value % 4 !== 0 || value > 60) throw new Error(`The kernel refuses to load at ${value}`);
        accumulator = data.getUint32(value, true);
        break;
      case 0x54:
        accumulator = (accumulator & value) >>> 0;
        break;
      case 0x15:
        place += jump(accumulator === value);
        break;
      case 0x35:
        place += jump(accumulator >= value);
        break;
      case 0x45:
        place += jump((accumulator & value) !== 0);
        break;
      case 0x06:
        return value;
      default:
        throw new Error(`The kernel knows no such instruction at ${place}`);
    }
  }
  throw new Error("The program ran past its end");
}

function decide(
  arch: Architecture,
  name: CallName | number,
  options: { readonly arguments?: readonly (number | bigint)[]; readonly role?: Role } = {},
): number | "absent" {
  const number = typeof name === "number" ? name : CALLS[name][arch];
  if (number === null) return "absent";
  const call = { arch: AUDIT_ARCHITECTURE[arch], number, arguments: options.arguments ?? [] };
  const role = options.role ?? "exec";
  const first = interpret(seccompProgram(arch, role), call);
  return role === "agent" ? severer(first, interpret(supervisedProgram(arch), call)) : first;
}

/** Of two filters' answers the kernel takes the severer: the lower one, as a signed number (seccomp(2)). */
function severer(one: number, other: number): number {
  return (one | 0) <= (other | 0) ? one : other;
}

/** The expected decision on both architectures; a call that only x64 has is expected there alone. */
function expectDecision(
  name: CallName,
  wanted: number,
  options: { readonly arguments?: readonly (number | bigint)[]; readonly role?: Role } = {},
): void {
  for (const arch of ARCHITECTURES) {
    const decided = decide(arch, name, options);
    if (decided === "absent") expect(arch).toBe("arm64");
    else expect([arch, name, decided.toString(16)]).toEqual([arch, name, wanted.toString(16)]);
  }
}

describe("the table of system calls", () => {
  const HEADERS = {
    x64: "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    arm64: "/usr/include/asm-generic/unistd.h",
  };
  for (const arch of ARCHITECTURES) {
    it.skipIf(!existsSync(HEADERS[arch]))(`agrees with the kernel's header for ${arch}`, () => {
      const header = readFileSync(HEADERS[arch], "utf8");
      let compared = 0;
      for (const [name, numbers] of Object.entries(CALLS)) {
        const found = new RegExp(`#define __NR(?:3264)?_${name}\\s+([0-9]+)`).exec(header)?.[1];
        if (found === undefined) continue; // newer than this machine's headers, or of the other architecture
        expect([name, numbers[arch]]).toEqual([name, Number(found)]);
        compared++;
      }
      expect(compared).toBeGreaterThan(55);
    });
  }

  it("names no number twice", () => {
    for (const arch of ARCHITECTURES) {
      const numbers = Object.values(CALLS).flatMap((call) => (call[arch] === null ? [] : [call[arch]]));
      expect(new Set(numbers).size).toBe(numbers.length);
    }
  });
});

describe("memory that no process is seen to hold", () => {
  const PR_SET_DUMPABLE = 4;
  const UNTRUSTED = ["agent", "exec", "driver"] as const;

  it("no program that is not ours closes itself to looks, and it is not told", () => {
    for (const arch of ARCHITECTURES) {
      const close = (role: Role): number | "absent" => decide(arch, "prctl", { role, arguments: [PR_SET_DUMPABLE, 0] });
      expect(UNTRUSTED.map(close)).toEqual([PRETEND, PRETEND, PRETEND]);
      expect([close("face"), close("connector")]).toEqual([ALLOW, ALLOW]);
      for (const role of UNTRUSTED) {
        expect(decide(arch, "prctl", { role, arguments: [PR_SET_DUMPABLE, 1] })).toBe(ALLOW);
        expect(decide(arch, "prctl", { role, arguments: [38, 0] })).toBe(ALLOW);
        // The kernel looks at all of the first argument's low half only.
        expect(decide(arch, "prctl", { role, arguments: [2n ** 32n + 4n, 0] })).toBe(PRETEND);
      }
    }
  });

  it("segments and sets of System V have their size", () => {
    const EINVAL = 0x5_0016;
    for (const arch of ARCHITECTURES) {
      for (const role of [...UNTRUSTED, "face", "connector"] as const) {
        const segment = (bytes: number | bigint): unknown => decide(arch, "shmget", { role, arguments: [0, bytes] });
        expect([0, 56, 65_536].map(segment)).toEqual([ALLOW, ALLOW, ALLOW]);
        expect([65_537, 2 ** 31, 2n ** 32n, 2n ** 63n + 1n].map(segment)).toEqual([EINVAL, EINVAL, EINVAL, EINVAL]);
        const buffers = (level: number, option: number): unknown =>
          decide(arch, "setsockopt", { role, arguments: [3, level, option] });
        const larger = [7, 8, 32, 33].map((option) => buffers(1, option));
        expect(new Set(larger)).toEqual(new Set([role === "face" || role === "connector" ? ALLOW : PRETEND]));
        // SO_REUSEADDR, SO_KEEPALIVE; TCP_NODELAY and its like have the same numbers at another level.
        expect([buffers(1, 2), buffers(1, 9), buffers(6, 7), buffers(6, 8)]).toEqual([ALLOW, ALLOW, ALLOW, ALLOW]);
        const set = (count: number): unknown => decide(arch, "semget", { role, arguments: [0, count] });
        expect([0, 1, 64, 65, 32_000, 0xffff_ffff].map(set)).toEqual([ALLOW, ALLOW, ALLOW, EINVAL, EINVAL, EINVAL]);
      }
    }
  });
});

describe("what counts for the whole machine, or for nobody", () => {
  it("does not exist in any role: message queues of System V, contexts of Linux AIO", () => {
    for (const role of ROLES) {
      expectDecision("msgget", REFUSE_ENOSYS, { role, arguments: [0, 0o1600] });
      expectDecision("io_setup", REFUSE_ENOSYS, { role, arguments: [1, 0] });
    }
  });
});

describe("a system call", () => {
  it("of another architecture ends the process, an agent's by its supervisor", () => {
    const I386 = 0x4000_0003;
    const ARM = 0x4000_0028;
    for (const arch of ARCHITECTURES) {
      const other = AUDIT_ARCHITECTURE[arch === "x64" ? "arm64" : "x64"];
      for (const foreign of [I386, ARM, other, 0]) {
        const call = { arch: foreign, number: 39, arguments: [] };
        for (const role of ROLES) expect(interpret(seccompProgram(arch, role), call)).toBe(KILL_PROCESS);
        for (const guard of ["guarded", "none"] as const) {
          const answers = [seccompProgram(arch, "agent"), supervisedProgram(arch, guard)].map((program) =>
            interpret(program, call),
          );
          expect(answers.reduce(severer)).toBe(ASK_SUPERVISOR);
        }
      }
    }
  });

  it("of the x32 ABI ends the process, getpid and -1 included, an agent's by its supervisor", () => {
    for (const number of [0x4000_0000 + 39, 0x4000_0000 + 59, 0xffff_ffff]) {
      for (const role of ROLES) expect(decide("x64", number, { role })).toBe(KILL_PROCESS);
      expect(decide("x64", number, { role: "agent" })).toBe(ASK_SUPERVISOR);
    }
    expect(decide("x64", 39)).toBe(ALLOW);
    expect(decide("x64", 0x3fff_ffff)).toBe(ALLOW); // no such call: the kernel answers ENOSYS
  });

  it("that no honest program makes ends the process, in every role", () => {
    expect([...TERMINAL_CALLS].toSorted()).toEqual([
      "bpf",
      "create_module",
      "delete_module",
      "finit_module",
      "init_module",
      "ioperm",
      "iopl",
      "kexec_file_load",
      "kexec_load",
      "open_by_handle_at",
      "process_vm_writev",
      "reboot",
      "setns",
      "swapoff",
      "swapon",
    ]);
    for (const role of ROLES) for (const name of TERMINAL_CALLS) expectDecision(name, KILL_PROCESS, { role });
  });

  it("that honest programs try too is refused, in every role", () => {
    expect([...REFUSED_CALLS].toSorted()).toEqual([
      "acct",
      "add_key",
      "adjtimex",
      "chroot",
      "clock_adjtime",
      "clock_settime",
      "fanotify_init",
      "fsconfig",
      "fsmount",
      "fsopen",
      "fspick",
      "io_uring_enter",
      "io_uring_register",
      "io_uring_setup",
      "kcmp",
      "keyctl",
      "lookup_dcookie",
      "modify_ldt",
      "mount",
      "mount_setattr",
      "move_mount",
      "nfsservctl",
      "open_tree",
      "open_tree_attr",
      "perf_event_open",
      "pidfd_getfd",
      "pivot_root",
      "process_vm_readv",
      "ptrace",
      "quotactl",
      "quotactl_fd",
      "request_key",
      "setdomainname",
      "sethostname",
      "settimeofday",
      "syslog",
      "umount2",
      "uselib",
      "userfaultfd",
      "vhangup",
    ]);
    for (const role of ROLES) for (const name of REFUSED_CALLS) expectDecision(name, REFUSE_EPERM, { role });
  });

  it("whose flags lie in memory does not exist", () => {
    for (const role of [...ROLES, "agent"] as const) expectDecision("clone3", REFUSE_ENOSYS, { role });
  });

  it("that is in no list is allowed", () => {
    const named = (arch: Architecture): Set<number | null> => new Set(Object.values(CALLS).map((call) => call[arch]));
    for (const arch of ARCHITECTURES) {
      const known = named(arch);
      for (let number = 0; number < 600; number++) if (!known.has(number)) expect(decide(arch, number)).toBe(ALLOW);
    }
  });
});

it("any filter comes to its answer on a call in no list in a few steps: the kernel asks it about each when it is installed", () => {
  for (const arch of ARCHITECTURES) {
    const programs = [...ROLES.map((role) => seccompProgram(arch, role)), supervisedProgram(arch, "guarded")];
    const named = new Set<number | null>(Object.values(CALLS).map((call) => call[arch]));
    for (const program of programs) {
      for (let number = 0; number < 512; number++) {
        let steps = 0;
        const decided = interpret(program, { arch: AUDIT_ARCHITECTURE[arch], number, arguments: [] }, () => steps++);
        if (named.has(number)) continue;
        expect([number, decided]).toEqual([number, ALLOW]);
        expect(steps).toBeLessThan(20);
      }
    }
  }
});

describe("the two filters of an agent", () => {
  const role = "agent";

  it("ask the supervisor about every start of a program, every terminal call and every refused one", () => {
    for (const name of [...STARTING_CALLS, ...TERMINAL_CALLS, ...REFUSED_CALLS]) {
      expectDecision(name, ASK_SUPERVISOR, { role });
    }
  });

  it("ask about new namespaces, odd sockets, typing into terminals and personalities, and not about the usual", () => {
    const asked: readonly (readonly [CallName, readonly number[]])[] = [
      ["clone", [0x1000_0011]],
      ["unshare", [0x1000_0000]],
      ["socket", [17, 3, 0]],
      ["socket", [16, 3, 15]],
      ["ioctl", [0, 0x5412]],
      ["personality", [0x0004_0000]],
    ];
    for (const [name, values] of asked) expectDecision(name, ASK_SUPERVISOR, { role, arguments: values });
    const usual: readonly (readonly [CallName, readonly number[]])[] = [
      ["clone", [0x0120_0011]],
      ["clone", [0x003d_0f00]],
      ["unshare", [0x600]],
      ["socket", [1, 1, 0]],
      ["socket", [16, 3, 0]],
      ["ioctl", [0, 0x5413]],
      ["personality", [0xffff_ffff]],
      ["openat", [0, 0, 0o101, 0o644]],
    ];
    for (const [name, values] of usual) expectDecision(name, ALLOW, { role, arguments: values });
  });

  it("refuse on their own what would be asked too often, and files with set-id bits", () => {
    expectDecision("clone3", REFUSE_ENOSYS, { role });
    expectDecision("openat2", REFUSE_ENOSYS, { role });
    expectDecision("openat", REFUSE_EPERM, { role, arguments: [0, 0, 0o101, 0o4755] });
    expectDecision("chmod", REFUSE_EPERM, { role, arguments: [0, 0o4755] });
    expectDecision("mknod", REFUSE_EPERM, { role, arguments: [0, 0o060_000] });
  });

  it("allow what is in no list", () => {
    const known = new Set<number | null>(Object.values(CALLS).map((call) => call.x64));
    for (let number = 0; number < 600; number++)
      if (!known.has(number)) expect(decide("x64", number, { role })).toBe(ALLOW);
  });

  it("leave to the first one nothing that the second has no answer for: without a listener it fails", () => {
    // What only the second stops: until it is there, only the launcher runs.
    for (const arch of ARCHITECTURES) {
      const program = seccompProgram(arch, "agent");
      for (const name of TERMINAL_CALLS) {
        const number = CALLS[name][arch];
        if (number === null) continue;
        expect(interpret(program, { arch: AUDIT_ARCHITECTURE[arch], number, arguments: [] })).toBe(ALLOW);
      }
    }
  });
});

describe("the supervisor's own filter", () => {
  const answer = (name: CallName, values: readonly number[] = []): number =>
    interpret(supervisorProgram("x64"), {
      arch: AUDIT_ARCHITECTURE.x64,
      number: CALLS[name].x64 ?? -1,
      arguments: values,
    });

  it("lets it read files and other processes, and answer", () => {
    expect(answer("openat", [0, 0, 0o2_000_000])).toBe(ALLOW); // O_CLOEXEC
    expect(answer("process_vm_readv")).toBe(ALLOW);
    expect(answer("ioctl")).toBe(ALLOW);
  });

  it("lets it connect what it copied of another process, and make no socket", () => {
    expect([answer("pidfd_getfd"), answer("connect")]).toEqual([ALLOW, ALLOW]);
    for (const name of ["socket", "socketpair", "bind"] as const)
      expect([name, answer(name)]).toEqual([name, REFUSE_EPERM]);
  });

  it("lets it start, write, remove and signal nothing", () => {
    for (const name of ["execve", "execveat", "unlinkat", "renameat2", "kill", "ptrace"] as const)
      expect([name, answer(name)]).toEqual([name, REFUSE_EPERM]);
    for (const flags of [0o1, 0o2, 0o100, 0o1000, 0o20_200_000]) {
      expect(answer("openat", [0, 0, flags])).toBe(REFUSE_EPERM);
    }
    expect(answer("process_vm_writev")).toBe(KILL_PROCESS);
    expect(answer("openat2")).toBe(REFUSE_ENOSYS);
  });
});

describe("clone and unshare", () => {
  const NAMESPACES = [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];
  const THREAD = 0x003d_0f00; // what pthread_create passes
  const FORK = 0x0120_0011;

  it("make processes and threads", () => {
    expectDecision("clone", ALLOW, { arguments: [FORK] });
    expectDecision("clone", ALLOW, { arguments: [THREAD] });
    expectDecision("clone", ALLOW, { arguments: [0x80] }); // an exit signal, not CLONE_NEWTIME
    expectDecision("unshare", ALLOW, { arguments: [0x600] }); // CLONE_FS | CLONE_FILES
  });

  it("make no namespace of any kind", () => {
    for (const flag of NAMESPACES) {
      expectDecision("clone", REFUSE_EPERM, { arguments: [flag | FORK] });
      expectDecision("unshare", REFUSE_EPERM, { arguments: [flag] });
    }
    expectDecision("unshare", REFUSE_EPERM, { arguments: [0x80] });
  });
});

describe("ioctl", () => {
  it("asks for the window size", () => expectDecision("ioctl", ALLOW, { arguments: [0, 0x5413] }));

  it("does not type into a terminal, whatever the high half says (CVE-2019-7303)", () => {
    for (const request of [0x5412, 0x541c, 0x5423]) {
      expectDecision("ioctl", REFUSE_EPERM, { arguments: [0, request] });
      expectDecision("ioctl", REFUSE_EPERM, { arguments: [0, BigInt(request) + (1n << 32n)] });
    }
  });
});

describe("ioctl with a guarded root", () => {
  const EOPNOTSUPP = 0x0005_0000 | 95;
  const ENOTTY = 0x0005_0000 | 25;
  const answers = (name: CallName, request: number | bigint): readonly number[] =>
    ARCHITECTURES.map((arch) => {
      const call = { arch: AUDIT_ARCHITECTURE[arch], number: CALLS[name][arch] ?? -1, arguments: [0, request] };
      return interpret(supervisedProgram(arch, "guarded"), call);
    });

  it.each([
    ["FS_IOC_SETFLAGS", 0x4008_6602],
    ["FS_IOC32_SETFLAGS", 0x4004_6602],
    ["FS_IOC_SETVERSION", 0x4008_7602],
    ["EXT4_IOC_SETVERSION", 0x4008_6604],
    ["EXT4_IOC_MOVE_EXT", 0xc028_660f],
    ["FS_IOC_SET_ENCRYPTION_POLICY", 0x800c_6613],
    ["FS_IOC_ENABLE_VERITY", 0x4080_6685],
    ["FS_IOC_FSSETXATTR", 0x401c_5820],
    ["FS_IOC_RESVSP", 0x4030_5828],
    ["FIFREEZE", 0xc004_5877],
    ["FITRIM", 0xc018_5879],
    ["FS_IOC_SETFSLABEL", 0x4100_9432],
    ["FIDEDUPERANGE", 0xc018_9436],
    ["BTRFS_IOC_SUBVOL_CREATE", 0x5000_940e],
    ["BTRFS_IOC_SNAP_DESTROY", 0x5000_940f],
    ["BCH_IOCTL_SUBVOLUME_CREATE", 0x4020_bc10],
    ["FAT_IOCTL_SET_ATTRIBUTES", 0x4004_7211],
    ["F2FS_IOC_MOVE_RANGE", 0xc020_f509],
    ["BLKDISCARD", 0x1277],
  ])("knows no %s, whatever the high half says", (_, request) => {
    expect(answers("ioctl", request)).toEqual([ENOTTY, ENOTTY]);
    expect(answers("ioctl", BigInt(request) + (1n << 32n))).toEqual([ENOTTY, ENOTTY]);
  });

  it("looks at flags, versions and extents, clones, and serves terminals, sockets and graphics as without", () => {
    const LOOKS = [0x8008_6601, 0x8004_6601, 0x8008_7601, 0x8004_7601, 0xc020_660b, 0x801c_581f];
    const CLONES = [0x4004_9409, 0x4020_940d];
    for (const request of [...LOOKS, ...CLONES, 0x5401, 0x5413, 0x541b, 0x5451, 0x8915, 0xc010_6409, 0x4b4b, 2])
      expect([request, answers("ioctl", request)]).toEqual([request, [ALLOW, ALLOW]]);
    for (const request of [0x5412, 0x541c, 0x5423])
      expect(answers("ioctl", request)).toEqual([ASK_SUPERVISOR, ASK_SUPERVISOR]);
  });

  it("and no call that changes attributes does, while one that reads them is made", () => {
    expect(answers("file_setattr", 0)).toEqual([EOPNOTSUPP, EOPNOTSUPP]);
    expect(answers("fsetxattr", 0)).toEqual([EOPNOTSUPP, EOPNOTSUPP]);
    for (const arch of ARCHITECTURES) {
      const call = { arch: AUDIT_ARCHITECTURE[arch], number: 468, arguments: [] }; // file_getattr
      expect(interpret(supervisedProgram(arch, "guarded"), call)).toBe(ALLOW);
    }
  });
});

describe("socket", () => {
  const FAMILIES = { unix: 1, inet: 2, inet6: 10, netlink: 16, packet: 17, alg: 38, vsock: 40, bluetooth: 31, xdp: 44 };
  const allowed = (role: Role): readonly string[] =>
    Object.entries(FAMILIES)
      .filter(([, family]) => decide("x64", "socket", { role, arguments: [family, 1, 0] }) === ALLOW)
      .map(([name]) => name);

  it("serves each role the families that it needs", () => {
    expect(allowed("agent")).toEqual(["unix", "inet", "inet6", "netlink"]);
    expect(allowed("exec")).toEqual(["unix", "inet", "inet6", "netlink"]);
    expect(allowed("driver")).toEqual(["inet", "inet6", "netlink"]);
    expect(allowed("connector")).toEqual(["inet", "inet6", "netlink"]);
    expect(allowed("face")).toEqual(["unix"]);
  });

  it("refuses the rest with EPERM on both architectures", () => {
    for (const family of [0, 3, 17, 31, 38, 40, 44, 255]) {
      expectDecision("socket", REFUSE_EPERM, { arguments: [family, 1, 0] });
      expectDecision("socketpair", REFUSE_EPERM, { arguments: [family, 1, 0] });
    }
  });

  it("speaks ICMP, TCP and UDP, and of other protocols says that there are none", () => {
    for (const role of ["agent", "exec", "driver", "connector"] as const) {
      for (const family of [2, 10]) {
        for (const protocol of [0, 1, 6, 17, 58])
          expectDecision("socket", ALLOW, { role, arguments: [family, 1, protocol] });
        for (const protocol of [262, 132, 136, 33, 256, 115, 255, 0xffff_ffff])
          expectDecision("socket", REFUSE_EPROTONOSUPPORT, { role, arguments: [family, 1, protocol] });
        // The kernel looks at the low half only.
        expectDecision("socket", REFUSE_EPROTONOSUPPORT, { role, arguments: [family, 1, 2n ** 32n + 262n] });
      }
    }
  });

  it("speaks netlink about routes and nothing else", () => {
    expectDecision("socket", ALLOW, { arguments: [16, 3, 0] });
    for (const protocol of [4, 6, 9, 12, 15, 16]) {
      expectDecision("socket", REFUSE_EPERM, { arguments: [16, 3, protocol] });
    }
  });

  it("of an agent or a driver is no unix datagram socket: each of its messages could go to another name", () => {
    for (const kind of [2, 3, 2 | 0o2_000_000, 3 | 0o4000]) {
      for (const call of ["socket", "socketpair"] as const)
        expectDecision(call, REFUSE_EPROTONOSUPPORT, { role: "agent", arguments: [1, kind, 0] });
      expectDecision("socket", REFUSE_EPERM, { role: "driver", arguments: [1, kind, 0] });
      expectDecision("socketpair", REFUSE_EPROTONOSUPPORT, { role: "driver", arguments: [1, kind, 0] });
    }
    for (const kind of [1, 5, 1 | 0o2_000_000, 5 | 0o4000]) {
      expectDecision("socket", ALLOW, { role: "agent", arguments: [1, kind, 0] });
      expectDecision("socketpair", ALLOW, { role: "agent", arguments: [1, kind, 0] });
    }
    expectDecision("socket", ALLOW, { role: "agent", arguments: [2, 2, 0] }); // UDP, in a network of its own
    for (const role of ["face", "connector", "exec"] as const)
      expectDecision("socketpair", ALLOW, { role, arguments: [1, 2, 0] });
  });

  it("of an agent is connected by the supervisor", () => {
    expectDecision("connect", ASK_SUPERVISOR, { role: "agent", arguments: [3, 0, 110] });
    for (const role of ROLES) expectDecision("connect", ALLOW, { role, arguments: [3, 0, 110] });
  });

  it("makes unix pairs in every role", () => {
    for (const role of ROLES) expectDecision("socketpair", ALLOW, { role, arguments: [1, 1, 0] });
  });
});

describe("personality", () => {
  it("is asked and reset", () => {
    expectDecision("personality", ALLOW, { arguments: [0xffff_ffff] });
    expectDecision("personality", ALLOW, { arguments: [0] });
  });

  it("does not switch off address randomisation or choose another execution domain", () => {
    for (const persona of [0x0004_0000, 0x0040_0000, 8]) {
      expectDecision("personality", REFUSE_EPERM, { arguments: [persona] });
    }
  });
});

describe("a file's mode", () => {
  const MODES: readonly { readonly name: CallName; readonly at: (mode: number) => readonly number[] }[] = [
    { name: "chmod", at: (mode) => [0, mode] },
    { name: "fchmod", at: (mode) => [0, mode] },
    { name: "fchmodat", at: (mode) => [0, 0, mode] },
    { name: "fchmodat2", at: (mode) => [0, 0, mode] },
    { name: "creat", at: (mode) => [0, mode] },
    { name: "mkdir", at: (mode) => [0, mode] },
    { name: "mkdirat", at: (mode) => [0, 0, mode] },
    { name: "mknod", at: (mode) => [0, mode] },
    { name: "mknodat", at: (mode) => [0, 0, mode] },
    { name: "open", at: (mode) => [0, 0o100, mode] },
    { name: "openat", at: (mode) => [0, 0, 0o101, mode] },
  ];

  it("is set freely without the set-id bits", () => {
    for (const { name, at } of MODES) expectDecision(name, ALLOW, { arguments: at(0o1777) });
  });

  it("never carries set-user-id or set-group-id, which would leave the sandbox with the user's identity", () => {
    for (const { name, at } of MODES) {
      expectDecision(name, REFUSE_EPERM, { arguments: at(0o4755) });
      expectDecision(name, REFUSE_EPERM, { arguments: at(0o2755) });
    }
    expectDecision("openat", REFUSE_EPERM, { arguments: [0, 0, 0o20_200_002, 0o4700] }); // O_TMPFILE
  });

  it("is not looked at when open makes no file, since the register then holds anything", () => {
    expectDecision("openat", ALLOW, { arguments: [0, 0, 0, 0o4755] });
    expectDecision("open", ALLOW, { arguments: [0, 0, 0o4755] });
  });

  it("cannot be read from openat2, which only our own drivers and faces therefore have", () => {
    expectDecision("openat2", REFUSE_ENOSYS, { role: "agent" });
    expectDecision("openat2", REFUSE_ENOSYS, { role: "exec" });
    expectDecision("openat2", ALLOW, { role: "driver" });
  });

  it("makes pipes, sockets and files with mknod, but no devices", () => {
    for (const type of [0, 0o010_000, 0o140_000, 0o100_000]) {
      expectDecision("mknod", ALLOW, { arguments: [0, type | 0o644] });
      expectDecision("mknodat", ALLOW, { arguments: [0, 0, type | 0o644] });
    }
    for (const type of [0o020_000, 0o060_000]) {
      expectDecision("mknod", REFUSE_EPERM, { arguments: [0, type | 0o644] });
      expectDecision("mknodat", REFUSE_EPERM, { arguments: [0, 0, type | 0o644] });
    }
  });
});
