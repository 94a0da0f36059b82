import type { Verb } from "../kernel/action.ts";
import type { JsonObject } from "../kernel/json.ts";

/** What a driver is asked to carry out. */
export interface DriverRun {
  readonly verb: Verb;
  readonly name: string;
  readonly arguments: JsonObject;
  /** Names the call for progress and cancellation. */
  readonly token: number;
  /** The trace that it is part of, for a server or provider that an owner lets know (W3C Trace Context); null: nobody is told. */
  readonly context: string | null;
}
