import type { SandboxedProcess } from "../platform/powers.ts";
import type { Part } from "../protocol/stop-report.ts";
import type { LiveInstance } from "./live.ts";

/** Whether nothing may begin for an instance now: it is frozen, or its end has begun. */
export function isStopped({ state, over }: LiveInstance): boolean {
  return over || state.life === "frozen";
}

/**
 * Begins a sandbox for an instance, so that no stop passes it over: while the instance is frozen, and once it is being ended,
 * none begins any more, so what was begun when a stop looks is all there is to wait for. One that comes to be while
 * the instance is frozen stands still at once, and one that comes while it is being ended is killed.
 * Rejects when it may not begin, and as `begin` does.
 */
export async function enlist<S extends SandboxedProcess>(
  live: LiveInstance,
  part: Part,
  begin: () => Promise<S>,
): Promise<S> {
  if (isStopped(live)) throw new Error("it was stopped before this part of it began");
  const starting = begin();
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
