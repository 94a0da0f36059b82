import type { JsonObject } from "../kernel/json.ts";
import type { Crypto } from "../platform/powers.ts";
import type { RecordBody } from "../protocol/record.ts";
import { decodeTelemetry, isTelemetryOn } from "../protocol/telemetry-setting.ts";
import { decodeWitnessSet, witnessKeys, type WitnessSet } from "../protocol/witness-set.ts";
import { Refusal } from "./faults.ts";

/** The record of a statement that sets who sees the log; throws a Refusal when its document is no such setting. */
export function settingRecord(
  {
    purpose,
    document,
    key,
  }: { readonly purpose: "set-witnesses" | "set-telemetry"; readonly document: JsonObject; readonly key: string },
  crypto: Pick<Crypto, "sha256">,
): RecordBody {
  if (purpose === "set-witnesses") {
    return { kind: "witnesses-set", quorum: readWitnesses(document, crypto).quorum, key };
  }
  const decoded = decodeTelemetry(document);
  if (decoded.kind === "ok") return { kind: "telemetry-set", on: isTelemetryOn(decoded.value), key };
  const where = decoded.path === "" ? "" : `${decoded.path} `;
  throw new Refusal(
    "bad-document",
    `This is no setting of telemetry: ${where}${decoded.message}.`,
    "See docs/telemetry.md.",
  );
}

function readWitnesses(document: JsonObject, crypto: Pick<Crypto, "sha256">): WitnessSet {
  const decoded = decodeWitnessSet(document);
  if (decoded.kind === "refused") throw refusal(decoded.message);
  const keys = witnessKeys(decoded.value, (data) => crypto.sha256(data));
  if (keys.kind === "refused") throw refusal(keys.why);
  return decoded.value;
}

function refusal(why: string): Refusal {
  return new Refusal("bad-document", `These are no witnesses: ${why}.`, "See docs/formats/witness.md.");
}
