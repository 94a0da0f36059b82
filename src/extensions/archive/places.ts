import { utf8Length } from "../../kernel/utf8.ts";
import type { Bounds } from "./bounds.ts";
import { refuse } from "./fault.ts";

/** What moves a cursor, turns the order of a line round, or is drawn as nothing and is no part of a picture. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/u;

/**
 * The places that an archive has named so far. Every name has one plain reading, lies below the folder it is unpacked in,
 * and differs from every other by more than case, composition, width, and what is drawn as nothing: what is judged here is
 * the same tree on every file system.
 */
export class Places {
  readonly #bounds: Bounds;
  /** By what a careless file system would take a path for. */
  readonly #taken = new Map<string, { readonly path: string; readonly kind: "file" | "folder" }>();

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** Enters one name and gives its path. Throws ArchiveFault. */
  enter(name: string, kind: "file" | "folder"): string {
    const segments = readPath(name, this.#bounds);
    let path = "";
    let folded = "";
    segments.forEach((segment, index) => {
      path = index === 0 ? segment : `${path}/${segment}`;
      folded = `${folded}/${fold(segment)}`;
      const last = index === segments.length - 1;
      this.#take(folded, { path, kind: last ? kind : "folder" }, last && kind === "file");
    });
    return path;
  }

  #take(folded: string, place: { readonly path: string; readonly kind: "file" | "folder" }, fresh: boolean): void {
    const there = this.#taken.get(folded);
    if (there === undefined) {
      if (this.#taken.size >= this.#bounds.entries)
        refuse("archive-too-many", `it has more than ${this.#bounds.entries} files and folders`);
      this.#taken.set(folded, place);
    } else if (fresh || there.kind === "file" || there.path !== place.path) {
      refuse("archive-twin", `"${place.path}" and "${there.path}" are the same name to some file systems, or to all`);
    }
  }
}

/** The segments of a path. Throws ArchiveFault for one that is absolute, leads up, or has more than one reading. */
export function readPath(name: string, bounds: Bounds): readonly string[] {
  if (name.length > bounds.path * 2) refuse("archive-long", `a path of it has ${name.length} characters`);
  if (name.startsWith("/") || /^[A-Za-z]:/u.test(name)) refuse("archive-outside", `"${name}" is absolute`);
  if (!name.isWellFormed() || UNSEEN.test(name) || name.includes("\\"))
    refuse("archive-name", `"${name}" has characters that no name needs`);
  const segments = name.split("/");
  if (segments.includes("..")) refuse("archive-outside", `"${name}" leads up`);
  if (segments.some((segment) => segment === "" || segment === "." || segment.trim() !== segment))
    refuse("archive-name", `"${name}" has more than one reading`);
  if (segments.length > bounds.depth) refuse("archive-deep", `a path of it has ${segments.length} names`);
  if (utf8Length(name) > bounds.path || segments.some((each) => utf8Length(each) > bounds.name))
    refuse("archive-long", `"${name.slice(0, 64)}..." is too long`);
  return segments;
}

/**
 * What a name is taken for by file systems that know neither case nor composition (APFS, NTFS, casefold ext4), and by eyes.
 * Upper case first: only so do `ß` and `SS`, `ſ` and `s` meet.
 */
export function fold(segment: string): string {
  return segment
    .normalize("NFKC")
    .replaceAll(/\p{Default_Ignorable_Code_Point}/gu, "")
    .toUpperCase()
    .toLowerCase()
    .normalize("NFKC")
    .replace(/[. ]+$/u, "");
}
