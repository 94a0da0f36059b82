import type { IncomingMessage } from "node:http";

/** Longest body that becomes part of its action; a longer one is streamed. In bytes. */
export const SHOWN_BODY_BYTES: number = 256 * 1024;

/** What was read of a body. */
export interface ReadBody {
  readonly bytes: Buffer;
  /** Whether that is all of it. */
  readonly whole: boolean;
}

/** Reads a body up to the bound and then stops, so that the rest can be streamed. Rejects when it breaks off. */
export function readSome(request: IncomingMessage): Promise<ReadBody> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let held = 0;
    const settle = (finish: () => void): void => {
      request.off("readable", onReadable);
      request.off("end", onEnd);
      request.off("close", onGone);
      finish();
    };
    const onEnd = (): void => settle(() => resolve({ bytes: Buffer.concat(parts), whole: true }));
    const onGone = (): void => settle(() => reject(new Error("The body broke off")));
    const onReadable = (): void => {
      for (let part: unknown = request.read(); part instanceof Buffer; part = request.read()) {
        parts.push(part);
        held += part.length;
        if (held > SHOWN_BODY_BYTES) {
          return settle(() => resolve({ bytes: Buffer.concat(parts), whole: false }));
        }
      }
    };
    request.on("readable", onReadable);
    request.once("end", onEnd);
    request.once("close", onGone);
  });
}

/** Bytes as an action can hold them: text where they are one, so that a person can read it. */
export function describeBody(
  bytes: Buffer,
): { readonly kind: "text"; readonly text: string } | { readonly kind: "base64"; readonly base64: string } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { kind: "text", text };
  } catch {
    return { kind: "base64", base64: bytes.toString("base64") };
  }
}
