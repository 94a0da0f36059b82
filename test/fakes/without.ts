/**
 * Runs a program on a machine that lacks one thing, for it and everything that it starts:
 *
 *     without.ts landlock|listeners|user-namespaces PROGRAM ARGUMENT…
 *
 * The calls fail as they do where the kernel has no such thing.
 */
import { argv, env, execve } from "node:process";
import { installFilter } from "../../src/platform/sandbox/seccomp-listener.ts";
import { assemble, type Instruction } from "../../src/sandbox/bpf.ts";

const NUMBERS =
  process.arch === "arm64"
    ? { seccomp: 277, clone: 220, unshare: 97, clone3: 435, landlock: 444 }
    : { seccomp: 317, clone: 56, unshare: 272, clone3: 435, landlock: 444 };
const ENOSYS = 38;
const EINVAL = 22;
const ENOSPC = 28;
const CLONE_NEWUSER = 0x1000_0000;
const NEW_LISTENER = 8;
/** Offsets in `struct seccomp_data`. */
const NUMBER = 0;
const argument = (index: number): number => 16 + 8 * index;
const ALLOW = 0x7fff_0000;
const fail = (errno: number): Instruction => ({ op: "return", value: 0x0005_0000 | errno });

/** Fails a call, or only where one of its arguments has one of these bits. */
function refuse(
  number: number,
  errno: number,
  bits?: { readonly index: number; readonly value: number },
): Instruction[] {
  const next = `after ${number}`;
  return [
    { op: "load", offset: NUMBER },
    { op: "equal", value: number, no: next },
    ...(bits === undefined
      ? []
      : ([
          { op: "load", offset: argument(bits.index) },
          { op: "any-bit", value: bits.value, no: next },
        ] as const)),
    fail(errno),
    { op: "label", name: next },
  ];
}

const LACKS: { readonly [what: string]: readonly Instruction[] } = {
  landlock: refuse(NUMBERS.landlock, ENOSYS),
  listeners: refuse(NUMBERS.seccomp, EINVAL, { index: 1, value: NEW_LISTENER }),
  "user-namespaces": [
    ...refuse(NUMBERS.clone, ENOSPC, { index: 0, value: CLONE_NEWUSER }),
    ...refuse(NUMBERS.unshare, ENOSPC, { index: 0, value: CLONE_NEWUSER }),
    ...refuse(NUMBERS.clone3, ENOSYS),
  ],
};

const [, , what = "", program = "", ...rest] = argv;
const lacks = LACKS[what];
if (lacks === undefined) throw new Error(`there is no lack of "${what}"`);
installFilter(assemble([...lacks, { op: "return", value: ALLOW }]));
if (execve === undefined) throw new Error("this Node cannot become another program");
execve(program, [program, ...rest], { ...env });
