import { INFER_DRIVER, type InferFacts } from "../kernel/infer.ts";
import type { ContextFacts, MemoryBudget } from "../kernel/memory-budget.ts";
import type { Instances } from "./instances.ts";
import type { LiveInstance } from "./live.ts";
import type { State } from "./state.ts";

const NOTHING: MemoryBudget = { bytes: 0, count: 0 };

/** For what asks no model: with these none could be asked. */
const NO_MODELS: InferFacts = Object.freeze({
  providers: new Map(),
  seesWorkspace: true,
  context: { context: NOTHING, workingSet: NOTHING, loaded: NOTHING },
});

/**
 * What is known of models when an instance asks one, and nothing for another driver. What was loaded above it can have come down to
 * it as its task.
 */
export function inferFacts(
  live: LiveInstance,
  {
    state,
    instances,
    driver,
  }: {
    readonly state: State;
    readonly instances: Pick<Instances, "running" | "seesWorkspace">;
    readonly driver: string;
  },
): InferFacts {
  if (driver !== INFER_DRIVER) return NO_MODELS;
  const above = new Set(live.state.ancestry);
  const chain = [live, ...[...instances.running()].filter((each) => above.has(each.state.instance))];
  const loaded = {
    bytes: chain.reduce((sum, each) => sum + each.loaded.bytes, 0),
    count: chain.reduce((sum, each) => sum + each.loaded.count, 0),
  };
  return {
    providers: state.providers,
    seesWorkspace: instances.seesWorkspace(live),
    context: contextOf(state, live.state.agent, loaded),
  };
}

/** The same of an agent of which no instance is asked about. */
export function factsOfNobody(state: State, agent: string): InferFacts {
  return {
    providers: state.providers,
    seesWorkspace: false,
    context: contextOf(state, agent, { bytes: 0, count: 0 }),
  };
}

function contextOf({ memory }: State, agent: string, loaded: MemoryBudget): ContextFacts {
  return { context: memory.budget(agent, "context"), workingSet: memory.budget(agent, "working-set"), loaded };
}
