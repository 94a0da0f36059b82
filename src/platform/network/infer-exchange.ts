import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { UsageReader } from "../../protocol/infer-usage.ts";
import type { InferOrderBody, NetResult } from "../../protocol/net-order.ts";

/** How bodies for models and their answers are read. */
export interface InferParts {
  /** Whether bytes are the body that an order names, and ask for what it says. */
  fits(bytes: Buffer, body: InferOrderBody): boolean;
  readUsage(contentType: string): UsageReader;
}

/** Reads what an answer of a model says it has used, while it passes; told once, at its end. */
export function countUsage(
  response: IncomingMessage,
  infer: InferParts | undefined,
  tell: (usage: NetResult["usage"]) => void,
): void {
  const reader = infer?.readUsage(response.headers["content-type"] ?? "") ?? null;
  response.on("data", (chunk: Buffer) => reader?.add(chunk));
  response.once("end", () => tell(reader?.end() ?? null));
}

/** Everything that a face sends on a stream until its end; null when that is not exactly so many bytes. */
export function collectBody(stream: Duplex, length: number): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let held = 0;
    const settle = (body: Buffer | null): void => {
      stream.off("data", onData);
      stream.off("end", onEnd);
      stream.off("close", onGone);
      stream.resume();
      resolve(body);
    };
    const onData = (chunk: Buffer): void => {
      held += chunk.length;
      if (held > length) return settle(null);
      parts.push(chunk);
    };
    const onEnd = (): void => settle(held === length ? Buffer.concat(parts, held) : null);
    const onGone = (): void => settle(null);
    stream.on("data", onData);
    stream.once("end", onEnd);
    stream.once("close", onGone);
  });
}
