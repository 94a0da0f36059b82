import type { JsonValue } from "../../kernel/json.ts";
import { encodeUtf8, toBase64 } from "../../protocol/bytes.ts";
import { SALT_DIGITS } from "../../protocol/sealed.ts";
import { decodeRecord } from "../../protocol/record-codec.ts";
import type { LogRecord } from "../../protocol/record.ts";
import { createTreeHasher } from "../../protocol/merkle.ts";
import { CliFailure } from "../failure.ts";
import type { CliPowers, MonitorClient } from "../powers.ts";

/** Records that follow each other, and what leads from them to the root: docs/formats/evidence.md. */
export interface EvidenceRange {
  readonly from: number;
  readonly to: number;
  /** Base64 of the perfect subtrees before and after it. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** A record as it goes into evidence. */
export type EvidenceLine =
  | { readonly kind: "shown"; readonly record: LogRecord; readonly payload: JsonValue; readonly text: string }
  /** Its place in the tree and nothing else. */
  | { readonly kind: "left-out"; readonly text: string };

export interface GatherOptions {
  readonly client: MonitorClient;
  readonly powers: Pick<CliPowers, "crypto">;
  /** Size of the tree that everything is proved in. */
  readonly size: number;
  /** Of which records more is shown than a hash. */
  readonly wants: (record: LogRecord) => boolean;
  /** Of which of these the payload too. */
  readonly shows: (record: LogRecord) => boolean;
}

/** Asks for one range and gives its lines in order; returns the proof of the range. */
export async function* gather(
  { from, to }: { readonly from: number; readonly to: number },
  { client, powers, size, wants, shows }: GatherOptions,
): AsyncGenerator<EvidenceLine, EvidenceRange, undefined> {
  const hasher = createTreeHasher((data) => powers.crypto.sha256(data));
  let before: readonly string[] | null = null;
  let after: readonly string[] = [];
  for (let next = from; next < to;) {
    const answer = await client.request("log-disclose", { from: next, to, size });
    before ??= answer.before;
    after = answer.after;
    for (const [place, { leaf, salted }] of answer.entries.entries()) {
      const seq = next + place;
      const record = readLeaf(leaf, seq);
      if (wants(record)) {
        const shown = shows(record) ? salted : null;
        const text = `${JSON.stringify({ seq, leaf, salted: shown })}\n`;
        yield { kind: "shown", record, payload: shown === null ? null : readText(shown.slice(SALT_DIGITS)), text };
      } else {
        const text = `${JSON.stringify({ seq, hash: toBase64(hasher.leaf(encodeUtf8(leaf))) })}\n`;
        yield { kind: "left-out", text };
      }
    }
    next = answer.to;
  }
  return { from, to, before: before ?? [], after };
}

function readLeaf(leaf: string, seq: number): LogRecord {
  const record = decodeRecord(readText(leaf));
  if (record.kind !== "ok" || record.value.seq !== seq)
    throw CliFailure.of(
      "changed-on-the-way",
      `The monitor gave something else as record ${seq}`,
      "run aios log verify",
    );
  return record.value;
}

/** What the monitor wrote canonically; the verifier of evidence trusts none of it. */
function readText(text: string): JsonValue {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- JSON.parse gives JSON
  return JSON.parse(text) as JsonValue;
}
