import type { Proposal } from "../kernel/action.ts";
import { isObject, parseJson } from "../kernel/json.ts";
import { CliFailure } from "./failure.ts";

/**
 * What a person asks about, as `driver/tool`, `driver#uri` or `driver@prompt` and the arguments as a JSON object.
 * Throws `CliFailure` (`usage`, `bad-json`).
 */
export function readProposal(what: string, argumentsText: string | null): Proposal {
  const match = /^(?<driver>[a-z][a-z0-9-]{0,30})(?<mark>[/#@])(?<name>[\x20-\x7e]{1,256})$/u.exec(what);
  const { driver, mark, name } = match?.groups ?? {};
  if (driver === undefined || name === undefined) {
    throw CliFailure.of("usage", `"${what}" names no tool`, "write driver/tool, driver#resource-uri or driver@prompt");
  }
  const parsed = parseJson(argumentsText ?? "{}");
  if (parsed.kind === "refused") throw CliFailure.of("bad-json", `Cannot read the arguments: ${parsed.message}`);
  if (!isObject(parsed.value)) throw CliFailure.of("bad-json", "Cannot read the arguments: they are not a JSON object");
  return { verb: mark === "/" ? "call" : mark === "#" ? "read" : "prompt", driver, name, arguments: parsed.value };
}
