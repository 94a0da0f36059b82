import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  LATEST_PROTOCOL_VERSION,
  type JSONRPCMessage,
  type JSONRPCResponse,
  type Transport,
} from "@modelcontextprotocol/client";
import { isObject, type JsonObject } from "../kernel/json.ts";
import { asJson } from "../protocol/as-json.ts";

/**
 * How long a server may be silent to a question that only newer ones know. Many older servers leave what they do not know
 * unanswered; the question itself takes a server milliseconds, so that a second is its start and no more.
 */
export const SILENCE_MS = 1000;

/** Of a string id, which the SDK's own questions in a session never have. */
const OWN_ID = "aios-initialize";
const METHOD_NOT_FOUND = -32_601;

/**
 * Asks a silent server in the older way too. The SDK's first question is `server/discover` (revision 2026-07-28), and it
 * asks `initialize` only after an answer. Here `initialize` follows after `SILENCE_MS`. A server that answers both, since it
 * only started slowly, is spoken to in the older way from then on, for that is the last that it was asked; one that refuses
 * the older question, or leaves it unanswered, in the newer. What is answered later still is dropped.
 *
 * @param after starts a timer; what it returns stops it.
 */
export function askOlderWay(inner: Transport, after: (ms: number, call: () => void) => () => void): Transport {
  /** The newer question while the SDK waits for its answer, and every id that it had. */
  let question: { readonly id: string | number; readonly params: JsonObject } | null = null;
  const questions = new Set<unknown>();
  /** A result of it that came when the older one was asked already. */
  let held: JSONRPCMessage | null = null;
  let stopTimer: (() => void) | null = null;
  /** Our own question, and what was answered to it. */
  let own: "unasked" | "asked" | "dropped" | JSONRPCResponse = "unasked";
  /** The id of the SDK's `initialize`, which the answer to our own is for. */
  let waits: string | number | null = null;

  function ask(): void {
    if (question === null || own !== "unasked") return;
    own = "asked";
    // A server that is gone says so by its end.
    inner.send({ jsonrpc: "2.0", id: OWN_ID, method: "initialize", params: question.params }).catch(() => undefined);
  }

  function answerQuestion(message: JSONRPCMessage): void {
    question = null;
    stopTimer?.();
    transport.onmessage?.(message);
  }

  function hear(message: JSONRPCMessage, extra: Parameters<NonNullable<Transport["onmessage"]>>[1]): void {
    if ("method" in message) return transport.onmessage?.(message, extra);
    if (message.id === OWN_ID) return hearOwn(message);
    if (!questions.has(message.id)) return transport.onmessage?.(message, extra);
    if (message.id !== question?.id || held !== null) return;
    if (own !== "asked" || !("result" in message)) return answerQuestion(message);
    held = message;
    stopTimer = after(SILENCE_MS, takeHeld);
  }

  function hearOwn(message: JSONRPCResponse): void {
    if (own !== "asked") return;
    if (held !== null && "error" in message) return takeHeld();
    own = message;
    if (waits !== null) return transport.onmessage?.({ ...message, id: waits });
    if (question === null) return;
    const error = { code: METHOD_NOT_FOUND, message: "The server was asked in the older way" };
    answerQuestion({ jsonrpc: "2.0", id: question.id, error });
  }

  function takeHeld(): void {
    if (held === null || own !== "asked") return;
    own = "dropped";
    answerQuestion(held);
  }

  const transport: Transport = {
    start: async () => {
      // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport of the SDK has no addEventListener
      inner.onmessage = hear;
      // oxlint-disable-next-line unicorn/prefer-add-event-listener -- as above
      inner.onclose = () => {
        stopTimer?.();
        transport.onclose?.();
      };
      await inner.start();
    },
    send: async (message, options) => {
      if (!("method" in message && "id" in message)) return inner.send(message, options);
      const { id, method } = message;
      if (method === "server/discover") {
        question = { id, params: olderParams(message.params) };
        questions.add(id);
        stopTimer ??= after(SILENCE_MS, ask);
      }
      if (method !== "initialize" || own === "unasked" || own === "dropped") return inner.send(message, options);
      // It was asked already, and some servers take a second one for a fault.
      if (own === "asked") waits = id;
      else transport.onmessage?.({ ...own, id });
    },
    close: () => {
      stopTimer?.();
      return inner.close();
    },
  };
  return transport;
}

/** What `initialize` says of us, from what the newer question says. */
function olderParams(params: unknown): JsonObject {
  const given = asJson(params ?? {});
  const meta = isObject(given) ? given["_meta"] : undefined;
  const about = meta !== undefined && isObject(meta) ? meta : {};
  return {
    protocolVersion: LATEST_PROTOCOL_VERSION,
    capabilities: about[CLIENT_CAPABILITIES_META_KEY] ?? {},
    clientInfo: about[CLIENT_INFO_META_KEY] ?? {},
  };
}
