import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** One kind of work that is done in a thread of its own. */
export interface WorkerTask {
  /**
   * Sends one structured-cloneable input and gives what comes back, unchecked, one part at a time: the next is asked for
   * when the caller wants it, so that a long answer never holds the caller's event loop. Throws when the thread fails,
   * ends before its answer is complete, or is too slow. The thread is ended when the caller stops.
   */
  run(input: unknown): AsyncIterable<unknown>;
}

/** Bounds of one run. */
export interface WorkerBounds {
  /** For the whole run. */
  readonly milliseconds: number;
  /** Heap of the thread, MiB; wasm memory is not counted. */
  readonly heap: number;
  /** The thread's whole environment. */
  readonly environment: { readonly [name: string]: string };
}

/** What a worker program posts each time it is asked: one part, or that there are no more. */
export type WorkerPost = { readonly part: unknown } | { readonly end: true };

/**
 * Makes a task from a program file, which finds the input in `workerData` and posts one `WorkerPost` for each message.
 * Each run has a fresh thread: a run that crashed, hung or damaged its memory leaves nothing behind. The thread gets no
 * arguments, and of the environment what it is given.
 */
export function createWorkerTask(program: URL, bounds: WorkerBounds): WorkerTask {
  return Object.freeze({ run: (input: unknown) => runOnce(program, { bounds, input }) });
}

/** The power to vet policy texts in a thread; `program` is `main/policy-worker.ts`. Ten thousand rules take seconds. */
export function createPolicyLoader(program: URL, environment: WorkerBounds["environment"] = {}): WorkerTask {
  return createWorkerTask(program, { milliseconds: 120_000, heap: 256, environment });
}

async function* runOnce(program: URL, options: { bounds: WorkerBounds; input: unknown }): AsyncGenerator {
  const { bounds, input } = options;
  const worker = new Worker(program, {
    env: { ...bounds.environment },
    argv: [],
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: bounds.heap },
    workerData: input,
  });
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => null);
  const timer = setTimeout(() => {
    failure.reject(new Error(`the worker was not done within ${bounds.milliseconds} ms`));
  }, bounds.milliseconds);
  worker.once("messageerror", failure.reject);
  worker.once("error", failure.reject);
  worker.once("exit", (code) => failure.reject(new Error(`the worker ended with code ${code} before it was done`)));
  try {
    for (;;) {
      const posted = once(worker, "message");
      // When the run fails first, nobody waits for this any more.
      posted.catch(() => null);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
      worker.postMessage("next");
      const [post] = await Promise.race([posted, failure.promise]);
      if (!isPost(post)) throw new Error("the worker posted something else than a part");
      if ("end" in post) return;
      yield post.part;
    }
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

function isPost(message: unknown): message is WorkerPost {
  return typeof message === "object" && message !== null && ("part" in message || "end" in message);
}
