/** How fast the log takes records. */
export interface LogPace {
  /** What a group of records took lately until it was durable, milliseconds; longer while one that takes longer is under way. */
  readonly millis: number;
  /** Records that wait for the disk. */
  readonly waiting: number;
}

/** A disk that takes so long for a group of records is slow, milliseconds: every effect waits for it. */
export const SLOW_MS = 100;

/** Of a new measure so much enters: a few groups say how it is now. */
const SHARE = 1 / 4;

/** Measures groups, one after another. @param micros monotonic microseconds. */
export class Pace {
  readonly #micros: () => number;
  #millis = 0;
  #began: number | null = null;

  constructor(micros: () => number) {
    this.#micros = micros;
  }

  begin(): void {
    this.#began = this.#micros();
  }

  /** Whether it was written or failed. */
  end(): void {
    this.#millis += (this.#since() - this.#millis) * SHARE;
    this.#began = null;
  }

  look(waiting: number): LogPace {
    return { millis: Math.round(Math.max(this.#millis, this.#since())), waiting };
  }

  #since(): number {
    return this.#began === null ? 0 : (this.#micros() - this.#began) / 1000;
  }
}
