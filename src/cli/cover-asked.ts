import { makeAction, type Action } from "../kernel/action.ts";
import type { DriverSpec, Grant } from "../kernel/grant.ts";
import { isObject, parseJson, type JsonValue } from "../kernel/json.ts";
import { PROPOSAL } from "../protocol/proposal.ts";
import { decode } from "../protocol/decode.ts";
import { coverExamples, type Covering, type Example } from "../showing/covering.ts";
import { readAction } from "../showing/read-action.ts";
import { CliFailure } from "./failure.ts";
import { listHeld } from "./held.ts";
import type { MonitorClient } from "./powers.ts";

type Asker = Pick<MonitorClient, "request">;

/** Denials that are looked through. */
export const LOOKED_AT = 10_000;
/** Held actions of which all is asked for. */
const MOST_HELD = 128;

/** What was asked for and could not be made an example of, in words; not yet visible text. */
export interface Unproposed {
  readonly what: string;
  readonly why: string;
}

export interface AskedFor {
  readonly agent: string;
  readonly covering: Covering;
  readonly left: readonly Unproposed[];
  /** The drivers of the covered calls, as the grants in force have them. */
  readonly drivers: Grant["drivers"];
}

export interface CoverAsked {
  readonly instance: string;
  /** What it is held for, which a lease would let run, or what it was denied for want of a grant. */
  readonly from: "held" | "denied";
  readonly folders: boolean;
}

/**
 * The narrowest allowances for what an instance asked for, from the bytes of its actions. Throws `CliFailure` `not-found` when
 * it asked for nothing of the kind.
 */
export async function coverAsked(client: Asker, asked: CoverAsked): Promise<AskedFor> {
  const actions =
    asked.from === "held" ? await readHeld(client, asked.instance) : await readDenied(client, asked.instance);
  const [first] = actions;
  if (first === undefined) {
    const none = asked.from === "held" ? "has nothing held" : "was denied nothing for want of a grant";
    throw CliFailure.of(
      "not-found",
      `Instance ${asked.instance} ${none}`,
      "aios approvals list and aios digest say what waits and what was denied",
    );
  }
  const { agent } = first.action;
  const drivers = await readDrivers(client, agent);
  const left: Unproposed[] = [];
  const examples: Example[] = [];
  for (const { action, obstacle } of actions) {
    const what = `${action.driver}/${action.name}`;
    const tool = action.verb === "call" ? drivers.get(action.driver)?.tools[action.name] : undefined;
    if (obstacle !== null) left.push({ what, why: obstacle });
    else if (tool === undefined)
      left.push({ what, why: "no grant in force has that tool; aios grants propose PROFILE writes one" });
    else examples.push({ action, tool });
  }
  const covering = coverExamples(examples, { lease: asked.from === "held", folders: asked.folders });
  left.push(...covering.left.map(({ example: { action }, why }) => ({ what: `${action.driver}/${action.name}`, why })));
  const used = new Set(covering.covered.map(({ action }) => action.driver));
  return { agent, covering, left, drivers: Object.fromEntries([...drivers].filter(([name]) => used.has(name))) };
}

interface Found {
  readonly action: Action;
  /** Why no lease answers it. */
  readonly obstacle: string | null;
}

async function readHeld(client: Asker, instance: string): Promise<readonly Found[]> {
  const held = await listHeld(client);
  const mine = held.filter((view) => view.instance === instance).slice(0, MOST_HELD);
  const details = await Promise.all(mine.map(({ request }) => client.request("held-show", { request })));
  return details.flatMap(({ action: text, labels, reasons }) => {
    const action = readAction(text);
    if (action === null) return [];
    const asked = reasons.includes("owner-asked") ? "you asked to see every action of it" : null;
    const secret = labels.includes("secret") ? "it has seen a secret, so a human is asked whatever leases say" : null;
    return [{ action, obstacle: asked ?? secret }];
  });
}

async function readDenied(client: Asker, instance: string): Promise<readonly Found[]> {
  const { entries } = await client.request("log-show", { from: 0, limit: LOOKED_AT, instance, kinds: ["denied"] });
  return entries.flatMap(({ record, payload }) => {
    if (record.kind !== "denied" || record.code !== "no-grant") return [];
    const action = readDeniedAction(payload, { agent: record.agent, instance });
    return action === null ? [] : [{ action, obstacle: null }];
  });
}

/** What an agent proposed, from the payload of its denial: its own words, so read as strictly as when it said them. */
function readDeniedAction(
  payload: JsonValue,
  who: { readonly agent: string; readonly instance: string },
): Action | null {
  const text = isObject(payload) ? payload["action"] : null;
  const parsed = typeof text === "string" ? parseJson(text) : null;
  if (parsed?.kind !== "ok" || !isObject(parsed.value)) return null;
  const { verb, driver, name, arguments: args, request } = parsed.value;
  const proposal = decode(PROPOSAL, {
    verb: verb ?? null,
    driver: driver ?? null,
    name: name ?? null,
    arguments: args ?? null,
  });
  if (proposal.kind === "refused" || typeof request !== "string") return null;
  const made = makeAction(proposal.value, { request, ...who });
  return made.kind === "ok" ? made.value : null;
}

/** The drivers that grants in force declare for an agent: all of them declare each alike. */
async function readDrivers(client: Asker, agent: string): Promise<ReadonlyMap<string, DriverSpec>> {
  const { grants } = await client.request("grants", {});
  const mine = grants.filter(({ state, agents }) => state === "active" && agents.includes(agent));
  const shown = await Promise.all(mine.map(({ id }) => client.request("grant-show", { id })));
  return new Map(shown.flatMap(({ grant }) => Object.entries(grant.drivers)));
}
