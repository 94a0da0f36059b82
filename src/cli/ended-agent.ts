import { CliFailure } from "./failure.ts";
import type { MonitorClient } from "./powers.ts";

/**
 * Refuses a start that the monitor would refuse at its end, before anybody reads and signs a grant for it: of an agent that an
 * attempt to climb ended for good, as its grants show. The monitor refuses all such itself.
 * @throws CliFailure `agent-tombstoned`, the monitor's code.
 */
export async function refuseEnded(client: MonitorClient, agent: string): Promise<void> {
  const { grants } = await client.request("grants", {});
  if (!grants.some(({ agents, state }) => state === "suspended" && agents.includes(agent))) return;
  throw CliFailure.fromMonitor({
    code: "agent-tombstoned",
    message: `Agent "${agent}" was ended for good by an attempt to climb`,
    hint: "aios ps --all names its instance; aios restart INSTANCE shows what it did, and you sign if it was a false alarm",
  });
}
