import type { JsonObject } from "../kernel/json.ts";
import type { Crypto } from "../platform/powers.ts";
import type { RecordBody } from "../protocol/record.ts";
import {
  decodeTelemetry,
  isTelemetryOn,
  refuseTelemetry,
  type TelemetrySetting,
} from "../protocol/telemetry-setting.ts";
import { decodeWitnessSet, witnessKeys, type WitnessSet } from "../protocol/witness-set.ts";
import { decodeRetention } from "../protocol/retention.ts";
import { decodeSecondScreen } from "../protocol/second-screen.ts";
import type { Purpose } from "../protocol/statement.ts";
import { changePublishers, decodePublisherChange, refuseToAdmit, tellChange } from "../protocol/publishers.ts";
import type { State } from "./state.ts";
import { refuseRules } from "./erasing.ts";
import { Refusal } from "./faults.ts";

const SETTINGS = ["set-witnesses", "set-telemetry", "set-second-screen", "set-publishers", "set-retention"] as const;
type SettingPurpose = (typeof SETTINGS)[number];

/** Whether a statement for this sets something of the whole home. */
export function isSettingPurpose(purpose: Purpose): purpose is SettingPurpose {
  return SETTINGS.some((each) => each === purpose);
}

/** The record of a statement that sets who sees the log, or what is trusted with what; throws a Refusal when its document is no such setting. */
export function settingRecord(
  { purpose, document, key }: { readonly purpose: SettingPurpose; readonly document: JsonObject; readonly key: string },
  { crypto, state }: { readonly crypto: Pick<Crypto, "sha256">; readonly state: Pick<State, "publishers"> },
): RecordBody {
  if (purpose === "set-witnesses") {
    return { kind: "witnesses-set", quorum: readWitnesses(document, crypto).quorum, key };
  }
  if (purpose === "set-second-screen") {
    const demanded = decodeSecondScreen(document);
    if (demanded.kind === "ok") return { kind: "second-screen-set", demand: demanded.value.for, key };
    throw new Refusal("bad-document", "This is no setting of the second screen.", "See docs/formats/statement.md.");
  }
  if (purpose === "set-publishers") return { kind: "publishers-set", ...readPublishers(document, state), key };
  if (purpose === "set-retention") {
    const rules = decodeRetention(document);
    if (rules.kind === "refused")
      throw new Refusal(
        "bad-document",
        `These are no rules: ${rules.path} ${rules.message}.`,
        "See docs/retention.md.",
      );
    refuseRules(rules.value.days);
    return { kind: "retention-set", days: rules.value.days, key };
  }
  return { kind: "telemetry-set", on: isTelemetryOn(readTelemetry(document)), key };
}

function readTelemetry(document: JsonObject): TelemetrySetting {
  const decoded = decodeTelemetry(document);
  const never = decoded.kind === "ok" ? refuseTelemetry(decoded.value) : null;
  if (decoded.kind === "ok" && never === null) return decoded.value;
  const why =
    decoded.kind === "ok" ? (never ?? "") : `${decoded.path === "" ? "" : `${decoded.path} `}${decoded.message}`;
  throw new Refusal("bad-document", `This is no setting of telemetry: ${why}.`, "See docs/telemetry.md.");
}

function readPublishers(
  document: JsonObject,
  { publishers }: Pick<State, "publishers">,
): ReturnType<typeof tellChange> {
  const decoded = decodePublisherChange(document);
  if (decoded.kind === "refused") {
    const where = decoded.path === "" ? "" : `${decoded.path} `;
    const why = `This is no change of publishers: ${where}${decoded.message}.`;
    throw new Refusal("bad-document", why, "See docs/formats/publisher.md.");
  }
  const change = decoded.value;
  const odd = change.kind === "admit" ? refuseToAdmit(change) : null;
  if (odd !== null)
    throw new Refusal(
      "bad-document",
      `This cannot be set: ${odd}.`,
      "Have the name and the key from the publisher: `aios publishers key` shows both.",
    );
  const changed = changePublishers(publishers, change);
  if (changed.kind === "ok") return tellChange(change);
  throw new Refusal("bad-document", `This cannot be set: ${changed.why}.`, "Run `aios publishers list`.");
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
