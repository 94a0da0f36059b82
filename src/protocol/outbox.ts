/** The writing half of a channel. */
export interface ByteSink {
  /** Queues bytes; false asks to wait for `onDrain`. */
  write(bytes: Uint8Array): boolean;
  onDrain(listener: () => void): void;
}

/** Frames that may wait for the other end to read. */
const MAX_FRAMES = 4096;

interface Waiting {
  readonly bytes: Uint8Array;
  readonly sent: () => void;
}

/**
 * Frames on their way out, in order. While the channel asks to wait they are kept here, bounded in number and bytes:
 * an end that sends requests and never reads the answers must not grow our memory.
 */
export class Outbox {
  readonly #sink: ByteSink;
  readonly #maxBytes: number;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #blocked = false;
  #ended = false;
  #wakers: (() => void)[] = [];

  constructor(sink: ByteSink, maxBytes: number) {
    this.#sink = sink;
    this.#maxBytes = maxBytes;
    sink.onDrain(() => this.#drain());
  }

  /** Whether the channel asks to wait. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Takes a frame, or answers false when the bound is reached. Calls `sent` when the channel has taken it. */
  send(bytes: Uint8Array, sent: () => void): boolean {
    if (this.#ended) return true;
    if (!this.#blocked) {
      this.#blocked = !this.#sink.write(bytes);
      sent();
      return true;
    }
    if (this.#waiting.length >= MAX_FRAMES || this.#bytes + bytes.length > this.#maxBytes) return false;
    this.#waiting.push({ bytes, sent });
    this.#bytes += bytes.length;
    return true;
  }

  /** Resolves when the channel takes bytes again, or was ended. */
  drained(): Promise<void> {
    if (!this.#blocked || this.#ended) return Promise.resolve();
    return new Promise((resolve) => this.#wakers.push(resolve));
  }

  /** Drops what waits. */
  end(): void {
    this.#ended = true;
    this.#waiting = [];
    this.#bytes = 0;
    this.#wake();
  }

  #drain(): void {
    if (this.#ended) return;
    this.#blocked = false;
    const waiting = this.#waiting;
    let written = 0;
    for (const { bytes, sent } of waiting) {
      if (this.#blocked) break;
      written += 1;
      this.#bytes -= bytes.length;
      this.#blocked = !this.#sink.write(bytes);
      sent();
    }
    this.#waiting = waiting.slice(written);
    if (!this.#blocked) this.#wake();
  }

  #wake(): void {
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake();
  }
}
