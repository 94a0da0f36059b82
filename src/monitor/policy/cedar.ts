import type * as cedarWasm from "@cedar-policy/cedar-wasm/nodejs";

/**
 * The part of `@cedar-policy/cedar-wasm/nodejs` that policies need. One instance of it holds one wasm memory with one
 * cache of rule sets; a thrown error (not a `failure` answer) means that this memory can no longer be trusted.
 */
export type Cedar = Pick<
  typeof cedarWasm,
  "policyToJson" | "preparsePolicySet" | "statefulIsAuthorized" | "templateToJson" | "validate"
>;
