import type { Readable } from "node:stream";

/** Keeps the last `most` bytes of a stream as text; a null stream is empty. `ended` resolves when nothing more comes. */
export function keepTail(stream: Readable | null, most: number): { text(): string; readonly ended: Promise<void> } {
  let kept = Buffer.alloc(0);
  stream?.on("data", (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]).subarray(-most);
  });
  return { text: () => kept.toString("utf8"), ended: streamEnd(stream) };
}

/** Keeps the first `most` bytes of a stream and reads on, so that its writer is never held up. */
export function keepHead(
  stream: Readable | null,
  most: number,
): { bytes(): Uint8Array; truncated(): boolean; readonly ended: Promise<void> } {
  const chunks: Buffer[] = [];
  let size = 0;
  let truncated = false;
  stream?.on("data", (chunk: Buffer) => {
    const kept = chunk.subarray(0, most - size);
    truncated ||= kept.length < chunk.length;
    if (kept.length > 0) chunks.push(kept);
    size += kept.length;
  });
  return { bytes: () => Buffer.concat(chunks), truncated: () => truncated, ended: streamEnd(stream) };
}

function streamEnd(stream: Readable | null): Promise<void> {
  if (stream === null) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once("close", resolve);
    stream.on("error", () => {}); // followed by close
  });
}
