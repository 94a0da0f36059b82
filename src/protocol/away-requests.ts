import { AWAY_ANSWERS, type AwayAnswer } from "../kernel/away.ts";
import { list, nullable, object, oneOf } from "./decode.ts";
import { DIGEST_SUM, type DigestRequests } from "./digest.ts";
import { count, empty, grantId, moment } from "./fields.ts";
import type { AnswerTable, BodyTable } from "./side.ts";

/** A stretch away; moments in milliseconds since 1970 UTC. */
export interface AwayView {
  readonly since: number;
  readonly until: number;
  readonly asked: AwayAnswer;
  /** Ids of the leases that came with it. */
  readonly leases: readonly string[];
}

type Empty = Record<string, never>;

/** What the command line asks about a time in which nobody is there. */
export interface AwayRequests extends DigestRequests {
  /** The stretch in which nobody is there to be asked, if it is one now. */
  away: { body: Empty; ok: { readonly away: AwayView | null } };
  /** Ends it, and the leases that came with it. `record` is null when it was over already. */
  back: { body: Empty; ok: { readonly since: number; readonly record: number | null } };
}

export const AWAY_TABLE: BodyTable<AwayRequests> = {
  away: empty,
  back: empty,
  digest: object<AwayRequests["digest"]["body"]>({ since: moment }),
};

export const AWAY_TABLE_ANSWERS: AnswerTable<AwayRequests> = {
  away: object<AwayRequests["away"]["ok"]>({
    away: nullable(
      object<AwayView>({
        since: moment,
        until: moment,
        asked: oneOf(AWAY_ANSWERS),
        leases: list(grantId, { max: 16 }),
      }),
    ),
  }),
  back: object<AwayRequests["back"]["ok"]>({ since: moment, record: nullable(count) }),
  digest: DIGEST_SUM,
};
