import { MOST_TOGETHER } from "../showing/held-batch.ts";
import { groupEqual, pagesOfHeld } from "../protocol/held-view.ts";
import type { HeldDetail, HeldView } from "../protocol/requests.ts";
import { CliFailure } from "./failure.ts";
import { readAction } from "../showing/read-action.ts";
import type { MonitorClient } from "./powers.ts";
import { signAndSubmit, type SigningParts } from "./sign.ts";

/** All that is held, oldest first. */
export async function listHeld(client: Pick<MonitorClient, "request">): Promise<readonly HeldView[]> {
  const all: HeldView[] = [];
  for await (const { held } of pagesOfHeld((body) => client.request("held", body))) all.push(...held);
  return all;
}

/**
 * Finds the held action that a person means by a request id or the beginning of one. Throws `CliFailure` `not-found` when none
 * or several begin so.
 */
export async function findHeld(client: MonitorClient, typed: string): Promise<HeldView> {
  const held = await listHeld(client);
  const found = held.filter((view) => view.request.startsWith(typed));
  const [view] = found;
  if (view === undefined || typed.length < 4) {
    throw CliFailure.of("not-found", `No held action has the id ${typed}`, "aios approvals list shows what is held");
  }
  if (found.length > 1)
    throw CliFailure.of("not-found", `${found.length} held actions begin with ${typed}`, "give more of the id");
  return view;
}

/**
 * The held actions of the same instance that ask for the very same as this one, it first; as many as may be answered together.
 */
export async function findEqual(client: MonitorClient, detail: HeldDetail): Promise<readonly HeldDetail[]> {
  const held = await listHeld(client);
  const equal = held.filter(
    ({ instance, same, request }) => instance === detail.instance && same === detail.same && request !== detail.request,
  );
  const others = await Promise.all(
    equal.slice(0, MOST_TOGETHER - 1).map(({ request }) => client.request("held-show", { request })),
  );
  return [detail, ...others];
}

/** Held actions as screens list them: one line for all of an instance that ask for the very same, the first of them. */
export interface HeldLine extends HeldView {
  readonly times: number;
}

/** One line for what is equal, in the order in which it came. */
export function listEqual(held: readonly HeldView[]): readonly HeldLine[] {
  return groupEqual(held).map(({ first, all }) => ({ ...first, times: all.length }));
}

/** Signs one statement for each of some held actions that were shown, after one passphrase. */
export async function decideAll(
  parts: SigningParts,
  { details, decision }: { readonly details: readonly HeldDetail[]; readonly decision: "allow" | "deny" },
): Promise<readonly number[]> {
  const signer = await parts.session.unlock();
  const session = { ...parts.session, unlock: () => Promise.resolve(signer) };
  const seqs: number[] = [];
  // One after the other, in the order in which they were asked: a later one may count on an earlier one.
  for (const detail of details) seqs.push(await decideHeld({ ...parts, session }, { detail, decision }));
  return seqs;
}

/** Signs a decision over a held action, from exactly the bytes that were shown. Returns the number of the record. */
export async function decideHeld(
  parts: SigningParts,
  decided: { detail: HeldDetail; decision: "allow" | "deny" },
): Promise<number> {
  const action = readAction(decided.detail.action);
  if (action === null)
    throw CliFailure.of("cannot-show", "Nothing was signed: the held action is not in canonical form");
  return await signAndSubmit(parts, {
    purpose: "approve-action",
    decision: decided.decision,
    document: { ...action },
    draft: decided.detail.statement,
  });
}
