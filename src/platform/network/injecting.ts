import type { IncomingMessage } from "node:http";
import type { NetOrder } from "../../protocol/net-order.ts";
import type { Scrubber } from "./scrub.ts";

type Request = Extract<NetOrder, { kind: "request" }>;

/** What makes a broker an injector: it serves one destination, and the value goes in and comes out here only. */
export interface Injecting {
  /** Whether an order is one that it serves. */
  admits(order: NetOrder): order is Request;
  /** Says that the destination did not take the value; resolves, always, when that is known where values are renewed. */
  refused(ticket: string): Promise<void>;
  /** What to send of an order's target and headers, with the value in its place. */
  fill(order: Request): Pick<Request, "target" | "headers">;
  readonly scrubber: Scrubber;
}

/** Headers of an order with the value in the place of its placeholder. */
export function injectHeaders(
  headers: Request["headers"],
  put: { readonly header: string; readonly text: string },
): Request["headers"] {
  return askPlain(headers).map((each) => (each.name === put.header ? { name: each.name, value: put.text } : each));
}

/** Headers by which nothing comes back compressed: it could not be scrubbed. */
export function askPlain(headers: Request["headers"]): Request["headers"] {
  return [...headers.filter(({ name }) => name !== "accept-encoding"), { name: "accept-encoding", value: "identity" }];
}

/** A part that nobody asked for (`admits` in kernel/secrets.ts): a value may have been cut at its edge. */
const PARTIAL = 206;

/** Whether a response can be read as it is, so that the value can be found in it. */
export function isPlain(response: IncomingMessage): boolean {
  const { "content-encoding": encoding, "transfer-encoding": transfer } = response.headers;
  return (
    response.statusCode !== PARTIAL &&
    (encoding === undefined || encoding.toLowerCase() === "identity") &&
    (transfer === undefined || transfer.toLowerCase() === "chunked")
  );
}

/** How much of a streamed body is looked at again with what follows it. */
const OVERLAP = 256;

/** Looks at a body as it streams; true from the piece on in which there is a placeholder. */
export function createWatch(holds: (text: string) => boolean): (chunk: Buffer) => boolean {
  let tail = "";
  return (chunk) => {
    const text = tail + chunk.toString("latin1");
    tail = text.slice(-OVERLAP);
    return holds(text);
  };
}
