import { readSignatures, type NoteKey } from "../protocol/note.ts";
import { readSeenSize, writeAddCheckpoint } from "../protocol/witness.ts";
import type { WitnessTrouble, WitnessTroubleCode } from "../protocol/witness-standing.ts";
import { findWitnesses } from "../protocol/witnessed.ts";
import type { CosigningPorts } from "./cosigning.ts";
import type { Checkpoint } from "./log/log.ts";

/** What came of asking one witness. */
export type Asked =
  { readonly kind: "cosigned"; readonly line: string } | { readonly kind: "trouble"; readonly trouble: WitnessTrouble };

export interface WitnessQuestion {
  /** By the text of a witness's key: the size that it saw last. */
  readonly sizes: Map<string, number>;
  readonly checkpoint: Checkpoint;
  readonly text: string;
  readonly at: string;
  readonly key: NoteKey;
}

/**
 * Asks one witness for its cosignature. It is told what it saw last, as far as we know; when it says that it saw something
 * else it is asked once more, from there. What it cannot have seen of a log that only grows is named.
 */
export async function askWitness(
  ports: Pick<CosigningPorts, "log" | "submit" | "powers">,
  { sizes, checkpoint, text, at, key }: WitnessQuestion,
): Promise<Asked> {
  const { size } = checkpoint;
  const trouble = (code: WitnessTroubleCode, more: Partial<Pick<WitnessTrouble, "seen" | "status">> = {}): Asked => ({
    kind: "trouble",
    trouble: { code, size, seen: null, status: null, ...more },
  });
  for (let tries = 0; tries < 2; tries += 1) {
    const old = sizes.get(text) ?? 0;
    const path = old === 0 ? [] : await ports.log.consistency(old, size);
    const reply = await ports.submit(at, writeAddCheckpoint({ old, path, note: checkpoint.note }));
    if (reply.kind === "silent") return trouble("silent");
    const { status } = reply;
    if (status === 200) {
      const line = lineOf(reply.text, { checkpoint, key, powers: ports.powers });
      if (line === null) return trouble("unsigned");
      sizes.set(text, size);
      return { kind: "cosigned", line };
    }
    // The proof that we made of our own log does not lead from what it saw.
    if (status === 422 && old > 0) return trouble("forked", { seen: old, status });
    const seen = status === 409 ? readSeenSize(reply.text) : null;
    if (seen === null) return trouble("refused", { status });
    if (seen === old) return old === size ? trouble("forked", { seen, status }) : trouble("unsteady", { seen, status });
    if (seen > size) return trouble("rolled-back", { seen, status });
    sizes.set(text, seen);
  }
  return trouble("unsteady");
}

/** The one line of an answer that is the witness's own, checked; others that came with it are passed over. */
function lineOf(
  answer: string,
  { checkpoint, key, powers }: { checkpoint: Checkpoint; key: NoteKey; powers: CosigningPorts["powers"] },
): string | null {
  const own = readSignatures(answer)?.filter(({ name }) => name === key.name) ?? [];
  const line = own.find(({ line: each }) => {
    const found = findWitnesses(checkpoint.note + each, { keys: [key], quorum: 1, since: 0 }, powers.crypto);
    return found.kind === "witnessed";
  });
  return line?.line ?? null;
}
