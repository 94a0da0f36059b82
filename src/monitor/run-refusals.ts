import { Refusal } from "./faults.ts";
import type { InstanceState } from "./state.ts";

/** The ancestry of an instance that is started below another. Throws Refusal when that one cannot delegate. */
export function ancestryBelow({ instance, life, ancestry }: InstanceState): readonly string[] {
  if (life !== "running")
    throw new Refusal("unknown-instance", `Parent ${instance} is ${life}.`, "Start it again first.");
  if (ancestry.length >= 8)
    throw new Refusal("too-many", `Parent ${instance} is eight levels deep already.`, "Delegate from higher up.");
  return [instance, ...ancestry];
}

/** A delegate works within the folder of its delegator (CHILD-LESS). Throws Refusal `workspace`. */
export function refuseWider(workspace: string, parent: InstanceState): void {
  if (parent.workspace !== null && `${workspace}/`.startsWith(`${parent.workspace}/`)) return;
  throw new Refusal(
    "workspace",
    `Workspace ${workspace} is not within that of ${parent.instance} above it.`,
    "A delegate gets no more than its delegator.",
  );
}

/** The hint of an error that has one; else where to look. */
export function hintOf(error: unknown): string {
  return error instanceof Error && "hint" in error && typeof error.hint === "string"
    ? error.hint
    : "Run `aios doctor`.";
}
