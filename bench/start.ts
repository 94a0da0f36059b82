import { startSubstrate } from "../test/e2e/substrate.ts";
import { runBare } from "./bare.ts";
import { median, type Row } from "./row.ts";

const ROUNDS = 15;
const COLD_MS = 300;

/**
 * A run of `true` by a monitor that is there, from the request until its end is told, over bare bubblewrap; with its face,
 * which every instance has, and then with the storage device of a folder that it may write in.
 */
export async function run(): Promise<readonly Row[]> {
  const aios = await startSubstrate();
  try {
    await aios.grant({ id: "plain", agents: ["plain"], allow: [], workspace: "none", programs: "any" });
    await aios.grant({ id: "writer", agents: ["writer"], allow: [], workspace: "write", programs: "any" });
    const over = { plain: [] as number[], writer: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      const bare = await time(runBare);
      for (const agent of ["plain", "writer"] as const) {
        const workspace = agent === "writer" ? aios.workspace : null;
        over[agent].push((await time(() => runTrue(agent, workspace))) - bare);
      }
    }
    const row = (what: string, values: readonly number[]): Row => ({
      what,
      value: median(values),
      unit: "ms",
      bar: `≤ ${COLD_MS}`,
      met: median(values) <= COLD_MS,
      note: `p50 of ${ROUNDS} in turns; slowest ${Math.round(Math.max(...values))} ms`,
    });
    return [
      row("aios run true, cold, over bare bubblewrap", over.plain),
      row("the same in a folder that it may write", over.writer),
    ];
  } finally {
    await aios.stop();
  }

  async function runTrue(agent: string, workspace: string | null): Promise<void> {
    const ran = await aios.run({ agent, command: ["/usr/bin/true"], workspace });
    if (ran.exit !== 0) throw new Error(`true ended with ${ran.exit}: ${ran.stderr}`);
  }
}

async function time(action: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await action();
  return performance.now() - began;
}
