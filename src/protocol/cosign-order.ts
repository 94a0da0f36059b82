import { parseHttpUrl } from "../kernel/hosts.ts";
import { integer, literal, object, text, union, type Decoder } from "./decode.ts";
import { MAX_FRAME } from "./frame.ts";
import type { AnswerTable, BodyTable, Side } from "./side.ts";
import { MAX_WITNESS_REQUEST } from "./witness.ts";

/** What a witness answered, or that it did not. */
export type WitnessReply =
  { readonly kind: "answered"; readonly status: number; readonly text: string } | { readonly kind: "silent" };

/** The one request that the monitor sends to its cosigner: it takes a checkpoint to one witness. */
export interface CosignerRequests {
  submit: { body: { readonly at: string; readonly text: string }; ok: WitnessReply };
}

const address: Decoder<string> = (value, refusal) =>
  typeof value === "string" && value.length <= 256 && parseHttpUrl(value) !== null
    ? value
    : refusal.misspelt("an address", value);

const TABLE: BodyTable<CosignerRequests> = {
  submit: object<CosignerRequests["submit"]["body"]>({ at: address, text: text({ max: MAX_WITNESS_REQUEST }) }),
};
/** A cosigner reads what a witness sends, so its words are checked like a stranger's. */
const ANSWERS: AnswerTable<CosignerRequests> = {
  submit: union<WitnessReply, "kind">("kind", {
    answered: object<Extract<WitnessReply, { kind: "answered" }>>({
      kind: literal("answered"),
      status: integer({ min: 0, max: 999 }),
      text: text({ max: MAX_WITNESS_REQUEST }),
    }),
    silent: object<Extract<WitnessReply, { kind: "silent" }>>({ kind: literal("silent") }),
  }),
};

type None = object;

/** The monitor's end of a cosigner's channel. */
export const MONITOR_COSIGNER: Side<{ serves: None; hears: None; asks: CosignerRequests; says: None }> = {
  serves: {},
  hears: {},
  asks: ANSWERS,
  says: {},
  maxFrame: MAX_FRAME,
};

/** A cosigner's end. */
export const COSIGNER_SIDE: Side<{ serves: CosignerRequests; hears: None; asks: None; says: None }> = {
  serves: TABLE,
  hears: {},
  asks: {},
  says: {},
  maxFrame: MAX_FRAME,
};
