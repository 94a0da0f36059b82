import { decodeGrant } from "../kernel/grant-decoder.ts";
import type { Grant } from "../kernel/grant.ts";
import type { JsonObject } from "../kernel/json.ts";
import { sameSpec } from "./driver-pool.ts";
import { declaredDriver } from "./driver-table.ts";
import { requireStanding } from "./extensions/opening.ts";
import { Refusal } from "./faults.ts";
import { secretProblem } from "./secrets.ts";
import type { State } from "./state.ts";

/** The grant that a statement signs; throws a Refusal when it cannot be in force beside the others. */
export function readGrant(document: JsonObject, state: State): Grant {
  const decoded = decodeGrant(document);
  if (decoded.kind !== "ok")
    throw new Refusal("bad-document", `This is not a grant: ${decoded.message}.`, "See docs/formats/grant.md.");
  const grant = decoded.value;
  if (state.grants.has(grant.id)) {
    throw new Refusal(
      "grant-exists",
      `A grant "${grant.id}" exists already; an id is used once.`,
      "Give it another name.",
    );
  }
  const problem = secretProblem(state, grant);
  if (problem !== null) throw new Refusal("secret-use", `This grant cannot work: ${problem}.`, "Bind it first.");
  for (const { source } of Object.values(grant.drivers)) requireStanding(source, state);
  for (const agent of grant.agents) {
    for (const [name, spec] of Object.entries(grant.drivers)) {
      const declared = declaredDriver(state, agent, name);
      if (declared.kind === "declared" && !sameSpec(declared.spec, spec)) {
        throw new Refusal(
          "shadowed-driver",
          `Another active grant of agent "${agent}" declares driver "${name}" differently.`,
          "Revoke that one first, or name the driver differently.",
        );
      }
    }
  }
  return grant;
}
