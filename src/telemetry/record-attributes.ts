import { MOST_CONTENT, type PayloadFields } from "../protocol/telemetry-table.ts";
import type { ActionBase, Decider, LogRecord } from "../protocol/record.ts";
import type { Attributes } from "./attributes.ts";
import { showText, type Names } from "./names.ts";

/** Records about one action. */
export type ActionRecord = Extract<LogRecord, ActionBase>;

/** Whether a record is about one action. */
export function isAction(record: LogRecord): record is ActionRecord {
  return "what" in record && "action" in record;
}

/** What every record about an action says of it. */
export function actionAttributes(record: ActionRecord, names: Names): Attributes {
  const { driver, verb, name } = names.subject(record);
  return {
    "aios.instance": record.instance,
    "aios.agent": record.agent,
    "aios.action": record.action,
    "aios.driver": driver,
    "aios.verb": verb,
    "aios.name": name,
    "aios.risk": record.risk,
    "aios.labels": record.labels,
    "aios.ancestry": record.ancestry,
  };
}

/** Who decided: the key of an owner, the grants, or the rule. */
export function deciderAttributes(by: Decider): Attributes {
  switch (by.kind) {
    case "owner":
      return { "aios.decider": "owner", "aios.owner": by.key };
    case "grant":
      return { "aios.decider": "grant", "aios.grants": by.grants.slice(0, 16) };
    case "rule":
      return { "aios.decider": "rule", "aios.rule": showText(by.rule) };
    case "monitor":
      // Why is a word of ours, but may quote one of the agent's.
      return { "aios.decider": "monitor" };
  }
}

/** Arguments and results, where a setting shows them. */
export function contentAttributes({ arguments: args, result }: NonNullable<PayloadFields["content"]>): Attributes {
  return {
    "gen_ai.tool.call.arguments": args === null ? null : showText(args, MOST_CONTENT),
    "gen_ai.tool.call.result": result === null ? null : showText(result, MOST_CONTENT),
  };
}

/** Whether the monitor is asked about the payload of a record: only where a view has use for what it tells. */
export function asksForFields(record: LogRecord, content: "none" | "scrubbed"): boolean {
  if (record.payload === null) return false;
  if (record.kind === "programs-started") return true;
  if (!isAction(record)) return false;
  return content === "scrubbed" || /^(?:infer|net)\//.test(record.what);
}
