import { hostPath } from "./grant-parts.ts";
import { decode, integer, names, nullable, object, boolean, type DecodeResult, type Decoder } from "./decode.ts";
import type { JsonValue } from "../kernel/json.ts";
import { command, environment, task } from "./launch.ts";
import type { RunRequest } from "./requests.ts";
import { stage } from "./fields.ts";

/** What a record `instance-started` keeps of how an instance was started: enough to start it again. */
export type StartedWith = Pick<
  RunRequest,
  "command" | "environment" | "code" | "workspace" | "strict" | "holdAt" | "holdSeconds"
> & {
  /** The human's words: none, or those of the task. */
  readonly words: readonly string[];
};

const STARTED_WITH: Decoder<StartedWith> = object<StartedWith>({
  command,
  environment,
  code: names(hostPath, { max: 512 }),
  workspace: nullable(hostPath),
  strict: boolean(),
  holdAt: names(stage, { max: 6 }),
  holdSeconds: integer({ min: 1, max: 604_800 }),
  words: names(task, { max: 1 }),
});

/** Decodes the payload of a record `instance-started`. */
export function decodeStartedWith(value: JsonValue): DecodeResult<StartedWith> {
  return decode(STARTED_WITH, value);
}
