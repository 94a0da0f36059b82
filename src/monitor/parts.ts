import type { SandboxedProcess } from "../platform/powers.ts";
import type { Part } from "../protocol/stop-report.ts";
import type { LiveInstance } from "./live.ts";

/**
 * Enters a sandbox that is being made for an instance, so that no stop passes it over: one that comes to be while the
 * instance is frozen stands still at once, and one that comes while it is being ended, or after that, is killed.
 */
export async function enlist<S extends SandboxedProcess>(
  live: LiveInstance,
  part: Part,
  starting: Promise<S>,
): Promise<S> {
  live.starts.add(starting);
  try {
    const sandbox = await starting;
    live.parts.set(sandbox, part);
    void sandbox.ended.then(
      () => live.parts.delete(sandbox),
      () => live.parts.delete(sandbox),
    );
    if (live.over) sandbox.kill();
    else if (live.state.life === "frozen") sandbox.suspend();
    return sandbox;
  } finally {
    live.starts.delete(starting);
  }
}
