/** Why a decoder refused a value; each is also a `ReasonCode` of the decide stage. */
export type RefusalCode = "malformed" | "too-large" | "not-canonical";

/** A refusal: the message names the path inside the value and what was found there. */
export interface Refusal {
  readonly kind: "refused";
  readonly code: RefusalCode;
  readonly message: string;
}

/** What every strict decoder of the kernel returns: the typed value, or why there is none. */
export type Decoded<T> = { readonly kind: "ok"; readonly value: T } | Refusal;

/** Makes a refusal. */
export function refuse(code: RefusalCode, message: string): Refusal {
  return { kind: "refused", code, message };
}
