import { hash } from "node:crypto";
import type { InferParts } from "../platform/network/infer-exchange.ts";
import { decodeUtf8 } from "../protocol/bytes.ts";
import { readInferBody } from "../protocol/infer-body.ts";
import { createUsageReader } from "../protocol/infer-usage.ts";

/** How a broker and an injector read what is asked of models: a face that was taken over cannot have another body sent. */
export const INFER_PARTS: InferParts = Object.freeze<InferParts>({
  fits(bytes, { digest, terms }) {
    if (`sha256:${hash("sha256", bytes, "hex")}` !== digest) return false;
    const text = decodeUtf8(bytes);
    const read = text === null ? null : readInferBody(terms.endpoint, text);
    if (read?.kind !== "ok") return false;
    const { model, maxOutput, stream, inputTokens, features } = read.value;
    return (
      model === terms.model &&
      maxOutput === terms.maxOutput &&
      stream === terms.stream &&
      inputTokens === terms.inputTokens &&
      JSON.stringify(features) === JSON.stringify(terms.features.toSorted())
    );
  },
  readUsage: createUsageReader,
});
