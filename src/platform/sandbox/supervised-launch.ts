import { SandboxError } from "../../sandbox/error.ts";
import type { SandboxToWatch, Supervisor, WardNews } from "./supervisor-link.ts";

/** How long a launcher may take to become the agent, milliseconds. It takes some fifty on an idle machine. */
const PATIENCE = 30_000;

/** A launch that is being watched. */
export interface SupervisedLaunch {
  /** Resolves when the agent's program has begun, or could not because it is not there. Rejects with SandboxError. */
  readonly done: Promise<void>;
  /** Resolves when everything about it was heard, or nobody supervises it any more. */
  readonly gone: Promise<void>;
  /** Sets what ends the sandbox when it made a terminal call or when nobody supervises it any more; called at once then. */
  onEnd(kill: () => void): void;
}

/** Hands a sandbox to the supervisor, without whose word its launcher does not go on; resolves when the supervisor has it. */
export async function superviseLaunch(
  agent: { readonly supervisor: Supervisor; readonly hear: (news: WardNews) => void },
  ward: SandboxToWatch,
): Promise<SupervisedLaunch> {
  const done = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  done.promise.catch(() => null);
  let kill: (() => void) | null = null;
  let ended = false;
  const timer = setTimeout(() => fail("the launcher did not become the agent in time"), PATIENCE);
  const settle = (): void => {
    clearTimeout(timer);
    done.resolve();
  };
  const fail = (why: string): void => {
    clearTimeout(timer);
    const hint = "aios doctor says what this machine lacks";
    done.reject(new SandboxError("launcher", `Cannot start an agent in its sandbox: ${why}`, hint));
  };
  await agent.supervisor.watch(ward, (news) => {
    switch (news.event) {
      case "launched":
        settle();
        break;
      case "failed":
        if (news.why === "setup") fail(news.words);
        else settle();
        break;
      case "terminal":
      case "unsupervised":
        fail("its supervisor is gone");
        ended = true;
        kill?.();
        break;
      case "gone":
        fail("it ended before its program began");
        break;
      case "started":
      case "connected":
      case "refused":
      case "written":
      case "files-refused":
        break;
    }
    agent.hear(news);
    if (news.event === "gone" || news.event === "unsupervised") gone.resolve();
  });
  return Object.freeze({
    done: done.promise,
    gone: gone.promise,
    onEnd(ends: () => void) {
      kill = ends;
      if (ended) ends();
    },
  });
}
