import { toBase64 } from "../protocol/bytes.ts";
import type { CliRequests } from "../protocol/requests.ts";
import { noteKeyText } from "../protocol/note.ts";
import { Refusal } from "./faults.ts";
import type { Journal } from "./journal.ts";
import type { Log } from "./log/log.ts";
import { SLOW_MS } from "./log/pace.ts";
import type { MonitorPowers } from "./powers.ts";

type Names = "log-grown" | "checkpoint" | "log-pace" | "backup-begin" | "backup-made";

/** The command line's requests about the log as a whole. */
export function logHandlers({
  log,
  journal,
  powers,
}: {
  readonly log: Pick<Log, "size" | "key" | "pace" | "consistency" | "checkpoint" | "settle">;
  readonly journal: Pick<Journal, "write">;
  readonly powers: Pick<MonitorPowers, "crypto">;
}): { readonly [K in Names]: (body: CliRequests[K]["body"]) => Promise<CliRequests[K]["ok"]> } {
  return {
    async "log-grown"({ from, to }) {
      if (from > to || to > log.size)
        throw new Refusal("bad-request", `The log never grew from ${from} to ${to} records.`, `It has ${log.size}.`);
      return { path: (await log.consistency(from, to)).map(toBase64) };
    },
    async checkpoint() {
      const key = noteKeyText((data) => powers.crypto.sha256(data), log.key);
      return { note: (await log.checkpoint()).note, key };
    },
    async "log-pace"() {
      return { ...log.pace, slow: log.pace.millis >= SLOW_MS };
    },
    async "backup-begin"() {
      const { size, note } = await log.settle();
      return { size, note };
    },
    async "backup-made"(made) {
      if (made.size > log.size)
        throw new Refusal("bad-request", `The log never had ${made.size} records.`, `It has ${log.size}.`);
      return { seq: await journal.write({ kind: "backup-made", ...made }) };
    },
  };
}
