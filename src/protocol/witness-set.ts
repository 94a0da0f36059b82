import { parseHttpUrl } from "../kernel/hosts.ts";
import type { JsonValue } from "../kernel/json.ts";
import { decode, integer, list, object, oneOf, text, type DecodeResult, type Decoder } from "./decode.ts";
import type { Sha256 } from "./merkle.ts";
import { readNoteKey, type NoteKey } from "./note.ts";

/** Witnesses that a log asks. */
const MOST_WITNESSES = 16;

/** The witnesses of a home's log, as an owner signs them (docs/formats/witness.md). */
export interface WitnessSet {
  /** Their keys in text form, and where each listens: https, or http at this machine. */
  readonly witnesses: readonly { readonly key: string; readonly at: string }[];
  /** How many must have cosigned a checkpoint; 0 with no witnesses. */
  readonly quorum: number;
  /** What does not run before the quorum has cosigned its intent. */
  readonly before: "nothing" | "reserved";
}

/** A home that has set none. */
export const NO_WITNESSES: WitnessSet = Object.freeze({ witnesses: [], quorum: 0, before: "nothing" });

const address: Decoder<string> = (value, refusal) => {
  if (typeof value !== "string" || value.length > 256) return refusal.misspelt("an address of a witness", value);
  const url = parseHttpUrl(value);
  return url === null || /[?#]/.test(url.path) ? refusal.misspelt("an address of a witness", value) : value;
};

const SHAPE: Decoder<WitnessSet> = object<WitnessSet>({
  witnesses: list(object<WitnessSet["witnesses"][number]>({ key: text({ max: 400 }), at: address }), {
    max: MOST_WITNESSES,
  }),
  quorum: integer({ min: 0, max: MOST_WITNESSES }),
  before: oneOf(["nothing", "reserved"]),
});

/** Reads a set of witnesses; what its keys are is `witnessKeys`'s to say. */
export function decodeWitnessSet(value: JsonValue): DecodeResult<WitnessSet> {
  return decode(SHAPE, value);
}

/** The keys of a set, or what is wrong with it. One witness under two names, or twice, would be a quorum of one. */
export function witnessKeys(
  { witnesses, quorum, before }: WitnessSet,
  sha256: Sha256,
): { readonly kind: "ok"; readonly keys: readonly NoteKey[] } | { readonly kind: "refused"; readonly why: string } {
  const keys: NoteKey[] = [];
  for (const { key: written } of witnesses) {
    const key = readNoteKey(sha256, written, "cosignature");
    if (key === null) return { kind: "refused", why: `"${written}" is not the key of a witness` };
    if (keys.some((other) => other.name === key.name || String(other.publicKey) === String(key.publicKey))) {
      return { kind: "refused", why: `${key.name} is there twice` };
    }
    keys.push(key);
  }
  if (quorum > keys.length || (quorum === 0) !== (keys.length === 0)) {
    return { kind: "refused", why: `a quorum of ${quorum} does not fit ${keys.length} witnesses` };
  }
  if (before === "reserved" && quorum === 0) return { kind: "refused", why: "there is no witness to wait for" };
  return { kind: "ok", keys };
}
