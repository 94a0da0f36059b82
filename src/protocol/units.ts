import type { Decoder } from "./decode.ts";

// Quantities as people write them. Each has a unit, written out; a bare number or an `m` that could be minutes or months
// is refused rather than guessed.

const SECONDS: ReadonlyMap<string, number> = new Map([
  ["s", 1],
  ["min", 60],
  ["h", 3600],
  ["d", 86_400],
]);
const BYTES: ReadonlyMap<string, number> = new Map([
  ["B", 1],
  ["kB", 1000],
  ["MB", 1000 ** 2],
  ["GB", 1000 ** 3],
  ["KiB", 1024],
  ["MiB", 1024 ** 2],
  ["GiB", 1024 ** 3],
]);

const DURATION = /^([1-9][0-9]{0,6})(s|min|h|d)$/;
const RATE = /^([1-9][0-9]{0,4})\/([1-9][0-9]{0,4})?(s|min|h|d)$/;
const SIZE = /^([1-9][0-9]{0,8})(B|kB|MB|GB|KiB|MiB|GiB)$/;
const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/;

/** Milliseconds of a duration such as `90s`, `15min`, `8h` or `3d`; null for anything else. */
export function parseDuration(written: string): number | null {
  const [count, seconds] = split(DURATION, SECONDS, written);
  return count === null ? null : count * seconds * 1000;
}

/** Bytes of a size such as `500kB`, `10MB` (decimal) or `10MiB` (binary); null for anything else. */
export function parseSize(written: string): number | null {
  const [count, bytes] = split(SIZE, BYTES, written);
  return count === null ? null : count * bytes;
}

/** A rate such as `60/min` or `1/30min`: at most `count` in any `seconds`; null for anything else. */
export function parseRate(written: string): { readonly count: number; readonly seconds: number } | null {
  const [, count, units = "1", unit = ""] = RATE.exec(written) ?? [];
  const seconds = SECONDS.get(unit);
  return count === undefined || seconds === undefined
    ? null
    : { count: Number(count), seconds: Number(units) * seconds };
}

/** The same, as it is written: `1/30min`. */
export function writeRate({ count, seconds }: { readonly count: number; readonly seconds: number }): string {
  const [unit, size] = [...SECONDS].toReversed().find(([, each]) => seconds % each === 0) ?? ["s", 1];
  return `${count}/${seconds === size ? "" : seconds / size}${unit}`;
}

/** Milliseconds since 1970 of an instant such as `2026-12-01T08:00:00Z`, which must exist; null for anything else. */
export function parseInstant(written: string): number | null {
  if (!INSTANT.test(written)) return null;
  const at = Date.parse(written);
  // A day that a month does not have rolls over in some engines; what was read must be what was written.
  return Number.isNaN(at) || new Date(at).toISOString() !== written.replace("Z", ".000Z") ? null : at;
}

/** Reads text with one of the parsers above; `is` says what was expected. */
export function quantity<T>(parse: (written: string) => T | null, is: string): Decoder<T> {
  return (value, refusal) => {
    const read = typeof value === "string" && value.length <= 32 ? parse(value) : null;
    return read ?? refusal.misspelt(is, value);
  };
}

function split(pattern: RegExp, units: ReadonlyMap<string, number>, written: string): readonly [number | null, number] {
  const [, digits, unit] = pattern.exec(written) ?? [];
  const size = units.get(unit ?? "");
  return digits === undefined || size === undefined ? [null, 0] : [Number(digits), size];
}
