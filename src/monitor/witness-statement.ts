import type { JsonObject } from "../kernel/json.ts";
import type { Crypto } from "../platform/powers.ts";
import { decodeWitnessSet, witnessKeys, type WitnessSet } from "../protocol/witness-set.ts";
import { Refusal } from "./faults.ts";

/** The witnesses that an owner's statement is about; throws a Refusal when they are none. */
export function readWitnesses(document: JsonObject, crypto: Pick<Crypto, "sha256">): WitnessSet {
  const decoded = decodeWitnessSet(document);
  if (decoded.kind === "refused") throw refusal(decoded.message);
  const keys = witnessKeys(decoded.value, (data) => crypto.sha256(data));
  if (keys.kind === "refused") throw refusal(keys.why);
  return decoded.value;
}

function refusal(why: string): Refusal {
  return new Refusal("bad-document", `These are no witnesses: ${why}.`, "See docs/formats/witness.md.");
}
