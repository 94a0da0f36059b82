import { CLI_ANSWERS, CLI_EVENTS, CLI_TABLE } from "./cli-table.ts";
import { MAX_CLI_FRAME } from "./frame.ts";
import type { CliEvents, CliRequests } from "./requests.ts";
import type { Side } from "./side.ts";

/** No requests, or no events. */
type None = object;

/** The monitor's end of a command line's connection. */
export const MONITOR_CLI: Side<{ serves: CliRequests; hears: None; asks: None; says: CliEvents }> = {
  serves: CLI_TABLE,
  hears: {},
  asks: {},
  says: CLI_EVENTS,
  maxFrame: MAX_CLI_FRAME,
};

/** A command line's end. */
export const CLI_SIDE: Side<{ serves: None; hears: CliEvents; asks: CliRequests; says: None }> = {
  serves: {},
  hears: CLI_EVENTS,
  asks: CLI_ANSWERS,
  says: {},
  maxFrame: MAX_CLI_FRAME,
};
