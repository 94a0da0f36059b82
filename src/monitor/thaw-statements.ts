import type { JsonObject } from "../kernel/json.ts";
import { Refusal } from "./faults.ts";
import type { State } from "./state.ts";

/**
 * Throws `Refusal` unless the document names the freeze of everything that is in force, by the number of its record: a
 * signature that was asked for over an earlier one does not lift a later one.
 */
export function checkThawAll(document: JsonObject, { allFrozen }: Pick<State, "allFrozen">): void {
  if (Object.keys(document).length !== 1 || typeof document["frozen"] !== "number")
    throw new Refusal("bad-document", "Such a statement holds `frozen` alone.", "See docs/formats/statement.md.");
  if (allFrozen === null || allFrozen.record !== document["frozen"])
    throw new Refusal(
      "all-frozen",
      `Record ${document["frozen"]} is not the freeze of everything that is in force.`,
      "Look with `aios ps`, then `aios thaw --all`.",
    );
}

/** Throws `Refusal` while everything is frozen: nothing goes on by itself then. */
export function refuseWhileAll({ allFrozen }: Pick<State, "allFrozen">): void {
  if (allFrozen === null) return;
  throw new Refusal("all-frozen", "Everything is frozen, so nothing goes on by itself.", "Run `aios thaw --all`.");
}

/** Throws `Refusal` unless somebody asked to see every action of that instance. */
export function checkLiftHold(instance: string, { instances }: Pick<State, "instances">): void {
  if ((instances.get(instance)?.holdAt.length ?? 0) > 0) return;
  throw new Refusal(
    "unknown-instance",
    instances.has(instance)
      ? `Instance "${instance}" has no hold to lift: its actions pass as its grants say.`
      : `There is no instance "${instance}".`,
    "`aios top` shows which instances have one; single actions are answered by `aios approvals`.",
  );
}

/** Throws `Refusal` unless that instance is frozen, and by itself. */
export function checkThaw(instance: string, state: Pick<State, "allFrozen" | "instances">): void {
  refuseWhileAll(state);
  if (state.instances.get(instance)?.life === "frozen") return;
  throw new Refusal("unknown-instance", `Instance "${instance}" is not frozen.`, "Run `aios ps`.");
}
