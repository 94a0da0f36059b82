/** One regular file of an extension. `path` is relative, with `/`, and names no parent. */
export interface TreeFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The files of an extension as they were read. `skipped` names what is there and was not read, and why. */
export interface Tree {
  readonly files: readonly TreeFile[];
  readonly skipped: readonly { readonly path: string; readonly why: string }[];
}

/** What the rules need from outside, made in `main/`. All of it is pure. */
export interface VetTools {
  /** The syntax tree (ESTree, with `loc`) of a program in JavaScript or TypeScript; throws when it is none. */
  parse(text: string, dialect: Dialect): unknown;
  /** What gzip, zlib or raw deflate data holds, at most `most` bytes; null when it is none, or holds more. */
  inflate(bytes: Uint8Array, most: number): Uint8Array | null;
  /**
   * What these bytes hold read as raw deflate and as Brotli, which nothing marks: at most `most` bytes of each, none of what
   * they are not.
   */
  unmarked(bytes: Uint8Array, most: number): readonly Uint8Array[];
  /** UTF-8 as text, malformed parts replaced. */
  decode(bytes: Uint8Array): string;
  /** SHA-256 in lower-case hex. */
  sha256(bytes: Uint8Array): string;
}

export type Dialect = "javascript" | "jsx" | "typescript" | "tsx";

interface VetBounds {
  readonly files: number;
  /** Bytes of one program or text, and of all. */
  readonly fileBytes: number;
  readonly bytes: number;
  /** Findings of one rule in one file, and of all together. */
  readonly perRule: number;
  readonly findings: number;
  /** Length of all texts that decoding brings forth. */
  readonly decoded: number;
}

/** Bounds of one vetting. What is over them is a finding, never silently left out. */
export const VET_BOUNDS: VetBounds = Object.freeze({
  files: 20_000,
  // A server that is bundled into one file is six or seven mebibytes; a program of this size takes 0.6 GB to read.
  fileBytes: 8 * 1024 * 1024,
  bytes: 48 * 1024 * 1024,
  perRule: 8,
  findings: 2_000,
  decoded: 2 * 1024 * 1024,
});
