import type { Duplex, Writable } from "node:stream";

/** Streams between a face and its broker at a time. */
export const BROKER_STREAMS = 256;
/** Longest head, in bytes. */
const HEAD_BYTES = 256 * 1024;

/** What a face says first on a stream: which exchange it is, by its ticket, or under which number it waits for one. */
export type OpeningHead = { readonly ticket: string } | { readonly stream: number };

/** What a broker says first: that bytes flow now, with the response's head if there is one, or why they do not. */
export type AnsweringHead =
  | {
      readonly kind: "response";
      readonly status: number;
      readonly reason: string;
      /** As they came: name, value, name, value. */
      readonly headers: readonly string[];
    }
  | { readonly kind: "open" }
  | { readonly kind: "fault"; readonly fault: string };

/** Writes a head: 4 bytes length, big-endian, and that many bytes of JSON. What follows on the stream are plain bytes. */
export function writeHead(stream: Duplex, head: OpeningHead | AnsweringHead): void {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(text.length);
  stream.write(Buffer.concat([length, text]));
}

/** Lets what is written in this turn of the event loop go out together: whoever reads it wakes once for head and body. */
export function sendTogether(output: Pick<Writable, "cork" | "uncork">): void {
  output.cork();
  setImmediate(() => output.uncork());
}

/**
 * Reads the head of a stream; what came with it is put back, so that the next reader begins after it. Rejects when the
 * stream ends or breaks before, or when it is no head. `read` turns the JSON into a type or throws.
 */
export function readHead<T>(stream: Duplex, read: (value: unknown) => T): Promise<T> {
  return new Promise((resolve, reject) => {
    let held: Buffer = Buffer.alloc(0);
    const settle = (finish: () => void): void => {
      stream.off("readable", onReadable);
      stream.off("end", onGone);
      stream.off("close", onGone);
      finish();
    };
    const onGone = (): void => settle(() => reject(new Error("The stream ended before its head")));
    const onReadable = (): void => {
      for (let chunk: unknown = stream.read(); chunk instanceof Buffer; chunk = stream.read()) {
        held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
        if (held.length < 4) continue;
        const end = 4 + held.readUInt32BE(0);
        if (end - 4 > HEAD_BYTES) return settle(() => reject(new Error("The head is too long")));
        if (held.length < end) continue;
        const head = held.toString("utf8", 4, end);
        const rest = held.subarray(end);
        return settle(() => {
          if (rest.length > 0) stream.unshift(rest);
          try {
            resolve(read(JSON.parse(head)));
          } catch {
            reject(new Error("The stream begins with no head"));
          }
        });
      }
    };
    stream.on("readable", onReadable);
    stream.once("end", onGone);
    stream.once("close", onGone);
  });
}

/** Reads a face's first words. */
export function readOpening(value: unknown): OpeningHead {
  const stream = fieldOf(value, "stream");
  if (typeof stream === "number" && Number.isSafeInteger(stream) && stream >= 0) return { stream };
  const ticket = fieldOf(value, "ticket");
  if (typeof ticket !== "string" || !/^[0-9a-f]{32}$/.test(ticket)) throw new TypeError("no ticket");
  return { ticket };
}

/** Reads a broker's first words: it reads what servers send, so they are checked. */
export function readAnswering(value: unknown): AnsweringHead {
  const kind = fieldOf(value, "kind");
  if (kind === "open") return { kind };
  if (kind === "fault") {
    const fault = fieldOf(value, "fault");
    return { kind, fault: typeof fault === "string" && /^[a-z-]{1,64}$/.test(fault) ? fault : "broken-response" };
  }
  const [status, reason, headers] = ["status", "reason", "headers"].map((name) => fieldOf(value, name));
  if (kind !== "response" || !Number.isSafeInteger(status) || typeof status !== "number")
    throw new TypeError("no head");
  if (status < 100 || status > 999 || typeof reason !== "string" || !Array.isArray(headers))
    throw new TypeError("no head");
  const texts = headers.filter((text) => typeof text === "string");
  if (texts.length !== headers.length || texts.length % 2 !== 0) throw new TypeError("no headers");
  return { kind, status, reason, headers: texts };
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}
