import type { Proposal } from "../kernel/action.ts";
import type { NetRoute, Outcome, Visible } from "../protocol/requests.ts";

/** What a face asks of the monitor: the face's row of the request table and nothing else. */
export interface MonitorLink {
  /** Everything that this instance may see. */
  list(): Promise<Visible>;
  /**
   * One action through the six stages; resolves with what the agent gets back. Rejects when the monitor is gone. `waits`: a stream to
   * the broker is open under the token, which takes up the action without a word to the face.
   */
  propose(proposal: Proposal, token: number, waits?: boolean): Promise<Outcome>;
  /** Takes the proposal of this token back. */
  cancel(token: number): void;
  /** How to treat TLS to a host. */
  route(host: string, port: number): Promise<NetRoute>;
  /**
   * Reports a request to the network that was refused before it became an action, and at most four hosts that it named.
   * Each text has 1 to 256 printable ASCII characters. Resolves when it is on record, or the monitor is gone.
   */
  refused(what: string, hosts: readonly string[]): Promise<void>;
  /** Reports a JSON-RPC method that the face does not serve; the monitor decides what it means. */
  report(method: string): Promise<void>;
}

/** Progress of a call as the monitor passes it on. */
export interface CallProgress {
  readonly progress: number;
  readonly total: number | null;
  readonly message: string | null;
}
