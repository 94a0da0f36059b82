import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import { isObject, parseJson } from "../kernel/json.ts";
import { SERVER_BOUNDS } from "./server-transport.ts";

/**
 * Holds what the SDK's HTTP transport parsed to the kernel's bounds, by writing it out and parsing it again: what came
 * with a duplicate key or a number that was rounded is by now what the SDK made of it, and that is what is checked,
 * recorded and passed on. A message that does not fit ends the session.
 */
export function checkMessages(inner: Transport): Transport {
  const transport: Transport = {
    start: async () => {
      // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport of the SDK has no addEventListener
      inner.onmessage = (message, extra) => {
        const parsed = parseJson(JSON.stringify(message), SERVER_BOUNDS);
        if (parsed.kind === "refused" || !isObject(parsed.value)) {
          void inner.close();
          return;
        }
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the SDK checked the shape before it was written out
        transport.onmessage?.(parsed.value as unknown as JSONRPCMessage, extra);
      };
      // oxlint-disable-next-line unicorn/prefer-add-event-listener -- as above
      inner.onclose = () => transport.onclose?.();
      // oxlint-disable-next-line unicorn/prefer-add-event-listener -- as above
      inner.onerror = (error) => transport.onerror?.(error);
      await inner.start();
    },
    send: (message, options) => inner.send(message, options),
    close: () => inner.close(),
    hasPerRequestStream: inner.hasPerRequestStream === true,
    setProtocolVersion: (version) => inner.setProtocolVersion?.(version),
  };
  return transport;
}
