import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { REPO } from "../e2e/substrate.ts";

const PLACE = join(REPO, ".cache/agents");
/** More than it takes on a machine that has nothing cached, less than a run would be ended for (scripts/hung-file.ts). */
const WAIT_MS = 300_000;

/**
 * Whether a real agent's program (or a receiver of another project) is there, after waiting for as long as `scripts/fetch-agent.cjs` is at it: `.ci/run` has it
 * fetch beside the tests. When that fails, is ended or takes too long, it is not there, and its proofs say so.
 */
export async function awaitFetched(agent: string, program: string): Promise<boolean> {
  for (const end = Date.now() + WAIT_MS; !existsSync(program) && isBeingFetched(agent) && Date.now() < end;)
    await new Promise((resolve) => setTimeout(resolve, 500));
  return existsSync(program);
}

/** It is put together in a folder that is named for the process that does it. */
function isBeingFetched(agent: string): boolean {
  const entries = existsSync(PLACE) ? readdirSync(PLACE) : [];
  return entries.some((name) => name.startsWith(`${agent}.`) && existsSync(`/proc/${name.slice(agent.length + 1)}`));
}
