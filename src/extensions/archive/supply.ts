/** Bytes that come in pieces and are taken in others. Of what is not yet taken one piece is kept, no more. */
export class Supply {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** The next bytes, at most so many; none at the end. */
  async some(most: number): Promise<Uint8Array> {
    while (this.#rest.length === 0) {
      const next = await this.#pieces.next();
      if (next.done === true) return new Uint8Array();
      this.#rest = next.value;
    }
    const taken = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }

  /** Exactly so many; null when there are fewer. For small counts. */
  async exactly(count: number): Promise<Uint8Array | null> {
    const whole = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      const part = await this.some(count - filled);
      if (part.length === 0) return null;
      whole.set(part, filled);
      filled += part.length;
    }
    return whole;
  }
}
