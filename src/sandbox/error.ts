/** Why a sandbox was not started. Closed: a new cause is a new code. */
export type SandboxErrorCode =
  | "spec"
  | "root"
  | "bubblewrap-missing"
  | "bubblewrap-old"
  | "bubblewrap-broken"
  | "namespaces-off"
  | "architecture"
  | "mount"
  | "limits"
  | "supervisor"
  | "launcher"
  | "setup";

/**
 * Nothing was started, and nothing is left of the attempt (CONFINED-OR-NOT-AT-ALL).
 * `message` names the action and the value, `hint` what a person can do about it.
 */
export class SandboxError extends Error {
  override readonly name = "SandboxError";
  readonly code: SandboxErrorCode;
  readonly hint: string | null;

  constructor(code: SandboxErrorCode, message: string, hint: string | null = null) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
