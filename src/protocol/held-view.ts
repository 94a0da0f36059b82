import type { Label, Risk } from "../kernel/grant.ts";
import type { FoundFile } from "./found-file.ts";
import type { SecondNeed } from "./second-screen.ts";
import type { UnsignedStatement } from "./statement.ts";

/** What lists say of what an action is about takes at most so many columns. */
export const ABOUT_COLUMNS = 120;

/** A held action as lists show it. */
export interface HeldView {
  readonly request: string;
  readonly instance: string;
  readonly agent: string;
  readonly what: string;
  /** What it is about: one line of visible text (`showing/about-action.ts`), which tells apart and decides nothing. */
  readonly about: string;
  readonly reasons: readonly string[];
  readonly since: number;
  readonly expires: number;
  /** Of the canonical bytes of the action: what records name it by. */
  readonly digest: string;
  /** Digest of what it asks for, whoever asks and when: equal for equal requests of an agent. */
  readonly same: string;
  /** Digest of its shape: equal for requests to the same tool with arguments of the same kinds. */
  readonly shape: string;
}

/** Held actions in one answer: all of them can be more than a frame takes. */
export const HELD_PAGE = 500;

/** Some of what is held, oldest first. */
export interface HeldPage {
  readonly held: readonly HeldView[];
  /** What to ask for the rest after; null when there is none. */
  readonly next: number | null;
  /** How many are held altogether. */
  readonly all: number;
}

/** All that is held, page by page, however much: what was held when it was asked and still is, and perhaps what came since. */
export async function* pagesOfHeld(
  ask: (body: { readonly after: number | null }) => Promise<HeldPage>,
): AsyncGenerator<HeldPage> {
  for (let after: number | null = null; ;) {
    const page: HeldPage = await ask({ after });
    yield page;
    if (page.next === null) return;
    after = page.next;
  }
}

/** Held actions that one instance asks for over and over: the first of them, and all, in the order in which they came. */
export interface EqualHeld {
  readonly first: HeldView;
  readonly all: readonly HeldView[];
}

/**
 * Puts together what is equal (docs/decisions/asking-people.md): the same instance, agent, tool and arguments. Only what is
 * signed says whether it really is the same.
 */
export function groupEqual(held: Iterable<HeldView>): readonly EqualHeld[] {
  const groups = new Map<string, EqualHeld & { readonly all: HeldView[] }>();
  for (const view of held) {
    const key = `${view.instance} ${view.same}`;
    const found = groups.get(key);
    if (found === undefined) groups.set(key, { first: view, all: [view] });
    else found.all.push(view);
  }
  return [...groups.values()];
}

/** How often something was asked of people before, and what they said. */
export interface AskedBefore {
  readonly same: { readonly asked: number; readonly allowed: number; readonly denied: number };
  readonly shape: { readonly asked: number; readonly allowed: number; readonly denied: number };
}

/** All there is to know about a held action; the human decides on this. */
export interface HeldDetail extends HeldView {
  /** Canonical bytes as text; what is shown is parsed from exactly this. */
  readonly action: string;
  readonly risk: Risk;
  readonly labels: readonly Label[];
  readonly pin: string;
  readonly unendorsed: readonly string[];
  /** Where each string or number in the arguments was seen before, by JSON pointer. */
  readonly provenance: readonly { readonly pointer: string; readonly from: readonly string[] }[];
  readonly before: AskedBefore;
  /** What lies where it would write, where it writes a file; the statement's `beside` is its digest. */
  readonly found: FoundFile | null;
  /** Why no yes to it is taken now: what asks, or all, is frozen; null when a yes is. Visible text. */
  readonly frozen: string | null;
  /** What a yes takes of a passkey besides its signature. */
  readonly second: SecondNeed;
  readonly statement: UnsignedStatement;
}
