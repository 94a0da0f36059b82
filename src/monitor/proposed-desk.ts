import { canonicalize } from "../kernel/canonical.ts";
import { decodeGrant } from "../kernel/grant-decoder.ts";
import type { Grant } from "../kernel/grant.ts";
import type { JsonObject } from "../kernel/json.ts";
import { whyWider } from "../kernel/narrower.ts";
import type { Crypto, Random } from "../platform/powers.ts";
import { MOST_PROPOSED, type ProposedDetail, type ProposedView } from "../protocol/proposed-grants.ts";
import type { Statement, UnsignedStatement } from "../protocol/statement.ts";
import type { Example } from "../showing/covering.ts";
import type { DraftPlace } from "./drafts.ts";
import { quarantinedServers } from "./grant-state.ts";
import { Refusal, StatementRefusal } from "./faults.ts";
import { frozenBy } from "./frozen-yes.ts";
import { jsonView } from "./json-view.ts";
import { createSecondScreen } from "./second-screen.ts";
import { isPasskey } from "./signers.ts";
import type { State } from "./state.ts";
import { coveredBy, needsOf, refuseUnread, type Needs } from "./waiting-for.ts";

/** A draft is handed out again while it is good for as long at least, milliseconds: so that two screens show one code. */
const DRAFT_LEFT_MS = 150_000;

/**
 * Places on the desk: half of it for each side from which it is asked for, so that a console that was taken over pushes away
 * nothing of a terminal's; of a side, so many for one agent, and of those so many for one instance of it.
 */
const [OF_SIDE, OF_AGENT, OF_INSTANCE] = [MOST_PROPOSED / 2, 8, 4];

/** Names of leases, of which it is known what they were made from, also when they lie on the desk no more. */
const KNOWN = 1024;

/** Who has a grant proposed: somebody at a terminal or at the console. */
export type ProposedBy = "cli" | "console";

/** What is laid on the desk. */
interface Laid {
  readonly instance: string;
  readonly from: ProposedBy;
  readonly grant: Grant;
  readonly about: readonly string[];
  readonly open: ProposedDetail["open"];
  /** The held actions that it was made from: it ends when one that it covers waits no more. Null: they were denied, none waits. */
  readonly examples: readonly Example[] | null;
}

interface Entry extends Laid {
  readonly made: number;
  /** What has to wait for it to stay. */
  readonly needs: Needs;
  draft: UnsignedStatement | null;
}

/** How the statement over a document is drawn up, and the policy in force. */
interface Drawing {
  draw(document: JsonObject): Promise<UnsignedStatement>;
  readonly policy: string;
}

/**
 * The grants that are proposed and that nobody has signed, by the name that each would have: in memory, a few of each side, agent
 * and instance, each until its own end, and a lease only while all that it covers of what it was made from waits. A proposal gives nothing; the desk is there so that what a browser shows, what it has signed and what a terminal
 * shows are one document, which is never wider than what the monitor itself made (docs/decisions/grants-at-the-console.md).
 */
export interface ProposedDesk {
  /** Lays one down, in the place of one of the same name. Of too many the oldest of the same instance or agent goes. */
  lay(laid: Laid): void;
  /** Whether the other side has one of this name, which is not to be replaced. */
  isOthers(id: string, from: ProposedBy): boolean;
  list(): readonly ProposedView[];
  /** Throws Refusal `unknown-proposal`, or what drawing the statement up throws. */
  show(id: string, drawing: Drawing): Promise<ProposedDetail>;
  /** Throws Refusal `unknown-proposal`, `wider`, `bad-document`, `nothing-to-propose`. */
  narrow(id: string, document: JsonObject): void;
  /**
   * Looks at a lease that is to be signed, wherever it was drawn up. Throws Refusal `unknown-proposal` when it has the name of one
   * that was made from what waits no more and covers it, `unknown-request` when nothing that waits shows what it binds.
   */
  checkWaits(lease: Grant): void;
  /** The code for exactly this document, or null. Throws Refusal `unknown-proposal`, also when it is another by now. */
  tell(id: string, subject: string): string | null;
  /**
   * Looks at a verified statement `sign-grant` right before it is taken: at where it was drawn up, and at the name of its
   * grant. Throws StatementRefusal `moved` when the proposal is not what it was when the statement was drawn up,
   * `second-screen` when a passkey's lacks the code; Refusal `unknown-proposal`, `frozen`.
   */
  admit(statement: Statement, drawn: { readonly place: DraftPlace; readonly id: string }): void;
}

