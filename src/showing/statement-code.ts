import { canonicalize } from "../kernel/canonical.ts";
import type { UnsignedStatement } from "../protocol/statement.ts";

/** A statement as the monitor drew it up, complete but for who signs and what is decided. */
export type Draft = UnsignedStatement;

/** SHA-256 of a text, as `sha256:` and hex. */
export type Digest = (text: string) => string;

/** Digits that no eye takes for another (Crockford, base 32): no i, l, o, u. */
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const GROUPS = 5;
const GROUP = 3;

/**
 * The short code of a draft, `k3v-9qm-2t4-xa7-0ff`: 75 bits of its digest. The same on every screen that shows the same
 * statement; the nonce in it is the monitor's, so that nobody can look for two statements with one code.
 */
export function statementCode(draft: Draft, digest: Digest): string {
  return shortCode(digest(canonicalize({ ...draft })));
}

/** The short code of a digest, `sha256:` and hex: its first 75 bits in five groups of three. */
export function shortCode(digest: string): string {
  let bits = BigInt(`0x${digest.replace(/^sha256:/u, "").slice(0, 20)}`) >> 5n;
  let code = "";
  for (let index = 0; index < GROUPS * GROUP; index += 1) {
    if (index > 0 && index % GROUP === 0) code = `-${code}`;
    code = `${DIGITS[Number(bits & 31n)] ?? ""}${code}`;
    bits >>= 5n;
  }
  return code;
}
