import type { Instruction } from "./bpf.ts";
import { ALLOW } from "./rule-parts.ts";

/** What a filter does on one call, by its number; a body ends in a return, or with something loaded. */
export interface CallBody {
  readonly number: number;
  readonly body: readonly Instruction[];
}

/** Numbers that are compared one after the other: with fewer the program is longer, with more it takes more steps. */
const LEAF = 8;

/**
 * Finds a number by halves. When a filter is installed the kernel runs it for every call that there is, to know which are
 * always allowed, and bubblewrap installs it twice: with one comparison after the other that was a good part of what a
 * start costs.
 */
export function searchCalls(calls: readonly CallBody[]): readonly Instruction[] {
  if (calls.length <= LEAF) return answerEach(calls);
  const half = Math.ceil(calls.length / 2);
  const [{ number: middle } = { number: 0 }] = calls.slice(half);
  const below = `below ${middle}`;
  return [
    { op: "at-least", value: middle, no: below },
    ...searchCalls(calls.slice(half)),
    { op: "label", name: below },
    ...searchCalls(calls.slice(0, half)),
  ];
}

/** Compares with each, allows what is none of them, and has what several of them answer once. */
function answerEach(calls: readonly CallBody[]): readonly Instruction[] {
  const [{ number: first } = { number: 0 }] = calls;
  const bodies = new Map<string, readonly Instruction[]>();
  const comparisons = calls.map(({ number, body }): Instruction => {
    const [only, ...rest] = body;
    const name = only?.op === "return" && rest.length === 0 ? `${first} answers ${only.value}` : `on ${number}`;
    bodies.set(name, body);
    return { op: "equal", value: number, yes: name };
  });
  return [
    ...comparisons,
    { op: "return", value: ALLOW },
    ...[...bodies].flatMap(([name, body]): readonly Instruction[] => [
      { op: "label", name },
      ...body,
      ...(body.at(-1)?.op === "return" ? [] : [{ op: "return", value: ALLOW } as const]),
    ]),
  ];
}
