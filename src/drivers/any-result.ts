import type { JsonObject } from "../kernel/json.ts";

/** Accepts any result: it is the server's words, parsed within bounds; the face's client checks what it relies on. */
export const ANY_RESULT = {
  "~standard": {
    version: 1 as const,
    vendor: "aios",
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the transports let only JSON objects in
    validate: (value: unknown) => ({ value: value as JsonObject }),
    types: undefined as { input: JsonObject; output: JsonObject } | undefined,
  },
};