export interface DeskParts {
  readonly state: State;
  readonly random: Pick<Random, "hex">;
  readonly crypto: Pick<Crypto, "digest">;
  /** Trusted time. */
  now(): number;
}

export function createProposedDesk({ state, random, crypto, now }: DeskParts): ProposedDesk {
  const entries = new Map<string, Entry>();
  /** Requests that leases of a name were made from: a lease that was printed is signed later, and without the desk. */
  const madeFrom = new Map<string, ReadonlySet<string>>();
  const demanded = {
    get secondScreen() {
      return state.secondScreen;
    },
    held: entries,
  };
  const second = createSecondScreen(demanded, random);

  function sweep(): void {
    const at = now();
    for (const [id, { grant, needs }] of entries) {
      // Else an agent takes back what it asked for once a lease is proposed, and has one signed over what nobody can read; or
      // one owner signs what another said no to.
      const waits = needs.every((any) => any.some((request) => state.held.has(request)));
      if (!waits || state.grants.has(id) || grant.limits.expires <= at) entries.delete(id);
    }
  }

  function entryOf(id: string): Entry {
    sweep();
    const entry = entries.get(id);
    if (entry !== undefined) return entry;
    throw unknown(
      `No grant "${id}" is proposed: it was signed, its time is over, or something that it covers waits no more.`,
    );
  }

  function note(id: string, examples: readonly Example[]): void {
    const before = madeFrom.get(id) ?? [];
    madeFrom.delete(id);
    for (const oldest of madeFrom.keys()) if (madeFrom.size >= KNOWN) madeFrom.delete(oldest);
    madeFrom.set(id, new Set([...before, ...examples.map(({ action }) => action.request)]));
  }

  const subjectOf = ({ grant }: Entry): string => crypto.digest(canonicalize(jsonView(grant)));

  /** Why nothing is signed over it now, or null. */
  function frozen({ instance, grant }: Entry): string | null {
    const ended = grant.agents.find((agent) => state.tombstones.has(agent));
    if (ended !== undefined) return `agent ${ended} was ended for good`;
    // The page that signs says nothing of what was found, and a signature ends the quarantine.
    const [changed] = quarantinedServers(state, grant);
    if (changed !== undefined)
      return `server ${changed.driver} is in quarantine: aios grants sign, at a terminal, says so and can end that`;
    for (const [driver, { source }] of Object.entries(grant.drivers))
      if (source.kind === "ext" && state.barred.has(source.extension))
        return `the extension of server ${driver} was in quarantine: aios ext trust, at a terminal, says so and can end that`;
    const acting = state.instances.get(instance);
    if (acting !== undefined) return frozenBy(state, acting);
    return state.allFrozen === null ? null : "everything is frozen";
  }

  /** The same one for whoever looks meanwhile, as long as nothing that it names has moved. */
  async function draftOf(entry: Entry, { draw, policy }: Drawing): Promise<UnsignedStatement> {
    const { draft } = entry;
    if (draft !== null && draft.policy === policy && draft.expires - now() > DRAFT_LEFT_MS) return draft;
    const fresh = await draw(jsonView(entry.grant));
    if (entries.get(entry.grant.id) === entry) entry.draft = fresh;
    return fresh;
  }

  return {
    lay(laid) {
      sweep();
      const { id } = laid.grant;
      entries.delete(id);
      const over = oneTooMany([...entries.values()], laid);
      if (over !== null) entries.delete(over.grant.id);
      const needs = laid.examples === null ? [] : needsOf(laid.grant, laid.examples, crypto.digest);
      entries.set(id, { ...laid, made: now(), needs, draft: null });
      if (laid.examples !== null) note(id, laid.examples);
    },
    isOthers(id, from) {
      sweep();
      const entry = entries.get(id);
      return entry !== undefined && entry.from !== from;
    },
    list() {
      sweep();
      return [...entries.values()].map(viewOf);
    },
    async show(id, drawing) {
      const entry = entryOf(id);
      const statement = await draftOf(entry, drawing);
      return {
        ...viewOf(entry),
        document: canonicalize(jsonView(entry.grant)),
        about: entry.about,
        open: entry.open,
        frozen: frozen(entry),
        second: second.needOf(asHeld(id)),
        statement,
      };
    },
    narrow(id, document) {
      const entry = entryOf(id);
      const decoded = decodeGrant(document);
      if (decoded.kind !== "ok")
        throw new Refusal("bad-document", `This is not a grant: ${decoded.message}.`, "See docs/formats/grant.md.");
      const why = whyWider(decoded.value, entry.grant);
      if (why !== null)
        throw new Refusal("wider", `This is no narrower grant: ${why}.`, "Take something away, or propose it again.");
      // The place in the order stays; the draft and the code of what it was are good for nothing any more.
      const narrowed = { ...entry, grant: decoded.value, draft: null };
      const { examples } = entry;
      if (examples === null) return void entries.set(id, narrowed);
      if (coveredBy(decoded.value, examples, crypto.digest).length === 0)
        throw new Refusal(
          "nothing-to-propose",
          "Nothing that waits is left in it.",
          "Deny what waits, or leave some of it in.",
        );
      entries.set(id, { ...narrowed, needs: needsOf(decoded.value, examples, crypto.digest) });
    },
    checkWaits(lease) {
      sweep();
      const entry = entries.get(lease.id);
      // All of what is left on the desk waits; anything more may be of what it was before.
      const isLeft = entry !== undefined && whyWider(lease, entry.grant) === null;
      if (lease.lease && !isLeft && [...(madeFrom.get(lease.id) ?? [])].some((request) => !state.held.has(request)))
        throw unknown(
          `Lease "${lease.id}" was made from actions of which one waits no more: it was denied, taken back, answered, or over.`,
        );
      refuseUnread(lease, state, crypto.digest);
    },
    tell(id, subject) {
      const entry = entryOf(id);
      if (subjectOf(entry) !== subject)
        throw new Refusal("unknown-proposal", "The proposal is another by now.", "Look at it again.");
      return second.tell(asHeld(id), subject);
    },
    admit(statement, { place, id }) {
      const { nonce, subject, key } = statement;
      if (place === "desk") {
        const entry = entryOf(id);
        // Only the draft that the entry has now is good: those that it took the place of have ended.
        if (entry.draft?.nonce !== nonce || subjectOf(entry) !== subject)
          throw new StatementRefusal("moved", "the proposal was narrowed or made anew since it was shown");
        const why = frozen(entry);
        if (why !== null)
          throw new Refusal("frozen", `The signature is not taken: ${why}.`, "It is after an owner lets it go on.");
      }
      if (!isPasskey(key) || state.secondScreen === "nothing") return;
      if (place === "asked")
        throw new StatementRefusal(
          "second-screen",
          "a grant that is not on the desk has no code that a terminal tells",
        );
      const fault = second.faultOf({ ...statement, beside: subject }, asHeld(id));
      if (fault !== null) throw new StatementRefusal("second-screen", fault);
    },
  };
}

