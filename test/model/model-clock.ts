/** A wall clock that moved by more than this against the time since boot was set, milliseconds. */
const JUMP = 120_000;

/**
 * Time as memory must have it: it goes on while the machine sleeps, follows a wall clock that drifts, and neither leaps with one
 * that is set nor goes back. The plainest form of what `monitor/trusted-clock.ts` promises.
 */
export class ModelClock {
  now: number;
  /** Whether keys may be destroyed: nobody waits for an owner to say which time it is. */
  trusted: boolean;
  #steady: boolean;
  #offset: number;

  /** @param newest time in the log; 0: there is none. */
  constructor({ wall, boot }: Clocks, newest: number) {
    this.#offset = wall - boot;
    this.now = newest;
    this.#steady = wall >= newest - 5000;
    this.trusted = this.#steady && (newest === 0 || wall - newest <= 86_400_000);
    this.tick({ wall, boot });
  }

  tick({ wall, boot }: Clocks): void {
    const moved = wall - boot - this.#offset;
    if (Math.abs(moved) > JUMP) this.#steady = this.trusted = false;
    else if (this.#steady) this.#offset += moved;
    this.now = Math.max(this.now, boot + this.#offset);
  }

  /** An owner says that the wall clock is right; the only way back. */
  believe({ wall, boot }: Clocks): void {
    this.#offset = wall - boot;
    this.#steady = this.trusted = true;
    this.now = wall;
  }
}

export interface Clocks {
  readonly wall: number;
  readonly boot: number;
}
