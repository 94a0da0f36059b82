import type { Signer } from "../platform/powers.ts";
import type { ArchiveForm } from "../protocol/extension-order.ts";
import type { TreeFile } from "../protocol/extension-table.ts";

/** An extension before it is in a store. */
export interface ReadSource {
  /** By the bytes of their paths. */
  readonly files: readonly TreeFile[];
  /** A file's text; null when there is none, or it is no UTF-8 text of at most a mebibyte. */
  text(path: string): string | null;
}

export interface ExtensionSources {
  /** What lies at a path; a link is followed. */
  inspect(path: string): Promise<"folder" | "file" | null>;
  /**
   * Hands a file, or the tar of a folder, over to the monitor of a home under a ticket; a monitor takes it within seconds.
   * Throws `CliFailure` (`file-unreadable`, `monitor-unreachable`). `failed` gives why not all of it could be read, or null.
   */
  lend(offer: {
    readonly home: string;
    readonly ticket: string;
    readonly path: string;
    readonly is: "folder" | "file";
  }): Promise<{ failed(): string | null; stop(): void }>;
  /**
   * Reads a file or folder as the store would unpack it, and keeps nothing. Throws `CliFailure` `file-unreadable` for what the
   * store does not take.
   */
  read(source: { readonly path: string; readonly form: ArchiveForm }): Promise<ReadSource>;
  /** The registry that this person's npm is configured with, without a slash at its end. */
  registry(): Promise<string>;
}

/** A publisher's key file of a home: Ed25519, behind a passphrase of its own. */
export interface PublisherKey {
  readonly path: string;
  exists(): Promise<boolean>;
  /** Throws `CliFailure` `owner-exists` when the file is there. */
  create(passphrase: string): Promise<Signer>;
  /** Throws `CliFailure` `wrong-passphrase`, `bad-key`. */
  unlock(passphrase: string): Promise<Signer>;
}
