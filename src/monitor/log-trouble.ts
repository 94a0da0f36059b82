import { LOG_TROUBLES, type LogTrouble, type LogTroubleCode } from "../protocol/log-trouble.ts";
import { isDiskOut } from "./log/disk-out.ts";
import { LogError } from "./log/error.ts";

const BY_ITSELF = "work goes on by itself";
const AS_IT_WAS = `put the disk back as it was, with every record: ${BY_ITSELF}. What is gone for good is in a backup: aios serve --stop, then aios restore`;
const HINTS: { readonly [code in LogTroubleCode]: string } = {
  "log-full": `make room: ${BY_ITSELF}`,
  "log-read-only": `unmount it, mend it and mount it again: ${BY_ITSELF} when the log has a disk of its own; aios doctor says what has the disk open`,
  "log-away": `put it back at its place as it was: ${BY_ITSELF}`,
  "log-faulty": `see what the kernel says of it, mend it and mount it again: ${BY_ITSELF}`,
  "log-shrunk": AS_IT_WAS,
  "log-forked": `${AS_IT_WAS}. Another monitor that has these keys must not write`,
  "log-damaged": `aios log verify names what; ${AS_IT_WAS}`,
  "home-in-use": `another monitor, or a copy of this one, has the log at its place: end that one, then ${BY_ITSELF}`,
  "log-unavailable": `look at what the monitor says on its standard error: ${BY_ITSELF} once it can write`,
};

/** What of a failure of the log is told to people: a code, what was found, and what to do. */
export function logTroubleOf(error: unknown): LogTrouble {
  const code = codeOf(error);
  return { code, message: messageOf(error, code), hint: HINTS[code] };
}

function codeOf(error: unknown): LogTroubleCode {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ("code" in at && (at.code === "ENOSPC" || at.code === "EDQUOT")) return "log-full";
    if ("code" in at && at.code === "EROFS") return "log-read-only";
    if (at instanceof LogError && at.code !== "log-unavailable" && isTrouble(at.code)) return at.code;
  }
  return isDiskOut(error) ? "log-faulty" : "log-unavailable";
}

/** What is a sentence about this log says more than the code; what an operating system says of a file says less. */
function messageOf(error: unknown, code: LogTroubleCode): string {
  const told = error instanceof LogError && (error.code === code || code === "log-unavailable");
  return told ? error.message : LOG_TROUBLES[code];
}

function isTrouble(code: string): code is LogTroubleCode {
  return Object.hasOwn(LOG_TROUBLES, code);
}
