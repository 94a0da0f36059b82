import type { JsonObject } from "../kernel/json.ts";

/** The way to the gate of a published port of this machine, and from there into the person's browser. */
export interface PortDoors {
  /**
   * One POST of JSON to 127.0.0.1 under the port's host and from its own origin: the status, and at most 4 KiB of what was
   * answered. Throws `CliFailure` `port-refused` when nothing answers.
   */
  post(
    place: { readonly host: string; readonly outside: number },
    request: { readonly path: string; readonly body: JsonObject },
  ): Promise<{ readonly status: number; readonly body: string }>;
  /**
   * Has the person's browser open an address that other users of the machine must not see: it is in a file that only this
   * person reads, not among the words that a program is started with. Null when no browser can be opened from here.
   */
  browse(address: string): Promise<OpenedBrowser | null>;
}

export interface OpenedBrowser {
  /** Resolves when the program that opens browsers says that it could not; never rejects. */
  readonly failed: Promise<void>;
  /** Deletes the file. */
  close(): void;
}
