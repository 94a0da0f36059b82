import type { LogRecord } from "../protocol/record.ts";
import type { PayloadFields } from "../protocol/telemetry-table.ts";
import type { Names } from "./names.ts";
import { actionEvent, exchangeEvent, launchEvents } from "./ocsf-actions.ts";
import type { Draft } from "./ocsf-draft.ts";
import { otherEvent } from "./ocsf-others.ts";
import { isAction } from "./record-attributes.ts";

/** What is told of a record, as one event or some. */
export function draftsOf(
  { record, fields }: { readonly record: LogRecord; readonly fields: PayloadFields | null },
  names: Names,
): readonly Draft[] {
  if (record.kind === "programs-started") return launchEvents(record, fields, names);
  if (!isAction(record)) return [otherEvent(record, names)];
  // What left the machine is told as that; whoever counts calls finds it by its intent.
  return record.kind === "outcome" && fields?.net != null
    ? [exchangeEvent(record, fields.net, names)]
    : [actionEvent(record, fields, names)];
}
