/** Backups of a home, as this person reads and writes them; docs/decisions/backup.md. */
export interface Backups {
  /**
   * Copies a home up to a checkpoint of its log into a folder beside `to`, and verifies the copy. Throws CliFailure
   * (`backup-refused`, `already-there`, `file-unwritable`).
   */
  begin(options: {
    readonly home: string;
    readonly to: string;
    readonly size: number;
    readonly note: string;
    /** Where a file of keys is made too, or null. */
    readonly keyFile: string | null;
  }): Promise<BegunBackup>;
  /** Makes a home of a backup. Throws CliFailure (`backup-refused`, `already-there`, `wrong-passphrase`, `file-unreadable`). */
  restore(options: {
    readonly from: string;
    readonly home: string;
    /** A file of keys, or the folder `keys` of the home that the backup is of. */
    readonly keys: string;
    /** Asked for once, and only for a file. */
    passphrase(): Promise<string>;
    /** Checkpoints of the log that were kept elsewhere. */
    readonly against: readonly string[];
  }): Promise<RestoredHome>;
}

/** A backup that is not yet at its place. */
export interface BegunBackup {
  /** Digest of its manifest, which the log is to have on record. */
  readonly manifest: string;
  readonly files: number;
  readonly bytes: number;
  /** Puts it there in one step, with the proof of that record; the passphrase is that of the file of keys. */
  finish(sealed: { readonly proof: string; readonly passphrase: string }): Promise<void>;
  drop(): void;
}

export interface RestoredHome {
  readonly size: number;
  /** So many records the log is known to have had. */
  readonly known: number;
  /** When the backup was made, milliseconds since 1970 UTC. */
  readonly made: number;
  /**
   * How many quarantines of memory from after the backup stand in it, and how many records the log beside the keys has that says so;
   * or why they are not known.
   */
  readonly quarantines:
    | { readonly kind: "known"; readonly count: number; readonly end: number }
    | { readonly kind: "unknown"; readonly why: string };
}
