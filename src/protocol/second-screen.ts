import type { JsonValue } from "../kernel/json.ts";
import { decode, object, oneOf, type DecodeResult } from "./decode.ts";

/** For what an owner can demand that a yes in a browser carries a code that only a terminal tells. */
export const DEMANDS = ["nothing", "reserved"] as const;
export type Demand = (typeof DEMANDS)[number];

/** The setting as an owner signs it (docs/decisions/second-screen.md). */
export interface SecondScreen {
  readonly for: Demand;
}

/** What a yes to a held action takes when a passkey signs it: no code, a code, or another key, at a terminal. */
export const SECOND_NEEDS = ["nothing", "code", "terminal"] as const;
export type SecondNeed = (typeof SECOND_NEEDS)[number];

/** A code as it is in a statement: eight digits that no eye takes for another (Crockford, base 32), 40 bits. */
export const SECOND_CODE: RegExp = /^[0-9a-hjkmnp-tv-z]{8}$/;

/** Reads the setting. */
export function decodeSecondScreen(value: JsonValue): DecodeResult<SecondScreen> {
  return decode(object<SecondScreen>({ for: oneOf(DEMANDS) }), value);
}

/** The code that a person typed, whatever they made of dashes, capitals and digits that look alike; null when it is none. */
export function readSecondCode(typed: string): string | null {
  const digits = typed.toLowerCase().replaceAll(/[\s-]/g, "").replaceAll("o", "0").replaceAll(/[il]/g, "1");
  return SECOND_CODE.test(digits) ? digits : null;
}

/** The same in two groups of four, as a terminal tells it. */
export function showSecondCode(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}
