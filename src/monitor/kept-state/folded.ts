import type { Crypto } from "../../platform/powers.ts";
import type { RecordBody, RecordKind } from "../../protocol/record.ts";
import { type AskedCounts, createAsked, noneAsked } from "../asked-before.ts";
import { replayEntry } from "../journal.ts";
import type { Entry } from "../log/log.ts";
import { checkSigned, SIGNED } from "../signed-records.ts";
import { emptyState, type State } from "../state.ts";

/** Everything that a start folds from the log. */
export interface Folded {
  readonly state: State;
  readonly asked: AskedCounts;
  readonly signed: SignedRecords;
}

/** The records that every start reads from the log itself, ascending, and how many there are of each kind. */
export interface SignedRecords {
  readonly records: number[];
  readonly kinds: Map<RecordKind, number>;
}

/** The monitor's own records without which those of owners do not make what they made. */
const BESIDE: ReadonlySet<RecordKind> = new Set(["owner-recovered", "secret-refreshed", "away-ended", "restored"]);

/** What no record has made yet. */
export function emptyFolded(): Folded {
  return { state: emptyState(), asked: noneAsked(), signed: { records: [], kinds: new Map() } };
}

/** Whether a start reads records of this kind from the log, whatever is kept. */
export function isReadAgain(kind: RecordKind): boolean {
  return SIGNED.has(kind) || BESIDE.has(kind);
}

/** Notes a record that a start must read. */
export function noteSigned({ records, kinds }: SignedRecords, seq: number, { kind }: Pick<RecordBody, "kind">): void {
  if (!isReadAgain(kind)) return;
  records.push(seq);
  kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
}

/** What takes the records of the log in, in their order; signatures are checked. It throws StateFault. */
export function createFold(folded: Folded, crypto: Crypto): (entry: Entry) => void {
  const { state, signed } = folded;
  const asked = createAsked((text) => crypto.digest(text), folded.asked);
  return (entry) => {
    replayEntry(entry, state, (record, payload) => {
      checkSigned(record, { payload, state, crypto });
      asked.note(record, payload);
    });
    noteSigned(signed, entry.record.seq, entry.record);
  };
}
