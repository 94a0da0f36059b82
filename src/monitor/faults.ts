/** Why the monitor refused a request of the command line. Closed; `docs/codes.md` lists them. */
export type RefusalCode =
  | "unknown-instance"
  | "unknown-grant"
  | "unknown-request"
  | "bad-request"
  | "bad-document"
  | "bad-statement"
  | "agent-tombstoned"
  | "workspace"
  | "streams"
  | "confinement"
  | "driver"
  | "shadowed-driver"
  | "grant-exists"
  | "policy"
  | "no-owner"
  | "owner-exists"
  | "clock-jumped"
  | "log-unavailable"
  | "too-many";

/** A request that cannot be granted as it stands; nothing has changed. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  /** What to do next. */
  readonly hint: string;
  constructor(code: RefusalCode, message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
