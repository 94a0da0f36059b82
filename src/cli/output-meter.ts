/** Counts what an agent says to the streams that it was lent. */
export interface OutputMeter {
  /** So many bytes came; how many of them may be handed on, from the first. */
  take(bytes: number): number;
  /** From now on so much may come in all; null is no bound. Output waits until then (`OfferedStreams.flow`). */
  bound(most: number | null): void;
}

/** Starts at nothing. `over` is told once, of all that came until then, in the turn in which it became too much. */
export function createOutputMeter(over: (found: number) => void): OutputMeter {
  let most = Infinity;
  let came = 0;
  let told = false;
  return {
    take(bytes) {
      const room = Math.max(0, most - came);
      came += bytes;
      if (came > most && !told) {
        told = true;
        over(came);
      }
      return Math.min(bytes, room);
    },
    bound(given) {
      most = given ?? Infinity;
    },
  };
}
