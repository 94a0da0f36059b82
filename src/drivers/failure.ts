import { ProtocolError, SdkError, SdkErrorCode } from "@modelcontextprotocol/client";
import { isObject, parseJson, type JsonObject } from "../kernel/json.ts";

/** Why a request to a server did not give a result. */
export type Failure =
  | { readonly kind: "server-error"; readonly code: number; readonly message: string }
  | { readonly kind: "silent" | "too-large" | "broken"; readonly message: string };

/** Longest part of a server's own words that goes into an error. */
const WORDS = 1_000;

/** JSON-RPC error code, of the range left to implementations, under which a transport says that an answer was too large. */
const TOO_LARGE_CODE = -32_052;

/** The JSON-RPC error by which a transport answers what was over its bound. */
export const TOO_LARGE: { readonly code: number; readonly message: string } = {
  code: TOO_LARGE_CODE,
  message: "The server's answer is over its size bound",
};

/** Why a server was not opened: of what the SDK threw, in terms of what the server did. `ms`: how long it was waited for. */
export function explainOpening(error: unknown, ms: number): string {
  const failure = explainFailure(error);
  if (failure.kind === "silent") return `it gave no answer to initialize within ${ms / 1000} s`;
  if (failure.kind === "server-error") return `it answered with error ${failure.code}: ${failure.message}`;
  return failure.message;
}

/** Sorts what the SDK threw. */
export function explainFailure(error: unknown): Failure {
  // What reading a body over its bound throws (platform/network/mux-fetch.ts).
  if (error instanceof RangeError) return { kind: "too-large", message: error.message };
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

/** The JSON-RPC error by which a transport answers a request whose answer was too large, as text. */
export function tooLargeAnswer(requestBody: string | null): string {
  const parsed = parseJson(requestBody ?? "null");
  const id = parsed.kind === "ok" && isObject(parsed.value) ? (parsed.value["id"] ?? null) : null;
  return JSON.stringify({ jsonrpc: "2.0", id, error: TOO_LARGE });
}
