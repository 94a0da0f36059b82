import { makeAction, type Action, type Digest } from "../kernel/action.ts";
import type { DriverSpec } from "../kernel/grant.ts";
import { isObject, parseJson, type JsonValue } from "../kernel/json.ts";
import { decode } from "../protocol/decode.ts";
import { PROPOSAL } from "../protocol/proposal.ts";
import type { ProposalTerms } from "../protocol/proposed-grants.ts";
import { coverExamples, type Example } from "../showing/covering.ts";
import { showSpan } from "../showing/moment.ts";
import type { AskedFor, Unproposed } from "../showing/proposed-grant.ts";
import { LEAST_COLUMNS, renderAction } from "../showing/render-action.ts";
import { makeVisible } from "../showing/visible.ts";
import { cutMiddle } from "../showing/width.ts";
import { readAction } from "./action-ends.ts";
import type { Asked } from "./asked-before.ts";
import { declaredDriver } from "./driver-table.ts";
import { heldContext, type HeldContext } from "./held-context.ts";
import type { Instances } from "./instances.ts";
import { showLog, type LogPagePorts } from "./log-pages.ts";
import type { HeldState, State } from "./state.ts";

/** Denials of an instance that are looked through. */
const LOOKED_AT = 10_000;
/** Actions, and sources of values, that are named. */
const NAMED = 12;
const SOURCE_COLUMNS = 300;

export interface ProposingPorts extends LogPagePorts {
  readonly state: State;
  readonly digest: Digest;
  readonly asked: Pick<Asked, "told" | "before">;
  readonly instances: Pick<Instances, "live">;
}

/** One action that was asked for. */
interface Found {
  readonly action: Action;
  /** Why no lease answers it. */
  readonly obstacle: string | null;
  /** Where values of it came from; visible text. */
  readonly sources: readonly string[];
}

/** What was asked for, and where each part of a grant over it comes from: lines of visible text. */
export interface AskedAndWhence extends AskedFor {
  readonly whence: readonly string[];
}

/**
 * The narrowest allowances for what an instance asked for, from the bytes of its actions and the grants in force: nobody else
 * says what is proposed (NO-SELF-WIDENING). Null when it asked for nothing of the kind.
 */
export async function findAsked(ports: ProposingPorts, terms: ProposalTerms): Promise<AskedAndWhence | null> {
  const found = terms.from === "held" ? readHeld(ports, terms) : await readDenied(ports, terms);
  const [first] = found;
  if (first === undefined) return null;
  const { agent } = first.action;
  const drivers = new Map<string, DriverSpec>();
  const left: Unproposed[] = [];
  const examples: Example[] = [];
  const sourcesOf = new Map<Action, readonly string[]>();
  for (const { action, obstacle, sources } of found) {
    const what = `${action.driver}/${action.name}`;
    const declared = declaredDriver(ports.state, agent, action.driver);
    const tools = action.verb === "call" && declared.kind === "declared" ? declared.spec.tools : {};
    const tool = Object.hasOwn(tools, action.name) ? tools[action.name] : undefined;
    if (obstacle !== null) left.push({ what, why: obstacle });
    else if (tool === undefined || declared.kind !== "declared")
      left.push({ what, why: "no grant in force has that tool; aios grants propose PROFILE writes one" });
    else {
      examples.push({ action, tool });
      drivers.set(action.driver, declared.spec);
      sourcesOf.set(action, sources);
    }
  }
  const covering = coverExamples(examples, {
    lease: terms.from === "held",
    folders: terms.folders,
    digest: ports.digest,
  });
  left.push(...covering.left.map(({ example: { action }, why }) => ({ what: `${action.driver}/${action.name}`, why })));
  const covered = covering.covered.map(({ action }) => action);
  const used = new Set(covered.map(({ driver }) => driver));
  return {
    agent,
    covering,
    left,
    drivers: Object.fromEntries([...drivers].filter(([name]) => used.has(name))),
    whence: [
      `calls: ${covered.length} that ${makeVisible(agent)} (${terms.instance}) ${terms.from === "held" ? "has held" : "was denied"}: ${few(covered.map(({ request }) => request.slice(0, 8)))}`,
      ...valuesOf(covered.flatMap((action) => sourcesOf.get(action) ?? [])),
      ...[...used].map((name) => declaredBy(ports.state, { agent, name })),
      terms.uses === null
        ? "how often: as often as it was asked for"
        : `how often: ${terms.uses}, as whoever proposed it said`,
      `how long: ${showSpan(terms.span)}, as whoever proposed it said`,
    ],
  };
}

