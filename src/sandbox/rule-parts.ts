import type { Instruction } from "./bpf.ts";

/** What the filter answers (`linux/seccomp.h`). */
export const ALLOW = 0x7fff_0000;
export const ERRNO = 0x0005_0000;
/** "Operation not permitted": what honest programs that try are ready for. */
export const REFUSE_EPERM: number = ERRNO | 1;

export function refuseBits(argument: number, bits: number): readonly Instruction[] {
  return [...loadArgument(argument), { op: "any-bit", value: bits, yes: "refuse" }, ...verdicts()];
}

export function refuseValues(argument: number, values: readonly number[]): readonly Instruction[] {
  return [
    ...loadArgument(argument),
    ...values.map((value): Instruction => ({ op: "equal", value, yes: "refuse" })),
    ...verdicts(),
  ];
}

export function allowValues(argument: number, values: readonly number[]): readonly Instruction[] {
  return [
    ...loadArgument(argument),
    ...values.map((value): Instruction => ({ op: "equal", value, yes: "allow" })),
    { op: "return", value: REFUSE_EPERM },
    { op: "label", name: "allow" },
    { op: "return", value: ALLOW },
  ];
}

/** Both ends of a body, the harmless one first, so that a body without a decision falls through to it explicitly. */
export function verdicts(refusal: number = REFUSE_EPERM): readonly Instruction[] {
  return [
    { op: "label", name: "allow" },
    { op: "return", value: ALLOW },
    { op: "label", name: "refuse" },
    { op: "return", value: refusal },
  ];
}

/** The high half of an argument that is a `long`; such a one is compared in both halves. */
export function loadUpperHalf(index: number): readonly Instruction[] {
  return [{ op: "load", offset: 16 + 8 * index + 4 }];
}

/**
 * The low half of an argument. Every other argument examined is an `int` or is cut to 32 bits by the kernel, so the high half
 * must not be compared: a filter that did was passed by setting it (CVE-2019-7303).
 */
export function loadArgument(index: number): readonly Instruction[] {
  return [{ op: "load", offset: 16 + 8 * index }];
}
