import { CliFailure } from "./failure.ts";
import type { Home } from "./powers.ts";

/** An instance that a command started and waits for. */
export interface Awaited {
  readonly instance: string;
  readonly agent: string;
  /** The folder that it works in, or null. */
  readonly workspace: string | null;
}

/** How often a monitor that ends every connection is asked. One that was killed closes its sockets one after another. */
const LOOKS = 20;

/**
 * What became of an instance whose monitor ended the connection over which it was waited for, as a failure that names it and
 * says what to do next. `gone`: it ended with its monitor, as every sandbox does. Null when the error is another than
 * `monitor-lost`, or nobody can say.
 */
export async function explainLoss(
  error: unknown,
  home: Pick<Home, "attach">,
  { instance, agent, workspace }: Awaited,
): Promise<{ readonly gone: boolean; readonly failure: CliFailure } | null> {
  if (!isLoss(error)) return null;
  const runs = await runsOn(home, instance);
  if (runs === null) return null;
  if (runs) {
    const failure = CliFailure.of(
      "monitor-lost",
      `The monitor ended the connection, and instance ${instance} of agent ${agent} runs on`,
      `aios ps shows it, aios kill ${instance} ends it`,
    );
    return { gone: false, failure };
  }
  const next = [
    `aios restart ${instance} starts it again`,
    `aios log show --instance ${instance} says what it did`,
    ...(workspace === null ? [] : [`aios undo ${instance} takes back what it changed in the workspace`]),
  ];
  const failure = CliFailure.of(
    "monitor-lost",
    `The monitor ended, and instance ${instance} of agent ${agent} ended with it`,
    `${next.join(", ")}; each starts the monitor first`,
  );
  return { gone: true, failure };
}

/** Whether a monitor answers under which it runs: one that was started since has it among the ended. Null: it does not say. */
async function runsOn(home: Pick<Home, "attach">, instance: string): Promise<boolean | null> {
  for (let looks = 0; looks < LOOKS; looks += 1) {
    try {
      const client = await home.attach();
      if (client === null) return false;
      try {
        const { instances } = await client.request("ps", { all: false });
        return instances.some((each) => each.instance === instance);
      } finally {
        client.close();
      }
    } catch (error) {
      if (!isLoss(error)) return null;
    }
  }
  return null;
}

function isLoss(error: unknown): boolean {
  return error instanceof CliFailure && error.code === "monitor-lost";
}