function readHeld(ports: ProposingPorts, terms: ProposalTerms): readonly Found[] {
  const { state, asked } = ports;
  const like = terms.like === null ? null : state.held.get(terms.like);
  if (like === undefined) return [];
  const shape = like === null ? null : asked.told(like).shape;
  const mine = [...state.held.values()].filter(
    (held) => held.instance === terms.instance && (shape === null || asked.told(held).shape === shape),
  );
  return mine.map((held) => readOne(ports, held));
}

function readOne(ports: ProposingPorts, held: HeldState): Found {
  const action = readAction(held.text);
  const context = heldContext(ports, held, action);
  const sources = context.provenance.flatMap(({ pointer, from }) =>
    from.length === 0 ? [] : [makeVisible(`${action.driver}/${action.name} ${pointer}: from ${from.join(", ")}`)],
  );
  return { action, obstacle: obstacleOf(held, context), sources };
}

/** Why no lease answers a held action, or null. */
function obstacleOf({ text, reasons }: HeldState, context: HeldContext): string | null {
  if (reasons.includes("owner-asked")) return "you asked to see every action of it";
  if (context.labels.includes("secret")) return "it has seen a secret, so a human is asked whatever leases say";
  // What nobody can say yes to is nobody's to have signed by its digest either, on whatever screen that is (SHOWN-SIGNED-RUN).
  const shown = renderAction(text, { context: { ...context, found: null, code: "" }, columns: LEAST_COLUMNS });
  return shown.kind === "shown" ? null : `it cannot be shown in full, ${LEAST_COLUMNS} columns wide: ${shown.why}`;
}

async function readDenied(ports: ProposingPorts, { instance }: ProposalTerms): Promise<readonly Found[]> {
  const { entries } = await showLog(ports, { from: 0, limit: LOOKED_AT, instance, kinds: ["denied"] });
  return entries.flatMap(({ record, payload }) => {
    if (record.kind !== "denied" || record.code !== "no-grant") return [];
    const action = readDeniedAction(payload, { agent: record.agent, instance });
    return action === null ? [] : [{ action, obstacle: null, sources: [] }];
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

function valuesOf(sources: readonly string[]): readonly string[] {
  const known = [...new Set(sources)];
  if (known.length === 0) return ["values: the agent's own, in nothing that it was shown"];
  const more = known.length - NAMED;
  return [
    "values: the agent's own, but for these:",
    ...known.slice(0, NAMED).map((source) => cutMiddle(source, SOURCE_COLUMNS)),
    ...(more > 0 ? [`and ${more} more that it was shown`] : []),
  ];
}

/** Under which signatures an agent has a driver as it is. */
function declaredBy(state: State, { agent, name }: { readonly agent: string; readonly name: string }): string {
  const grants = [...(state.byAgent.get(agent)?.values() ?? [])].filter(({ drivers }) => Object.hasOwn(drivers, name));
  const signed = grants.map(({ id }) => `${id} (signed by ${state.grants.get(id)?.key ?? "nobody"})`);
  return `server ${name}, its pin and its classes: as in ${few(signed)}`;
}

function few(names: readonly string[]): string {
  const more = names.length - NAMED;
  return `${names.slice(0, NAMED).join(" ")}${more > 0 ? ` and ${more} more` : ""}`;
}
