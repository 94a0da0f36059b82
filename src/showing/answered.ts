import type { HeldView } from "../protocol/held-view.ts";
import type { LogRequests } from "../protocol/log-requests.ts";
import { join, line, type Line, type Tone } from "./line.ts";
import { makeVisible } from "./visible.ts";

/** What came of an answer. */
export type Came =
  | { readonly kind: "ran"; readonly tone: Tone; readonly text: string }
  | { readonly kind: "denied"; readonly code: string };

/**
 * What the log says came of a yes, from the number of its record: the action may have failed, or may have been denied all
 * the same because something had moved. Null when the log does not say, which changes nothing about the answer.
 */
export async function readAnswered(
  ask: (query: LogRequests["log-show"]["body"]) => Promise<LogRequests["log-show"]["ok"]>,
  { instance, digest, seq }: Pick<HeldView, "instance" | "digest"> & { readonly seq: number },
): Promise<Came | null> {
  const found = await ask({ from: seq, limit: 1000, instance, kinds: ["denied", "outcome"] }).catch(() => null);
  for (const { record } of found?.entries ?? []) {
    if (record.kind === "denied" && record.action === digest) return { kind: "denied", code: record.code };
    if (record.kind === "outcome" && record.action === digest)
      return {
        kind: "ran",
        tone: record.result === "ok" ? "good" : "bad",
        text: `${RESULTS[record.result]}${record.code === null ? "" : ` (${record.code})`}`,
      };
  }
  return null;
}

const RESULTS = {
  ok: "it ran",
  "tool-error": "it ran, and the server answered with an error",
  failed: "it failed",
  unknown: "nobody knows whether it ran",
} as const;

/** An answer and what came of it, for people. `decision`: what was signed, in the record `seq`. */
export function tellAnswered(
  decision: "allow" | "deny",
  { seq, came }: { readonly seq: number; readonly came: Came | null },
): readonly Line[] {
  if (decision === "deny") return [join(["bad", "denied"], ` (record ${seq})`)];
  if (came?.kind === "denied") return [line(`denied all the same (record ${seq}): ${makeVisible(came.code)}`, "bad")];
  const approved = line(`approved (record ${seq})`, "good");
  return came === null ? [approved] : [approved, line(makeVisible(came.text), came.tone)];
}
