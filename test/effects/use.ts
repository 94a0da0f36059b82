/** What an agent says of its use of an extension (`test/fakes/corpus-agent.mjs`). */
export interface Use {
  /** Exit codes of the commands that it was told to run; null: by a signal. */
  readonly ran: readonly (number | null)[];
  readonly started: boolean;
  readonly listed: number;
  readonly called: number;
  readonly answered: number;
  /** Why a server did not do all that; empty: it did. */
  readonly why: string;
  readonly heard: readonly string[];
}

const NONE: Use = { ran: [], started: false, listed: 0, called: 0, answered: 0, why: "", heard: [] };

/** Reads its line; without one, the agent did not get to its end. */
export function readUse(output: string): Use {
  const line = output.split("\n").find((each) => each.startsWith('{"ran"'));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own program wrote it
  return line === undefined ? { ...NONE, why: "its agent was ended" } : (JSON.parse(line) as Use);
}

/** One that was never used, and why. */
export function unused(why: string): Use {
  return { ...NONE, why };
}

/** Whether it did what it is there for: its server answered by each tool, or all that its texts have an agent run went well. */
export function works({ started, listed, answered, called, why, ran }: Use, hasServer: boolean): boolean {
  if (why !== "") return false;
  return hasServer ? started && listed > 0 && answered === called : ran.every((code) => code === 0);
}
