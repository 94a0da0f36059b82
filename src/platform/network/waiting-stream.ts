import type { Duplex } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { readAnswering, readHead, type AnsweringHead } from "./broker-wire.ts";
import type { ProxyProblem } from "./proxy-answer.ts";

/** What a face is told of a request: a ticket, or why there is none. */
export type ProxyVerdict =
  | { readonly kind: "granted"; readonly ticket: string; readonly via: number }
  | { readonly kind: "stopped"; readonly problem: ProxyProblem };

/** The code of a request that is over, or of which nobody knows more: what there is to say of it was on its stream. */
const OVER = "driver-failed";

/**
 * Waits on a stream that was opened before it was decided whether its request goes out. Gives the head of the answer, or what the
 * broker could not do, when it went out. Null: it did not, for the verdict that has come by then; the stream is closed. Never rejects.
 */
export async function awaitAnswer(stream: Duplex, verdict: Promise<ProxyVerdict>): Promise<AnsweringHead | null> {
  let head: AnsweringHead | null = null;
  const read = readHead(stream, readAnswering).then(
    (answer) => void (head = answer),
    () => {},
  );
  await Promise.race([read, verdict]);
  if (head !== null) return head;
  // Why a stream broke off says the verdict.
  const word = await verdict;
  if (word.kind === "stopped") await othersRead();
  if (head !== null) return head;
  stream.destroy();
  return word.kind === "stopped" && word.problem.code === OVER ? { kind: "fault", fault: "cut" } : null;
}

/**
 * Resolves when everything has been read that was there before this turn. What a broker says comes before what is recorded of it, and
 * that before the verdict; but the loop may have looked for what is there to be read before either came, and have read the verdict only.
 */
async function othersRead(): Promise<void> {
  await setImmediate();
  await setImmediate();
}
