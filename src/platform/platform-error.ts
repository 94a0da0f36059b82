/** Why a piece of the platform refused or failed. Closed: a new cause is a new code. */
export type PlatformErrorCode =
  | "bad-alert-address"
  | "bad-key-file"
  | "cancelled"
  | "code-unreadable"
  | "git-configuration"
  | "home-permissions"
  | "key-exists"
  | "no-own-user"
  | "no-terminal"
  | "signalled"
  | "socket-folder"
  | "socket-occupied"
  | "streams-refused"
  | "system-call"
  | "too-long"
  | "unreachable"
  | "witness-running"
  | "weak-passphrase"
  | "wrong-passphrase";

/** A fault of the platform. `message` names the action and the value, `hint` what a person can do about it. */
export class PlatformError extends Error {
  override readonly name = "PlatformError";
  readonly code: PlatformErrorCode;
  readonly hint: string | null;

  constructor(code: PlatformErrorCode, message: string, hint: string | null = null) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
