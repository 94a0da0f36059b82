/** What a scan may do on a machine: look. There is no method here that writes, connects or starts anything. */
export interface Look {
  /** The folder of the person whose agents are looked at, and the folder where they stand. Absolute. */
  readonly home: string;
  readonly folder: string;
  /** Milliseconds since 1970 UTC. */
  readonly now: number;
  /** Names of the variables that programs of this person inherit. Never their values. */
  readonly variables: readonly string[];
  /** What lies at a path; null when nothing does, or when this person cannot see it. Links are followed. */
  inspect(path: string): Promise<Found | null>;
  /** Names in a folder, sorted; none when it cannot be read. At most `most`. */
  list(folder: string, most: number): Promise<readonly string[]>;
  /** The first `most` bytes of a regular file as text, malformed parts replaced; null when it cannot be read. */
  read(path: string, most: number): Promise<string | null>;
  /** All of a regular file as text, or why there is none: `read` says the same of what is not there and what is not to be read. */
  readWhole(path: string, most: number): Promise<Reading>;
  /** The last `most` bytes of a regular file. */
  readEnd(path: string, most: number): Promise<string | null>;
  /** Sockets of this machine that listen for TCP, with the program where this person may know it. */
  listeners(): Promise<readonly Listener[]>;
}

/** What became of reading a file. `absent`: nothing lies there. `unread`: something does, and these words say why it was not read. */
export type Reading =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "absent" }
  | { readonly kind: "unread"; readonly why: string };

export interface Found {
  readonly kind: "file" | "folder" | "socket" | "other";
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970 UTC. */
  readonly changed: number;
  /** Whether this person may read it, or of a socket: speak to it. */
  readonly open: boolean;
  /** Whether others than its owner may read it. */
  readonly shared: boolean;
}

export interface Listener {
  readonly port: number;
  /** Whether other machines reach it. */
  readonly reach: "machine" | "network";
  /** Short name of the program, or null. */
  readonly program: string | null;
}
