import type { Journal } from "./journal.ts";
import { RESTARTED } from "./reducer.ts";

/** An intent without an outcome: the monitor stopped in between, so nobody knows what came of it (RECORD-FIRST). */
export async function recordUnknown(journal: Journal): Promise<void> {
  for (const { seq, grants: _grants, ...base } of journal.state.open.values()) {
    await journal.write({
      kind: "outcome",
      intent: seq,
      result: "unknown",
      code: "outcome-unknown",
      digest: null,
      bytes: 0,
      micros: 0,
      ...base,
    });
  }
}

/** Instances whose monitor ended without a word ended with it; the log says so once, at the next start. */
export async function recordEnds(journal: Journal): Promise<void> {
  const ends = [...journal.state.cutOff].map((instance) =>
    journal.write({
      kind: "instance-ended",
      instance,
      why: journal.state.instances.get(instance)?.why ?? RESTARTED,
      exit: null,
    }),
  );
  await Promise.all(ends);
}
