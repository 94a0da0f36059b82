const MEBIBYTE = 1024 * 1024;

/** What one archive may be and become. */
export interface Bounds {
  /** Bytes as it came. */
  readonly archive: number;
  /** Bytes of all its files together, and of one. */
  readonly total: number;
  readonly file: number;
  /** Files and folders that it names, and that its paths make. */
  readonly entries: number;
  /** Names in one path. */
  readonly depth: number;
  /** Bytes of one name, as most file systems have it, and of one path. */
  readonly name: number;
  readonly path: number;
  /** Times that it may grow, and bytes that it may become however small it is. */
  readonly growth: number;
  readonly small: number;
}

/** Far above any extension we know, far below what hurts a machine. Honest packages grow three to ten times, a bomb a thousand. */
export const BOUNDS: Bounds = Object.freeze({
  archive: 64 * MEBIBYTE,
  total: 256 * MEBIBYTE,
  file: 64 * MEBIBYTE,
  entries: 20_000,
  depth: 32,
  name: 255,
  path: 1024,
  growth: 200,
  small: MEBIBYTE,
});

/** Bytes that an archive of this size may become. */
export function mostUnpacked(archive: number, bounds: Bounds): number {
  return Math.min(bounds.total, bounds.small + archive * bounds.growth);
}
