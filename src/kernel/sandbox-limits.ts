import type { Place } from "./reading.ts";

/**
 * Bounds on what one instance uses of its machine, by name. `memory`, `processes`, `cpu`, `wall`, `disk` and `output` count
 * the whole instance; `files` (open ones) and `fileSize` hold for each process and file.
 */
export const LIMIT_NAMES = ["memory", "processes", "cpu", "wall", "files", "fileSize", "disk", "output"] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];

/** Those at which the kernel lets a call fail: the instance goes on. Over any other it ends. */
const REFUSING: readonly LimitName[] = ["processes", "files", "fileSize"];

/** Whether an instance ends over a limit of this name. */
export function isEnding(limit: LimitName): boolean {
  return !REFUSING.includes(limit);
}

/** What a grant says of them: those that it names. Bytes, counts, and seconds for `cpu` and `wall`. */
export type NamedLimits = { readonly [name in LimitName]?: number };
/** What holds for one instance: null is no bound. */
export type InstanceLimits = { readonly [name in LimitName]: number | null };

const MEBIBYTE = 1024 * 1024;
const TEBIBYTE = MEBIBYTE * MEBIBYTE;
const MONTH_SECONDS = 31 * 86_400;

/** Least and most that a grant may name. The least is what the agent's own start takes. */
const BOUNDS: { readonly [name in LimitName]: readonly [number, number] } = {
  memory: [256 * MEBIBYTE, TEBIBYTE],
  processes: [32, 65_536],
  cpu: [1, MONTH_SECONDS],
  wall: [1, MONTH_SECONDS],
  files: [256, 65_536],
  fileSize: [MEBIBYTE, TEBIBYTE],
  disk: [MEBIBYTE, TEBIBYTE],
  output: [64 * 1024, TEBIBYTE],
};

/** What holds where no grant names a limit. */
export const DEFAULT_LIMITS: InstanceLimits = Object.freeze({
  memory: 8192 * MEBIBYTE,
  processes: 512,
  cpu: null,
  wall: null,
  files: 4096,
  fileSize: 1024 * MEBIBYTE,
  disk: null,
  output: null,
});

/** Reads the limits of a grant's sandbox: at least one, each within its bounds. */
export function readNamedLimits(place: Place): NamedLimits {
  const limits: NamedLimits = place.map({ key: /^[a-zA-Z]{1,16}$/, max: LIMIT_NAMES.length }, (value, key) => {
    const name = LIMIT_NAMES.find((known) => known === key) ?? place.fail(`unknown limit "${key}"`);
    return value.whole(...BOUNDS[name]);
  });
  return Object.keys(limits).length === 0 ? place.fail("no limit is named") : limits;
}

/**
 * The limits of an instance. `chain`: for the acting agent and everyone above it, what their usable grants name. A grant
 * that does not name a limit says nothing about it; of those that do the widest counts, where none does the default, and
 * of the chain the narrowest (CHILD-LESS).
 */
export function limitsOf(chain: readonly (readonly NamedLimits[])[]): InstanceLimits {
  const limitOf = (name: LimitName): number | null => {
    const held = chain.flatMap((grants) => {
      const values = grants.flatMap((grant) => grant[name] ?? []);
      return values.length === 0 ? (DEFAULT_LIMITS[name] ?? []) : [Math.max(...values)];
    });
    return held.length === 0 ? null : Math.min(...held);
  };
  return {
    memory: limitOf("memory"),
    processes: limitOf("processes"),
    cpu: limitOf("cpu"),
    wall: limitOf("wall"),
    files: limitOf("files"),
    fileSize: limitOf("fileSize"),
    disk: limitOf("disk"),
    output: limitOf("output"),
  };
}
