import type { Timer } from "../platform/powers.ts";
import type { PeerFault } from "../protocol/rpc-error.ts";
import type { Journal } from "./journal.ts";

/** What was refused: by whom it was sent, the code, and what it was, as far as that is known. */
export interface Refused {
  readonly peer: string;
  readonly code: string;
  /** At most 200 characters. */
  readonly what: string;
}

/** Within this the same peer and code make one more record at most, milliseconds. */
const WINDOW_MS = 1000;

/**
 * Records what was refused: the first of a peer and code at once, what follows summed up once a second, so that nobody fills
 * the log by being refused. A crash loses a second's sum at most.
 */
export function createRefusals({
  journal,
  timer,
}: {
  readonly journal: Pick<Journal, "write">;
  readonly timer: Timer;
}): (refused: Refused) => void {
  const counted = new Map<string, { more: number; last: Refused }>();

  function record(refused: Refused, what = refused.what): void {
    void journal.write({ kind: "refused", peer: refused.peer, code: refused.code, what }).catch(() => {});
  }
  function sumUp(id: string): void {
    const { more, last } = counted.get(id) ?? { more: 0, last: null };
    counted.delete(id);
    if (more === 0 || last === null) return;
    record(last, `${more} more within a second, the last: ${last.what}`);
    begin(id, last);
  }
  function begin(id: string, last: Refused): void {
    counted.set(id, { more: 0, last });
    timer.after(WINDOW_MS, () => sumUp(id));
  }

  return (refused) => {
    const id = `${refused.peer} ${refused.code}`;
    const seen = counted.get(id);
    if (seen !== undefined) {
      seen.more += 1;
      seen.last = refused;
      return;
    }
    record(refused);
    begin(id, refused);
  };
}

/** The same for peers that were ended for breaking the protocol; each record is reported in words as well. */
export function createFaults({
  journal,
  timer,
  report,
}: {
  readonly journal: Pick<Journal, "write">;
  readonly timer: Timer;
  report(words: string): void;
}): (peer: string, fault: PeerFault) => void {
  const note = createRefusals({
    timer,
    journal: {
      write(body) {
        if (body.kind === "refused") report(`ended a ${body.peer}: ${body.code}: ${body.what}`);
        return journal.write(body);
      },
    },
  });
  return (peer, { code, message }) => note({ peer, code, what: message.slice(0, 200) });
}