function unknown(why: string): Refusal {
  return new Refusal("unknown-proposal", why, "When the agent asks again, propose it again: `aios propose`.");
}

/** Which of the entries, oldest first, makes room for one more, or null when there is room. */
function oneTooMany(entries: readonly Entry[], { from, instance, grant }: Laid): Entry | null {
  const side = entries.filter((each) => each.from === from);
  const agents = Map.groupBy(side, (each) => each.grant.agents.join());
  const ofAgent = agents.get(grant.agents.join()) ?? [];
  const ofInstance = ofAgent.filter((each) => each.instance === instance);
  if (ofInstance.length >= OF_INSTANCE) return ofInstance[0] ?? null;
  if (ofAgent.length >= OF_AGENT) return ofAgent[0] ?? null;
  if (side.length < OF_SIDE) return null;
  // Whoever has the most gives way, so that many pushed by a few leave alone the one of somebody else.
  const [most] = [...agents.values()].toSorted((one, other) => other.length - one.length);
  return most?.[0] ?? null;
}

/** What the second screen says of a held action it says of a grant: its request is the grant's name. */
function asHeld(id: string) {
  return { risk: "reserved", request: id } as const;
}

function viewOf({ grant, instance, made }: Entry): ProposedView {
  const [agent = ""] = grant.agents;
  return { id: grant.id, agent, instance, lease: grant.lease, made, expires: grant.limits.expires };
}
