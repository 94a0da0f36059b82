import type { Proposal } from "../kernel/action.ts";
import { jsonObject, object, oneOf, text, type Decoder, type Fields } from "./decode.ts";

/** Longest driver name and name that a face may hand in, in UTF-16 units. */
export const PROPOSAL_BOUNDS: { readonly driver: number; readonly name: number } = Object.freeze({
  driver: 64,
  name: 1024,
});

/**
 * The part of an action that an agent chose, on its way to the stage that decides. Only its shape is checked here:
 * names and arguments come from the agent, and what is wrong with them is for the pipeline to answer and to record with
 * its reason code, not a fault of the face that hands them in.
 */
export const PROPOSAL_FIELDS: Fields<Proposal> = {
  verb: oneOf(["call", "read", "prompt"]),
  driver: text({ max: PROPOSAL_BOUNDS.driver }),
  name: text({ max: PROPOSAL_BOUNDS.name }),
  arguments: jsonObject(),
};

/** Reads a proposal, see `PROPOSAL_FIELDS`. */
export const PROPOSAL: Decoder<Proposal> = object<Proposal>(PROPOSAL_FIELDS);
