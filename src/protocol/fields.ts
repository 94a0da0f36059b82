import { REASONS, STAGES, type ReasonCode, type Stage } from "../kernel/codes.ts";
import { LABELS, RISKS, type Label, type Risk } from "../kernel/grant.ts";
import { isHomePath } from "../kernel/home-grant.ts";
import { integer, names, object, oneOf, refine, text, type Decoder } from "./decode.ts";
import {
  AGENT_NAME,
  DRIVER_NAME,
  GRANT_ID,
  INSTANCE_ID,
  KEY_ID,
  PROVIDER_NAME,
  REQUEST_NONCE,
  SECRET_NAME,
  SHA256,
} from "../kernel/names.ts";

// Decoders of the values that occur in many messages: one place says what each looks like.

export const agentName: Decoder<string> = text({ max: 31, pattern: AGENT_NAME, is: "an agent name" });
export const driverName: Decoder<string> = text({ max: 31, pattern: DRIVER_NAME, is: "a driver name" });
export const instanceId: Decoder<string> = text({ max: 18, pattern: INSTANCE_ID, is: "an instance id" });
export const grantId: Decoder<string> = text({ max: 63, pattern: GRANT_ID, is: "a grant id" });
/** 32 lower-case hex digits: nonce of a request, start id, ticket. */
export const nonce: Decoder<string> = text({ max: 32, pattern: REQUEST_NONCE, is: "32 lower-case hex digits" });
export const digest: Decoder<string> = text({ max: 71, pattern: SHA256, is: "a digest" });
export const secretName: Decoder<string> = text({ max: 31, pattern: SECRET_NAME, is: "the name of a secret" });
export const providerName: Decoder<string> = text({ max: 31, pattern: PROVIDER_NAME, is: "the name of a provider" });
export const ownerKey: Decoder<string> = text({ max: 25, pattern: KEY_ID, is: "a key id" });

export const risk: Decoder<Risk> = oneOf(RISKS);
export const stage: Decoder<Stage> = oneOf(STAGES);
export const labels: Decoder<readonly Label[]> = names(oneOf(LABELS), { max: LABELS.length });
// The catalogue has a sentence for every code and nothing besides; its type says so.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- keys of a closed record
export const reasonCode: Decoder<ReasonCode> = oneOf(Object.keys(REASONS) as ReasonCode[]);

/** One line of visible text: nothing in it moves a cursor, turns the order round or is drawn as nothing. */
export const visibleLine: Decoder<string> = text({
  max: 1024,
  pattern: /^[^\p{C}\p{Zl}\p{Zp}]*$/u,
  is: "a line of visible text",
});

/** A moment, milliseconds since 1970 UTC. */
export const moment: Decoder<number> = integer({ min: 0, max: 8_640_000_000_000_000 });
/** A count, a size in bytes, a sequence number. */
export const count: Decoder<number> = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
/** Instances above one, nearest first. */
export const ancestry: Decoder<readonly string[]> = names(instanceId, { max: 64 });
/** A few words of ours or of a peer, escaped where they are shown. */
export const words: Decoder<string> = text({ max: 4096 });
/** A path below an agent's home with one reading. */
export const homePath: Decoder<string> = refine(
  text({ max: 600, pattern: /^[!-~]+$/, is: "a path below the home" }),
  (path) => (isHomePath(path) ? null : "is not a path below the home with one reading"),
);

/** No fields at all. */
export const empty: Decoder<Record<string, never>> = object<Record<string, never>>({});
