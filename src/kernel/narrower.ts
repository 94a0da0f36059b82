import { canonicalize } from "./canonical.ts";
import type { Allow, Condition, Grant, Limits } from "./grant.ts";
import type { JsonValue } from "./json.ts";
import { isUnder } from "./paths.ts";

/**
 * Why a grant gives more than another one, or something else, in words; null when it gives the same or less: fewer of the
 * very lines, fewer values, fewer of the further arguments as they were bound, a deeper folder, a lower bound, fewer uses, an earlier end. In everything else the two are equal.
 * Both are decoded grants. Pure; what it does not know to be narrower is wider (ERRORS-DENY).
 */
export function whyWider(narrow: Grant, wide: Grant): string | null {
  const { allow, limits, ...rest } = narrow;
  const { allow: allowed, limits: bounds, ...others } = wide;
  if (!isSame(rest, others)) return "it says something else than what may be done, how often and until when";
  if (allow.length === 0) return "nothing of it is left";
  const astray = allow.find((each) => !allowed.some((wider) => isWithin(each, wider)));
  if (astray !== undefined) return `${astray.what} is not within what was proposed`;
  return whyLooser(limits, bounds);
}

function isWithin(narrow: Allow, wide: Allow): boolean {
  const fields = Object.keys(wide.where);
  return (
    narrow.what === wide.what &&
    Object.keys(narrow.where).length === fields.length &&
    fields.every((field) => {
      const [one, other] = [narrow.where[field], wide.where[field]];
      return one !== undefined && other !== undefined && isStricter(one, other);
    }) &&
    isBoundAs(narrow, wide)
  );
}

/** Whether the rest of the arguments is bound at least as it was: such a bound may be kept or made stricter, never dropped. */
function isBoundAs({ rest: narrow }: Allow, { rest: wide }: Allow): boolean {
  return wide === undefined || (narrow?.every((each) => wide.includes(each)) ?? false);
}

function isStricter(narrow: Condition, wide: Condition): boolean {
  if ("in" in narrow && "in" in wide) return narrow.in.every((value) => wide.in.includes(value));
  if ("under" in narrow && "under" in wide) return isUnder(narrow.under, wide.under);
  if ("max" in narrow && "max" in wide) return narrow.max <= wide.max;
  return isSame(narrow, wide);
}

function whyLooser(narrow: Limits, wide: Limits): string | null {
  const { uses, expires, ...rest } = narrow;
  const { uses: most, expires: end, ...others } = wide;
  if (!isSame(rest, others)) return "its other limits are not the same";
  if (most !== null && (uses === null || uses > most)) return `it may be used more than ${most} times`;
  return expires > end ? "it ends later" : null;
}

function isSame(one: object, other: object): boolean {
  return textOf(one) === textOf(other);
}

function textOf(value: object): string {
  // Interfaces lack the index signature of JSON; canonicalize throws at run time on what is not JSON.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return canonicalize(value as JsonValue);
}
