/*
 * Cedar's decimal is a 64-bit integer of ten-thousandths (docs.cedarpolicy.com, decimal). A number is taken at its
 * shortest decimal text, which is what the agent wrote; one that needs more digits has no decimal and is never rounded,
 * since rounding would let 1000.00004 pass a bound of 1000.
 */
const PLAIN = /^(-?)(\d+)(?:\.(\d+))?$/;
const LARGEST = 2n ** 63n - 1n;

/** A number as the argument of Cedar's `decimal`, or null when it has no exact one. */
export function decimalText(value: number): string | null {
  const parts = PLAIN.exec(String(value));
  if (parts === null) return null;
  const [, sign = "", whole = "", fraction = ""] = parts;
  if (fraction.length > 4) return null;
  const units = BigInt(whole) * 10_000n + BigInt(fraction.padEnd(4, "0"));
  return units > LARGEST ? null : `${sign}${whole}.${fraction === "" ? "0" : fraction}`;
}

/** The largest decimal that is at most `value`: a decimal is ≤ it exactly when it is ≤ `value`. Null when there is none. */
export function floorDecimal(value: number): string | null {
  const exact = decimalText(value);
  if (exact !== null) return exact;
  if (Math.abs(value) >= 1e21) return value > 0 ? decimalOf(LARGEST) : null;
  // What is left has more than four digits after the point, or is beyond the range; 1e-7 and its like are near zero.
  const [, , whole = "0", fraction = ""] = PLAIN.exec(String(value)) ?? [];
  const cut = BigInt(whole) * 10_000n + BigInt(fraction.slice(0, 4).padEnd(4, "0"));
  if (value > 0) return decimalOf(cut > LARGEST ? LARGEST : cut);
  return cut > LARGEST ? null : decimalOf(-cut - 1n);
}

function decimalOf(units: bigint): string {
  const size = units < 0n ? -units : units;
  return `${units < 0n ? "-" : ""}${size / 10_000n}.${String(size % 10_000n).padStart(4, "0")}`;
}
