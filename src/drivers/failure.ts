import { ProtocolError, SdkError, SdkErrorCode } from "@modelcontextprotocol/client";
import type { JsonObject } from "../kernel/json.ts";

/** Why a request to a server did not give a result. */
export type Failure =
  | { readonly kind: "server-error"; readonly code: number; readonly message: string }
  | { readonly kind: "silent" | "too-large" | "broken"; readonly message: string };

/** Thrown into the SDK by a transport whose server sent a message over the bound. */
export class MessageTooLarge extends Error {
  override readonly name = "MessageTooLarge";
}

/** Longest part of a server's own words that goes into an error. */
const WORDS = 1_000;

/** JSON-RPC error code, of the range left to implementations, under which a transport says that an answer was too large. */
export const TOO_LARGE_CODE = -32_052;

/** Sorts what the SDK threw. */
export function explainFailure(error: unknown): Failure {
  if (error instanceof MessageTooLarge) return { kind: "too-large", message: error.message };
  if (error instanceof ProtocolError) {
    const message = error.message.slice(0, WORDS).toWellFormed();
    return error.code === TOO_LARGE_CODE
      ? { kind: "too-large", message }
      : { kind: "server-error", code: error.code, message };
  }
  if (error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout) {
    return { kind: "silent", message: "The server gave no answer and no progress in time" };
  }
  const words = error instanceof Error ? error.message : String(error);
  return { kind: "broken", message: words.slice(0, WORDS).toWellFormed() };
}

/**
 * A server's JSON-RPC error as a result: for a tool the model reads it, for a resource or prompt the face turns the
 * `_meta` back into the error (face/results.ts).
 */
export function serverErrorResult(error: { readonly code: number; readonly message: string }): JsonObject {
  return {
    isError: true,
    content: [{ type: "text", text: `The server answered with error ${error.code}: ${error.message}` }],
    _meta: { "aios/server-error": { code: error.code, message: error.message } },
  };
}
