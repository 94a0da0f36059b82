import type * as cedarWasm from "@cedar-policy/cedar-wasm/nodejs";
import { PolicyFault } from "./policy-fault.ts";

/** The part of `@cedar-policy/cedar-wasm/nodejs` that policies need. One instance of it holds one wasm memory. */
export type Cedar = Pick<
  typeof cedarWasm,
  "policyToJson" | "preparsePolicySet" | "statefulIsAuthorized" | "templateToJson" | "validate"
>;

/**
 * Cedar that is not asked again once it has thrown. An exception (not a `failure` answer) is a trap in wasm: its memory
 * may be half changed, so that a later answer could be a wrong allow (ERRORS-DENY). From then on every call throws
 * PolicyFault `broken`; only a new process helps.
 */
export function guardCedar(cedar: Cedar): Cedar {
  let broken = false;
  const guard =
    <Given extends readonly unknown[], Answer>(ask: (...given: Given) => Answer) =>
    (...given: Given): Answer => {
      if (broken) throw new PolicyFault("broken", "Cannot decide: Cedar failed earlier; restart the monitor");
      try {
        return ask(...given);
      } catch (error) {
        broken = true;
        throw new PolicyFault("broken", `Cannot decide: Cedar failed: ${String(error)}`);
      }
    };
  return Object.freeze({
    policyToJson: guard(cedar.policyToJson),
    preparsePolicySet: guard(cedar.preparsePolicySet),
    statefulIsAuthorized: guard(cedar.statefulIsAuthorized),
    templateToJson: guard(cedar.templateToJson),
    validate: guard(cedar.validate),
  });
}
