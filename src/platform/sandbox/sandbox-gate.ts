import type { Socket } from "node:net";

/** Longest wait for any one step of the set-up, milliseconds. It takes five on an idle machine. */
const PATIENCE = 30_000;

/** What bubblewrap reports once its namespaces exist. */
export interface SandboxStatus {
  /** Host id of the namespace's first process. */
  readonly pid: number;
  /** Inode number of its pid namespace. */
  readonly namespace: number;
}

/** Reads bubblewrap's first report. Rejects when it exits, or reports nothing or something else. */
export function readStatus(pipe: Socket, exited: Promise<unknown>): Promise<SandboxStatus> {
  return bounded("report its status", (resolve, reject) => {
    let text = "";
    pipe.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
      const end = text.indexOf("\n");
      if (end < 0) return;
      const status = parseStatus(text.slice(0, end));
      if (status === null) reject(new Error(`bubblewrap reported ${JSON.stringify(text)}`));
      else resolve(status);
    });
    pipe.on("error", () => {}); // its exit says it all
    void exited.then(() => reject(new Error("bubblewrap ended before it had made the namespaces")));
  });
}

function parseStatus(line: string): SandboxStatus | null {
  let status: unknown;
  try {
    status = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof status !== "object" || status === null) return null;
  if (!("child-pid" in status && "pid-namespace" in status)) return null;
  const { "child-pid": pid, "pid-namespace": namespace } = status;
  return typeof pid === "number" && typeof namespace === "number" ? { pid, namespace } : null;
}

/** Where bubblewrap waits, fully confined, for the word to go on. */
export interface Gate {
  /**
   * Lets the program start. bubblewrap reads the byte when all mounts are made and all capabilities dropped, and closes
   * its end: a clean end is the proof that the confinement stands. Dying before that leaves the byte unread, which the
   * kernel tells this end as a reset (`unix(7)`), and the promise rejects; so it does when the end came before the byte.
   */
  pass(): Promise<void>;
}

/** Listens at the gate from the beginning, so that a bubblewrap that dies early is noticed whenever it does. */
export function watchGate(pipe: Socket): Gate {
  let early: Error | null = null;
  const end = Promise.withResolvers<void>();
  end.promise.catch(() => null);
  let open = false;
  const fail = (cause: Error): void => {
    early ??= cause;
    end.reject(cause);
  };
  pipe.on("error", fail);
  pipe.on("end", () => {
    if (open) end.resolve();
    else fail(new Error("bubblewrap ended before it was let go on"));
  });
  pipe.on("close", () => fail(new Error("bubblewrap ended before it went on")));
  pipe.resume();
  return {
    pass: () =>
      bounded("set up its mounts", (resolve, reject) => {
        if (early !== null) return reject(early);
        open = true;
        pipe.write("1");
        end.promise.then(resolve, reject);
      }),
  };
}

function bounded<T>(
  step: string,
  run: (resolve: (value: T) => void, reject: (cause: Error) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`bubblewrap did not ${step} within ${PATIENCE} ms`)), PATIENCE);
    run(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (cause) => {
        clearTimeout(timer);
        reject(cause);
      },
    );
  });
}
