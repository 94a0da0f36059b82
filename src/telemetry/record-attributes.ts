import type { ActionBase, Decider, LogRecord } from "../protocol/record.ts";
import type { Attributes } from "./attributes.ts";
import { showText } from "./names.ts";

/** Records about one action. */
export type ActionRecord = Extract<LogRecord, ActionBase>;

/** Whether a record is about one action. */
export function isAction(record: LogRecord): record is ActionRecord {
  return "what" in record && "action" in record;
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

/** Whether the monitor is asked about the payload of a record: only where a view has use for what it tells. */
export function asksForFields(record: LogRecord, content: "none" | "scrubbed"): boolean {
  if (record.payload === null) return false;
  if (record.kind === "programs-started") return true;
  if (!isAction(record)) return false;
  return content === "scrubbed" || /^(?:infer|net)\//.test(record.what);
}
