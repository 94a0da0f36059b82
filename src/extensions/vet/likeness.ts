import { KNOWN_NAMES, KNOWN_SCOPES } from "./known-names.ts";

const SHORTEST = 5;
const LONG = 12;
const KNOWN: ReadonlySet<string> = new Set(KNOWN_NAMES);

/** The well-known name that this one passes for, or null: for a well-known name itself, and for names that only share words with one. */
export function resembles(name: string): string | null {
  if (KNOWN.has(name)) return null;
  const [scope, rest] = splitScope(name);
  if (scope !== null && KNOWN_SCOPES.includes(scope)) return null;
  if (scope !== null) {
    const known = KNOWN_SCOPES.find((each) => isClose(scope, each));
    if (known !== undefined) return `${known}/${rest}`;
    return KNOWN_NAMES.find((each) => each.startsWith("@") && isClose(name, each)) ?? null;
  }
  return KNOWN_NAMES.find((each) => !each.startsWith("@") && isClose(name, each)) ?? null;
}

function splitScope(name: string): readonly [scope: string | null, rest: string] {
  const at = name.startsWith("@") ? name.indexOf("/") : -1;
  return at === -1 ? [null, name] : [name.slice(0, at), name.slice(at + 1)];
}

/** Whether two names that differ look or read alike: one slip of a finger apart, two in a long name, or drawn alike. */
function isClose(one: string, other: string): boolean {
  if (one === other || other.length < SHORTEST) return false;
  if (skeleton(one) === skeleton(other)) return true;
  if (one.length < SHORTEST || /\d$/u.test(one) !== /\d$/u.test(other)) return bare(one) === bare(other);
  return distance(one.toLowerCase(), other) <= (other.length >= LONG ? 2 : 1) || bare(one) === bare(other);
}

/** What is drawn alike becomes alike: `I` and `1` are `l`, `0` is `o`, `rn` is `m`. */
function skeleton(name: string): string {
  return name
    .replaceAll(/[Il1|]/gu, "l")
    .replaceAll(/[0O]/gu, "o")
    .replaceAll("rn", "m")
    .replaceAll("vv", "w")
    .toLowerCase();
}

/** Without what is easily left out or added: `lodash.js`, `socketio`, `clawhub1`. */
function bare(name: string): string {
  return name
    .toLowerCase()
    .replace(/[._-]?(?:js|\d{1,2})$/u, "")
    .replaceAll(/[._-]/gu, "");
}

/** Edits between two names: a letter put in, left out, changed, or two neighbours swapped (Damerau, 1964); cut off at 3. */
export function distance(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > 2) return 3;
  let before: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let row = 1; row <= one.length; row++) {
    const next = [row];
    for (let column = 1; column <= other.length; column++) {
      const same = one[row - 1] === other[column - 1];
      let least = Math.min(
        (last[column] ?? 0) + 1,
        (next[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1])
        least = Math.min(least, (before[column - 2] ?? 0) + 1);
      next.push(least);
    }
    before = last;
    last = next;
  }
  return Math.min(last[other.length] ?? 3, 3);
}
