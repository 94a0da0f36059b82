import type { Instruction } from "./bpf.ts";
import { ALLOW, ERRNO, loadArgument, loadUpperHalf, verdicts } from "./rule-parts.ts";

const PR_SET_DUMPABLE = 4;
const SOL_SOCKET = 1;
/** SO_SNDBUF, SO_RCVBUF and what forces them. */
const BUFFER_SIZES: readonly number[] = [7, 8, 32, 33];
/** Bytes of one segment of System V, of which a sandbox has at most 4096 (SHMMNI): enough for what programs lock with. */
const SEGMENT_MOST = 64 * 1024;
/** Semaphores of one set of System V, of which there are at most 32,000 (SEMMNI). */
const SEMAPHORES_MOST = 64;
/** "Invalid argument": what the kernel answers to a size over its own bound. */
const REFUSE_EINVAL: number = ERRNO | 22;
/** The call does nothing and says that it did. */
export const PRETEND: number = ERRNO | 0;

/**
 * On prctl: a process that closes itself to looks could not be added up any more. Programs that keep keys do, and some end when
 * they cannot; nobody else can trace them in here anyway.
 */
export function keepOpen(): readonly Instruction[] {
  return [
    ...loadArgument(0),
    { op: "equal", value: PR_SET_DUMPABLE, no: "allow" },
    ...loadArgument(1),
    { op: "equal", value: 0, no: "allow" },
    { op: "return", value: PRETEND },
    { op: "label", name: "allow" },
    { op: "return", value: ALLOW },
  ];
}

/**
 * On setsockopt: what lies in a socket's buffers is in no process, and without a cgroup nothing counts it. A program that asks for
 * larger ones is told that it has them and keeps those that the kernel gives, as where a machine allows no more (socket(7)).
 */
export function keepBuffers(): readonly Instruction[] {
  return [
    ...loadArgument(1),
    { op: "equal", value: SOL_SOCKET, no: "allow" },
    ...loadArgument(2),
    ...BUFFER_SIZES.map((value): Instruction => ({ op: "equal", value, yes: "pretend" })),
    { op: "label", name: "allow" },
    { op: "return", value: ALLOW },
    { op: "label", name: "pretend" },
    { op: "return", value: PRETEND },
  ];
}

/** On shmget: what is in a segment that nothing maps is in no process, and no limit counts it. Its size is a long. */
export function boundSegment(): readonly Instruction[] {
  return [
    ...loadUpperHalf(1),
    { op: "equal", value: 0, no: "refuse" },
    ...loadArgument(1),
    { op: "at-least", value: SEGMENT_MOST + 1, yes: "refuse" },
    ...verdicts(REFUSE_EINVAL),
  ];
}

/** On semget, likewise: a set has its memory from the start. */
export function boundSemaphores(): readonly Instruction[] {
  return [
    ...loadArgument(1),
    { op: "at-least", value: SEMAPHORES_MOST + 1, yes: "refuse" },
    ...verdicts(REFUSE_EINVAL),
  ];
}
