import type { SandboxedProcess } from "../platform/powers.ts";

/** The sandboxes of one start, to be ended together, also while others of it are still to come. */
export interface Begun {
  /** Takes one in that is being made; it is killed at once when the end has begun. Resolves and rejects as `start`. */
  take(start: Promise<SandboxedProcess>): Promise<SandboxedProcess>;
  end(): void;
  /** Resolves when all that were taken in are gone and what was done inside was heard. Call it after `end`. */
  gone(): Promise<void>;
}

export function createBegun(): Begun {
  const sandboxes: SandboxedProcess[] = [];
  let over = false;
  return {
    async take(start) {
      const sandbox = await start;
      sandboxes.push(sandbox);
      if (over) sandbox.kill();
      return sandbox;
    },
    end() {
      over = true;
      for (const sandbox of sandboxes) sandbox.kill();
    },
    async gone() {
      await Promise.allSettled(sandboxes.map(({ ended }) => ended));
    },
  };
}
