import { Worker } from "node:worker_threads";

/** One kind of work that is done in a thread of its own. */
export interface WorkerTask {
  /** Sends one structured-cloneable input and resolves with the first message that comes back, unchecked. */
  run(input: unknown): Promise<unknown>;
}

/** Bounds of one run. */
export interface WorkerBounds {
  readonly milliseconds: number;
  /** Heap of the thread, MiB; wasm memory is not counted. */
  readonly heap: number;
}

/**
 * Makes a task from a program file. Each run has a fresh thread, which is ended afterwards: a run that crashed, hung or
 * damaged its memory leaves nothing behind. `run` rejects when the thread fails, ends without an answer or is too slow.
 * The thread gets no environment and no arguments.
 */
export function createWorkerTask(program: URL, bounds: WorkerBounds): WorkerTask {
  return Object.freeze({ run: (input: unknown) => runOnce(program, { bounds, input }) });
}

/** The power to vet policy texts in a thread; `program` is `main/policy-worker.ts`. Ten thousand rules take a few seconds. */
export function createPolicyLoader(program: URL): WorkerTask {
  return createWorkerTask(program, { milliseconds: 60_000, heap: 256 });
}

async function runOnce(program: URL, options: { bounds: WorkerBounds; input: unknown }): Promise<unknown> {
  const { bounds, input } = options;
  const worker = new Worker(program, {
    env: {},
    argv: [],
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: bounds.heap },
    workerData: input,
  });
  const answer = Promise.withResolvers<unknown>();
  const timer = setTimeout(() => {
    answer.reject(new Error(`the worker gave no answer within ${bounds.milliseconds} ms`));
  }, bounds.milliseconds);
  worker.once("message", answer.resolve);
  worker.once("messageerror", answer.reject);
  worker.once("error", answer.reject);
  worker.once("exit", (code) => answer.reject(new Error(`the worker ended with code ${code} before it answered`)));
  try {
    return await answer.promise;
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
