import type { StatementEffects } from "../statement-effects.ts";
import type { PolicyEngine } from "./policy-engine.ts";

/** Type-checks a policy text without taking it into force, and says the first thing that is wrong with it. */
export async function checkText(
  engine: Pick<PolicyEngine, "check">,
  text: string,
): ReturnType<StatementEffects["checkPolicy"]> {
  const { problems, version } = await engine.check(text);
  const [first] = problems;
  return first === undefined
    ? { kind: "ok", version }
    : { kind: "refused", message: `${first.rule}: ${first.message}` };
}
