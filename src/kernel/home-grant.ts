import type { Place } from "./reading.ts";

/**
 * What an agent gets of a home that lasts: a volume of its own, mounted at /home/agent and kept between runs. Without
 * one its home is in memory and gone with the run.
 */
export interface HomeGrant {
  /** Bytes on disk of everything in it together; over it the instance is frozen, and none starts. */
  readonly bytes: number;
  /** Files, folders and links in it, likewise. */
  readonly entries: number;
  /**
   * Paths below the home that the agent cannot change: a file, or a folder with `/` at the end. At each start their
   * content is what an owner put there (`aios home put`), and nothing where nobody did.
   */
  readonly sealed: readonly string[];
}

const LEAST_BYTES = 1_048_576;
const MOST_BYTES = 2 ** 40;
const LEAST_ENTRIES = 16;
const MOST_ENTRIES = 1_000_000;
const MOST_SEALED = 128;
const MOST_SEGMENTS = 8;
const SEGMENT = /^[A-Za-z0-9._@+-]{1,64}$/;

/** Whether a text is a path below a home with one reading: at most eight plain segments, a folder with `/` at the end. */
export function isHomePath(path: string): boolean {
  const segments = (path.endsWith("/") ? path.slice(0, -1) : path).split("/");
  return (
    segments.length <= MOST_SEGMENTS &&
    segments.every((segment) => SEGMENT.test(segment) && segment !== "." && segment !== "..")
  );
}

/** Whether what lies at one path of a home is sealed by another: itself, or a sealed folder around it. */
export function isSealedBy(sealed: string, path: string): boolean {
  return sealed === path || (sealed.endsWith("/") && path.startsWith(sealed));
}

/** Reads what a grant says about a home. */
export function readHome(place: Place): HomeGrant {
  const at = place.fields("bytes", "entries", "sealed");
  const sealed = at("sealed").names(MOST_SEALED, (each) => {
    const path = each.text(/^[\x21-\x7e]{1,600}$/, "a path below the home");
    return isHomePath(path) ? path : each.fail("not a path below the home with one reading");
  });
  for (const path of sealed) {
    // `a` and `a/`, and what lies in a sealed folder or below a sealed file: one of the two would mean nothing.
    const other = sealed.find((each) => each !== path && `${path}/`.startsWith(each.endsWith("/") ? each : `${each}/`));
    if (other !== undefined) at("sealed").fail(`"${path}" lies within "${other}"`);
  }
  return {
    bytes: at("bytes").whole(LEAST_BYTES, MOST_BYTES),
    entries: at("entries").whole(LEAST_ENTRIES, MOST_ENTRIES),
    sealed,
  };
}

/**
 * The home of an instance: of the grants of one agent the widest budgets, of an agent and everyone above it the
 * narrowest (CHILD-LESS), and none when one of them has none. Sealed is what any of them seals.
 * @param chain for each agent, acting first, what each of its usable grants gives.
 */
export function leastHome(chain: readonly (readonly (HomeGrant | null)[])[]): HomeGrant | null {
  const homes = chain.map((grants) => grants.filter((home) => home !== null));
  if (homes.length === 0 || homes.some((each) => each.length === 0)) return null;
  const least = (of: (home: HomeGrant) => number): number =>
    Math.min(...homes.map((each) => Math.max(...each.map(of))));
  const sealed = new Set(homes.flat().flatMap((home) => home.sealed));
  // Two grants may seal a folder and something in it; the folder alone says it.
  const outermost = [...sealed].filter(
    (path) =>
      ![...sealed].some((other) => other !== path && `${path}/`.startsWith(other.endsWith("/") ? other : `${other}/`)),
  );
  return { bytes: least((home) => home.bytes), entries: least((home) => home.entries), sealed: outermost };
}

/** Whether `less` gives less than `than`, so that what runs on `than` must end. */
export function givesLess(less: HomeGrant | null, than: HomeGrant | null): boolean {
  if (than === null) return false;
  if (less === null || less.bytes < than.bytes || less.entries < than.entries) return true;
  return less.sealed.some((path) => !than.sealed.some((each) => isSealedBy(each, path)));
}
