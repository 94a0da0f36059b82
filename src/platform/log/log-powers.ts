/** A file to be written whole; `path` is relative to the log's folder, with `/` between plain names. */
export interface WholeFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Reads files of a log. All that verification needs. */
export interface LogReader {
  /** The whole file, or null when there is none. */
  read(path: string): Promise<Uint8Array | null>;
  /** Names in a folder, sorted; none when there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
}

/** A file that is only ever appended to, with zeros behind what it holds. One append at a time. */
export interface AppendFile {
  /**
   * Resolves when the bytes are on stable storage (as after fdatasync). After a rejection the file may hold any
   * beginning of them, or all; it must not be appended to again.
   */
  append(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/**
 * The folder of one log. No call blocks the event loop; calls on different files may overlap. A rejection means that
 * the work may have been done in part or whole; every call can be repeated.
 */
export interface LogFiles extends LogReader {
  /** Takes the folder for this process (`flock`); false when another has it. Undone by `release` or by the end of the process. */
  hold(): Promise<boolean>;
  release(): Promise<void>;
  /** Up to `length` bytes from `offset`; fewer at the end of the file, null when there is no file. */
  readRange(path: string, range: { readonly offset: number; readonly length: number }): Promise<Uint8Array | null>;
  /**
   * Creates or replaces files. Each changes at once: a reader finds the old bytes or the new, never a mixture. With
   * `durable` bytes and names are on stable storage when it resolves.
   */
  write(files: readonly WholeFile[], options: { readonly durable: boolean }): Promise<void>;
  /** Writes bytes in place, past the end too, and resolves when they are on stable storage. */
  writeRange(path: string, range: { readonly offset: number; readonly bytes: Uint8Array }): Promise<void>;
  /** Opens a file that exists for appending. */
  append(path: string): Promise<AppendFile>;
  /** Removes files or folders with what is in them; absent ones are passed over. */
  remove(paths: readonly string[], options: { readonly durable: boolean }): Promise<void>;
}
