/** What the code of an error looks like. */
export const ERROR_CODE: RegExp = /^[a-z][a-z0-9-]{0,63}$/;

/** Codes of errors that `rpc.ts` makes itself; docs/formats/frame.md says when. Closed; handlers have their own. */
export const LOCAL_ERROR_CODES = [
  "internal",
  "answer-refused",
  "request-refused",
  "peer-closed",
  "peer-busy",
  "peer-congested",
] as const;
export type LocalErrorCode = (typeof LOCAL_ERROR_CODES)[number];

/**
 * A request that was not granted: an answer to give (thrown by a handler) or one that came (a rejected request).
 * `code` is a lower-case word of at most 64 characters; `hint` says what to do next.
 */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: string;
  readonly hint: string | null;
  /** Whether the other end gave this answer; false when it was made here. */
  readonly remote: boolean;

  constructor(code: string, message: string, options: { hint?: string | null; remote?: boolean } = {}) {
    super(message);
    // The other end would be ended for an answer with any other code, and it would be our mistake.
    if (!ERROR_CODE.test(code)) throw new TypeError(`Cannot make an error: "${code}" is no code`);
    this.code = code;
    this.hint = options.hint ?? null;
    this.remote = options.remote ?? false;
  }
}

/** How the other end broke the protocol, frames included. Closed; each ends the peer. docs/formats/frame.md. */
export const PEER_FAULT_CODES = [
  "frame-too-large",
  "frame-not-utf8",
  "frame-not-json",
  "frame-not-object",
  "unknown-frame",
  "unknown-request",
  "unknown-event",
  "unknown-answer",
  "duplicate-id",
  "malformed-body",
  "malformed-answer",
  "too-many-open",
  "not-reading",
] as const;
export type PeerFaultCode = (typeof PEER_FAULT_CODES)[number];

/** The other end broke the protocol and was ended. `message` names what it sent, escaped; values are left out. */
export interface PeerFault {
  readonly code: PeerFaultCode;
  readonly message: string;
}
