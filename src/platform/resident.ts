import { Worker } from "node:worker_threads";

/** A thread that stays and answers one question after the other, in the order in which they were asked. */
export interface Resident {
  /** Sends one structured-cloneable question; rejects when the thread gave an error, or is gone. Nothing is checked. */
  ask(question: unknown): Promise<unknown>;
  /** Whether it ever ran: one that the system had no room for (EAGAIN) is gone before that. */
  readonly began: boolean;
  /** Ends the thread. */
  end(): Promise<void>;
}

/** What a resident program posts: the answer to the question of this number, or why there is none. */
export type ResidentPost =
  | { readonly id: number; readonly answer: unknown }
  /** `code`: of the error that it was there. */
  | { readonly id: number; readonly error: string; readonly code: string | null };

/** Why it has no answer, as it is posted. */
export function reasonOf(error: unknown): { readonly error: string; readonly code: string | null } {
  if (!(error instanceof Error)) return { error: String(error), code: null };
  return { error: error.message, code: "code" in error && typeof error.code === "string" ? error.code : null };
}

/** What it is sent. */
export interface ResidentQuestion {
  readonly id: number;
  readonly question: unknown;
}

/**
 * Starts a thread from a program file, which finds `input` in `workerData`. It gets no arguments, and of the environment what
 * it is given. One that ended is not started again: everything that is asked of it is refused (ERRORS-DENY). Throws, or refuses
 * everything, where the system has no room for another thread.
 */
export function startResident(
  program: URL,
  options: {
    readonly input: unknown;
    /** Heap of the thread, MiB. */
    readonly heap: number;
    /** Its part for what is new, MiB; as Node sees fit where it is not said. */
    readonly young?: number;
    readonly environment: { readonly [name: string]: string };
  },
): Resident {
  const worker = new Worker(program, {
    env: { ...options.environment },
    argv: [],
    execArgv: [],
    resourceLimits: {
      maxOldGenerationSizeMb: options.heap,
      ...(options.young !== undefined && { maxYoungGenerationSizeMb: options.young }),
    },
    workerData: options.input,
  });
  worker.unref();
  const open = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let last = 0;
  let gone: Error | null = null;
  let began = false;

  function fail(error: Error): void {
    gone ??= error;
    for (const { reject } of open.values()) reject(gone);
    open.clear();
  }
  worker.on("message", (post: ResidentPost) => {
    const asked = open.get(post.id);
    open.delete(post.id);
    if ("error" in post)
      asked?.reject(Object.assign(new Error(post.error), post.code === null ? {} : { code: post.code }));
    else asked?.resolve(post.answer);
  });
  worker.on("online", () => (began = true));
  worker.on("messageerror", fail);
  worker.on("error", fail);
  worker.on("exit", (code) => fail(new Error(`the thread ended with code ${code}`)));

  return Object.freeze({
    get began() {
      return began;
    },
    ask(question: unknown) {
      if (gone !== null) return Promise.reject(gone);
      const id = ++last;
      return new Promise<unknown>((resolve, reject) => {
        open.set(id, { resolve, reject });
        const asked: ResidentQuestion = { id, question };
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
        worker.postMessage(asked);
      });
    },
    async end() {
      await worker.terminate();
    },
  });
}
