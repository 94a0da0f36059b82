import { SOURCE } from "./grant-parts.ts";
import { boolean, jsonObject, nullable, object, text } from "./decode.ts";
import { count, empty } from "./fields.ts";
import { MAX_FRAME } from "./frame.ts";
import { OFFER } from "./offer.ts";
import { PROGRESS } from "./progress.ts";
import { PROPOSAL_FIELDS } from "./proposal.ts";
import type { DriverEvents, DriverRequests } from "./requests.ts";
import type { AnswerTable, BodyTable, EventTable, Side } from "./side.ts";

// The static request table of the monitor (docs/formats/request-table.md), the part of a driver: what it may say and what is said
// to it, with the strict decoder of every body. Nothing is added at run time. A side has a file of its own, so that nobody
// loads what another is told.

/** How a driver whose server has ended begins to say so on its standard error; how it ended the monitor knows. */
export const SERVER_GONE = "the server is gone";

/** Requests that the monitor sends to a driver. */
export const DRIVER_TABLE: BodyTable<DriverRequests> = {
  open: object<DriverRequests["open"]["body"]>({ source: SOURCE }),
  run: object<DriverRequests["run"]["body"]>({
    verb: PROPOSAL_FIELDS.verb,
    name: PROPOSAL_FIELDS.name,
    arguments: PROPOSAL_FIELDS.arguments,
    token: count,
    context: nullable(text({ max: 55, pattern: /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/ })),
  }),
  cancel: object<DriverRequests["cancel"]["body"]>({ token: count }),
};

/** Answers of a driver to the monitor: hostile bytes, since a server stands behind them. */
export const DRIVER_ANSWERS: AnswerTable<DriverRequests> = {
  open: OFFER,
  run: object<DriverRequests["run"]["ok"]>({ result: jsonObject(), isError: boolean() }),
  cancel: empty,
};

/** Events from a driver to the monitor: hostile bytes too. */
export const DRIVER_EVENTS: EventTable<DriverEvents> = {
  progress: PROGRESS,
  changed: object<DriverEvents["changed"]>({ offer: OFFER }),
};

/** No requests, or no events. */
type None = object;

/** The monitor's end of a driver's channel: a driver asks nothing. */
export const MONITOR_DRIVER: Side<{ serves: None; hears: DriverEvents; asks: DriverRequests; says: None }> = {
  serves: {},
  hears: DRIVER_EVENTS,
  asks: DRIVER_ANSWERS,
  says: {},
  maxFrame: MAX_FRAME,
};

/** A driver's end. */
export const DRIVER_SIDE: Side<{ serves: DriverRequests; hears: None; asks: None; says: DriverEvents }> = {
  serves: DRIVER_TABLE,
  hears: {},
  asks: {},
  says: DRIVER_EVENTS,
  maxFrame: MAX_FRAME,
};
