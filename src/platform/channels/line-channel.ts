import type { Channel } from "../powers.ts";

/** Newline-delimited texts over a channel: the framing of MCP's stdio transport. */
export interface Lines {
  /** Called with each line, without its newline; empty lines are left out. */
  onLine(listener: (line: string) => void): void;
  /** Called for a line that was over the bound or not UTF-8; its bytes are gone and the next line is read as usual. */
  onRefused(listener: (why: "too-long" | "not-utf-8") => void): void;
  /** Called once, when the other side is gone, the channel was destroyed, or one of the bounds below ended it. */
  onClose(listener: () => void): void;
  /** Writes one line. A reader that leaves more than `queuedBytes` unread loses the channel. */
  write(line: string): void;
  destroy(): void;
}

export interface LineBounds {
  /** Longest line in bytes, newline excluded. */
  readonly lineBytes: number;
  /** Bytes that may wait for a reader that does not read. */
  readonly queuedBytes: number;
  /** Bytes of one refused line that are skipped before the channel is ended. */
  readonly skippedBytes: number;
}

const NEWLINE = 10;

/**
 * Makes lines of a channel, which from then on belongs to them. Memory is bounded by `lineBytes` for what comes in and
 * `queuedBytes` for what goes out, whatever the other side does.
 */
export function openLines(channel: Channel, bounds: LineBounds): Lines {
  const lineListeners: ((line: string) => void)[] = [];
  const refusedListeners: ((why: "too-long" | "not-utf-8") => void)[] = [];
  // Not ignoring a byte order mark: RFC 8259 section 8.1 forbids one, and the JSON parser then says so.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let parts: Uint8Array[] = [];
  let held = 0;
  let skipped = 0;
  let queued = 0;
  let closed = false;

  channel.onClose(() => {
    closed = true;
    parts = [];
  });
  channel.onDrain(() => {
    queued = 0;
  });
  channel.onData((chunk) => {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      if (closed) return;
      finishLine(chunk.subarray(from, end));
      from = end + 1;
    }
    if (from < chunk.length) holdPart(chunk.subarray(from));
  });

  function holdPart(part: Uint8Array): void {
    if (skipped > 0 || held + part.length > bounds.lineBytes) {
      skipped += held + part.length;
      parts = [];
      held = 0;
      if (skipped > bounds.skippedBytes) channel.destroy();
      return;
    }
    parts.push(part);
    held += part.length;
  }

  function finishLine(last: Uint8Array): void {
    holdPart(last);
    const tooLong = skipped > 0;
    const [only] = parts;
    const bytes = parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
    parts = [];
    held = 0;
    skipped = 0;
    if (tooLong) return refuse("too-long");
    const text = decodeLine(bytes);
    if (text === null) return refuse("not-utf-8");
    if (text.length > 0) for (const listener of lineListeners) listener(text);
  }

  function decodeLine(bytes: Uint8Array): string | null {
    const end = bytes[bytes.length - 1] === 13 ? bytes.length - 1 : bytes.length;
    try {
      return decoder.decode(bytes.subarray(0, end));
    } catch {
      return null;
    }
  }

  function refuse(why: "too-long" | "not-utf-8"): void {
    for (const listener of refusedListeners) listener(why);
  }

  return Object.freeze({
    onLine: (listener: (line: string) => void) => void lineListeners.push(listener),
    onRefused: (listener: (why: "too-long" | "not-utf-8") => void) => void refusedListeners.push(listener),
    onClose: (listener: () => void) => channel.onClose(listener),
    write: (line: string) => {
      if (closed) return;
      const bytes = Buffer.from(`${line}\n`);
      if (channel.write(bytes)) return;
      queued += bytes.length;
      if (queued > bounds.queuedBytes) channel.destroy();
    },
    destroy: () => channel.destroy(),
  });
}
