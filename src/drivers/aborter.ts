import type { RequestOptions } from "@modelcontextprotocol/client";

/** Ends one request: its signal is given to the SDK, `abort` makes the SDK tell the server. */
export interface Aborter {
  readonly signal: NonNullable<RequestOptions["signal"]>;
  abort(): void;
}
