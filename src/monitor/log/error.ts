/**
 * Why the log refused or failed. Closed:
 * - `log-unavailable`: a write or sync failed; nothing is appended until `recover()` succeeds.
 * - `log-shrunk`: the log holds fewer records than its own checkpoint says.
 * - `log-forked`: the log does not lead to the root that its own checkpoint says, or the checkpoint is not its own.
 * - `log-damaged`: a file of the log is missing or not what the tree says.
 * - `log-away`: the disk of a log that was open, or the log's folder, is not at its place.
 * - `home-in-use`: another process has this log open.
 * - `record-too-large`: a record over 65,535 bytes or a payload over 16 MiB; nothing was written.
 * - `log-closed`: the log was closed.
 */
export type LogErrorCode =
  | "log-unavailable"
  | "log-shrunk"
  | "log-forked"
  | "log-damaged"
  | "log-away"
  | "home-in-use"
  | "record-too-large"
  | "log-closed";

/** A fault of the log. `message` names the action and the value. */
export class LogError extends Error {
  override readonly name = "LogError";
  readonly code: LogErrorCode;
  /** What a person can do about it, where that is known. */
  readonly hint: string | null;

  constructor(code: LogErrorCode, message: string, options: { readonly cause?: unknown; readonly hint?: string } = {}) {
    const { hint = null, ...rest } = options;
    super(message, rest);
    this.code = code;
    this.hint = hint;
  }
}

/** Another process writes this log. */
export function homeInUse(): LogError {
  return new LogError("home-in-use", "Cannot open the log: another process has it open", {
    hint: "a monitor of this home runs already; aios serve --stop ends it",
  });
}

/** A write that failed, as whoever waits for it is told. */
export function unavailable(cause: unknown): LogError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new LogError("log-unavailable", `Cannot write the log: ${why}`, { cause });
}
