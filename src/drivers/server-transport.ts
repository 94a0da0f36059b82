import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import { isObject, parseJson, type JsonBounds } from "../kernel/json.ts";
import type { AttachedServer } from "../platform/sandbox/attached-server.ts";
import { TOO_LARGE } from "./failure.ts";
import { askOlderWay } from "./older-way.ts";

/** Bounds of one message of a server: it must fit into a frame to the monitor with its wrapping. */
export const SERVER_BOUNDS: JsonBounds = Object.freeze({ maxLength: 4_128_768, maxDepth: 56, maxValues: 190_000 });

/** Lines that are no message, in a row, after which a server is given up. Some print a greeting before they speak. */
const JUNK_LINES = 100;

/**
 * MCP's stdio transport to a server whose streams we hold: each line within bounds and strictly parsed before the SDK sees
 * it. A line over the bound answers every open request with an error, since nobody can tell whose answer it was; the
 * server lives on. One that leaves a newer question unanswered is asked in the older way (older-way.ts).
 */
export function createServerTransport(
  attach: () => AttachedServer,
  on: {
    /** Its output is over; with its last words. */
    readonly ended: (words: string) => void;
    /** Starts a timer; what it returns stops it. */
    readonly after: (ms: number, call: () => void) => () => void;
  },
): Transport {
  const open = new Set<string | number>();
  let attached: AttachedServer | null = null;
  let junk = 0;

  const transport: Transport = {
    start: () => {
      const server = attach();
      attached = server;
      server.lines.onLine((line) => {
        const parsed = parseJson(line, SERVER_BOUNDS);
        if (parsed.kind === "refused") return parsed.code === "too-large" ? answerTooLarge() : countJunk();
        if (!isObject(parsed.value) || parsed.value["jsonrpc"] !== "2.0") return countJunk();
        junk = 0;
        const { id, method } = parsed.value;
        if (method === undefined && (typeof id === "number" || typeof id === "string")) {
          // An answer to nothing that is open: a second one, or one that came too late.
          if (!open.delete(id)) return;
        }
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the SDK checks the rest of the shape itself
        const message = parsed.value as unknown as JSONRPCMessage;
        // The SDK hears notifications one microtask late, but answers at once: without this the progress that came just
        // before an answer would be lost.
        if (method === undefined) void Promise.resolve().then(() => transport.onmessage?.(message));
        else transport.onmessage?.(message);
      });
      server.lines.onRefused((why) => (why === "too-long" ? answerTooLarge() : countJunk()));
      // A server without its output is of no use.
      server.lines.onClose(() => server.leave());
      void server.ended.then((words) => {
        on.ended(words);
        transport.onclose?.();
      });
      return Promise.resolve();
    },
    send: (message) => {
      if ("id" in message && message.id !== undefined && "method" in message) open.add(message.id);
      attached?.lines.write(JSON.stringify(message));
      return Promise.resolve();
    },
    close: () => {
      attached?.leave();
      return Promise.resolve();
    },
  };

  function answerTooLarge(): void {
    for (const id of open) transport.onmessage?.({ jsonrpc: "2.0", id, error: TOO_LARGE });
    open.clear();
  }
  function countJunk(): void {
    junk += 1;
    if (junk > JUNK_LINES) attached?.leave();
  }
  return askOlderWay(transport, on.after);
}
