/** Writes for the person, as the person: what they asked to have prepared, where they said. Nothing here is authority. */
export interface Drafts {
  /** Makes a new folder that only the person may enter. Throws `CliFailure` (`already-there`, `file-unwritable`). */
  makeFolder(path: string): Promise<void>;
  /** Makes a new file that only the person may read, durably. Throws `CliFailure` (`already-there`, `file-unwritable`). */
  write(path: string, text: string): Promise<void>;
  /** The same for what is made to be given to others: everybody may read it, as far as the person's umask lets them. */
  publish(path: string, text: string): Promise<void>;
  /** The same for a text that need not fit into memory; what was begun and not ended is removed. */
  pour(path: string, parts: AsyncIterable<string>): Promise<void>;
  /** Makes a new file (mode 0600) with exactly the bytes of another. */
  copy(from: string, to: string): Promise<void>;
  /**
   * Puts these bytes in the place of a file in one step, with that file's permissions: a text, or those of another file.
   * A link is followed.
   */
  replace(path: string, by: { readonly text: string } | { readonly file: string }): Promise<void>;
  /**
   * A file of the person's that is to be rewritten: its text with a mark of byte order if it has one. It must be a regular file
   * of UTF-8 that is theirs alone to name: no link, no second name, writable as its folder is. Opens nothing else, waits for nothing.
   */
  inspect(path: string, most: number): Promise<OwnFile>;
  /**
   * Puts these bytes in the place of a file in one step, with exactly these permissions and its group. What is written beside
   * it meanwhile has a name of its own, which `clearExchange` removes when this was cut off.
   */
  exchange(path: string, by: { readonly text: string } | { readonly file: string }, mode: number): Promise<void>;
  clearExchange(path: string): Promise<void>;
  /** Names in a folder; none when it is not there. */
  names(folder: string): Promise<readonly string[]>;
  /** `sha256:` and hex digits of a regular file's bytes, or null when there is none. */
  digest(path: string): Promise<string | null>;
  /** Removes a file, or a folder that is empty. False when it is not there, or the folder is not empty. */
  remove(path: string): Promise<boolean>;
}

/** What lies where a file of the person's is looked for. */
export type OwnFile =
  | { readonly kind: "file"; readonly text: string; readonly digest: string; readonly mode: number }
  | { readonly kind: "absent" }
  | {
      readonly kind: "refused";
      readonly code: "bad-configuration" | "file-unreadable" | "file-unwritable" | "file-too-large";
      /** The end of a sentence: `it is a link`. */
      readonly why: string;
      readonly hint: string;
    };
