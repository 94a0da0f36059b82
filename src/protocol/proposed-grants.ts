import type { Grant } from "../kernel/grant.ts";
import type { JsonObject } from "../kernel/json.ts";
import { GRANT } from "./authority.ts";
import { boolean, integer, jsonObject, list, literal, nullable, object, oneOf, text, type Decoder } from "./decode.ts";
import { agentName, digest, empty, grantId, instanceId, moment, visibleLine } from "./fields.ts";
import { SECOND_CODE, SECOND_NEEDS, type SecondNeed } from "./second-screen.ts";
import type { AnswerTable, BodyTable } from "./side.ts";
import { UNSIGNED, type UnsignedStatement } from "./statement.ts";

/** What a grant is proposed from: what an instance has held, or what it was denied for want of a grant. */
export const PROPOSED_FROM = ["held", "denied"] as const;
export type ProposedFrom = (typeof PROPOSED_FROM)[number];

/** What somebody wants proposed. Spans in milliseconds. */
export interface ProposalTerms {
  readonly instance: string;
  readonly from: ProposedFrom;
  /** A held action: only what is like it (the same tool, with arguments of the same kinds). Null: all. */
  readonly like: string | null;
  /** The folder that several paths lie in, in place of the paths. */
  readonly folders: boolean;
  /** How often in all; null: as often as it was asked for. */
  readonly uses: number | null;
  readonly span: number;
}

/** A grant on the monitor's desk: nobody has signed it, and it gives nothing. */
export interface ProposedView {
  /** Of the grant that it would be. */
  readonly id: string;
  readonly agent: string;
  /** The instance that asked for what it covers. */
  readonly instance: string;
  readonly lease: boolean;
  readonly made: number;
  readonly expires: number;
}

/** One of them with all that is shown of it and signed. */
export interface ProposedDetail extends ProposedView {
  /** Canonical bytes of the grant as it stands now, as text. */
  readonly document: string;
  /** Where its parts come from and what is not in it, line by line, as visible text. */
  readonly about: readonly string[];
  /** Arguments that it was asked with and that no condition holds, by `driver/tool`; names as visible text. */
  readonly open: readonly { readonly what: string; readonly names: readonly string[] }[];
  /** Why no signature over it is taken now; null when one is. */
  readonly frozen: string | null;
  /** What a passkey's signature takes besides. */
  readonly second: SecondNeed;
  /** Complete but for who signs. */
  readonly statement: UnsignedStatement;
}

type Empty = Record<string, never>;

/** Requests about grants that are proposed. None of them grants anything. */
export interface ProposedRequests {
  /**
   * Makes the narrowest grant for what an instance asked for, from the bytes of its actions, and lays it on the desk, in the
   * place of one of the same name.
   */
  "propose-grant": { body: ProposalTerms; ok: { readonly grant: Grant; readonly about: readonly string[] } };
  "proposed-grants": { body: Empty; ok: { readonly proposed: readonly ProposedView[] } };
  "proposed-grant": { body: { readonly id: string }; ok: ProposedDetail };
  /** Puts a narrower grant in the place of a proposed one; a wider one is refused. */
  "narrow-grant": { body: { readonly id: string; readonly document: JsonObject }; ok: Empty };
  /**
   * The code that a passkey's signature over a proposed grant takes, told where exactly that grant was shown (`subject`: its
   * digest); null where none is demanded or it was tried too often. The console may not ask for it.
   */
  "proposed-code": {
    body: { readonly id: string; readonly subject: string };
    ok: { readonly code: string | null };
  };
}

/** Proposals that lie on the desk at a time. */
export const MOST_PROPOSED = 32;
const MOST_ABOUT = 256;
/** Longest name of a tool with its driver; and arguments of one, whose names fit into a line that is shown. */
const MOST_NAME = 1000;
const MOST_USES = 1_000_000;
/** Longest span of a proposal, milliseconds: of a plain grant that a terminal proposes, a hundred years. */
const LONGEST_MS = 36_525 * 86_400_000;
/** What the console may have proposed at most, whatever it shows its person: uses, and milliseconds. */
export const CONSOLE_MOST = { uses: 100, span: 86_400_000 } as const;

const id = text({ max: 128 });
const about: Decoder<readonly string[]> = list(visibleLine, { max: MOST_ABOUT });

function termsUpTo(most: { readonly uses: number; readonly span: number }, folders: Decoder<boolean>) {
  return object<ProposalTerms>({
    instance: text({ max: 128 }),
    from: oneOf(PROPOSED_FROM),
    like: nullable(text({ max: 128 })),
    folders,
    uses: nullable(integer({ min: 1, max: most.uses })),
    span: integer({ min: 1000, max: most.span }),
  });
}

/** As the console may ask for one: exact values only, and bounded, since it may lie to its person about how much it asked for. */
export const CONSOLE_TERMS: Decoder<ProposalTerms> = termsUpTo(CONSOLE_MOST, literal(false));

export const PROPOSED_TABLE: BodyTable<ProposedRequests> = {
  "propose-grant": termsUpTo({ uses: MOST_USES, span: LONGEST_MS }, boolean()),
  "proposed-grants": empty,
  "proposed-grant": object<{ readonly id: string }>({ id }),
  "narrow-grant": object<ProposedRequests["narrow-grant"]["body"]>({ id, document: jsonObject() }),
  "proposed-code": object<ProposedRequests["proposed-code"]["body"]>({ id, subject: digest }),
};

const view = {
  id: grantId,
  agent: agentName,
  instance: instanceId,
  lease: boolean(),
  made: moment,
  expires: moment,
};

export const PROPOSED_ANSWERS: AnswerTable<ProposedRequests> = {
  "propose-grant": object<ProposedRequests["propose-grant"]["ok"]>({ grant: GRANT, about }),
  "proposed-grants": object<ProposedRequests["proposed-grants"]["ok"]>({
    proposed: list(object<ProposedView>(view), { max: MOST_PROPOSED }),
  }),
  "proposed-grant": object<ProposedDetail>({
    ...view,
    document: text({ max: 1_048_576 }),
    about,
    open: list(
      object<ProposedDetail["open"][number]>({
        what: text({ max: MOST_NAME }),
        names: list(visibleLine, { max: MOST_NAME }),
      }),
      {
        max: MOST_ABOUT,
      },
    ),
    frozen: nullable(visibleLine),
    second: oneOf(SECOND_NEEDS),
    statement: UNSIGNED,
  }),
  "narrow-grant": empty,
  "proposed-code": object<ProposedRequests["proposed-code"]["ok"]>({
    code: nullable(text({ max: 8, pattern: SECOND_CODE })),
  }),
};
