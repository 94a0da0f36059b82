import type { StopReport } from "../src/protocol/stop-report.ts";
import { startBusy, until } from "../test/fakes/busy-instances.ts";
import { startSubstrate } from "../test/e2e/substrate.ts";
import type { Row } from "./row.ts";

/** Instances, and freezes before the one kill that ends them. */
const INSTANCES = Number(process.env["AIOS_STOP_INSTANCES"] ?? 50);
const FREEZES = Number(process.env["AIOS_STOP_FREEZES"] ?? 5);
const BAR_MS = 1000;

interface Stop {
  /** For each instance, milliseconds until the last of it was confirmed. */
  readonly confirmed: readonly number[];
  readonly unconfirmed: number;
  /** Milliseconds until the answer was there, at the other end of the socket. */
  readonly wall: number;
}

/**
 * Stops fifty instances that are busy with everything at once: four loops that never rest (a fork storm and one that continues
 * whatever is stopped among them), writing in a guarded workspace, an MCP server, and a stream from outside.
 */
export async function run(): Promise<readonly Row[]> {
  // In a session of its own, as the command line starts it: what has the processor first is the session's (sched(7)).
  const aios = await startSubstrate({ under: ["setsid"] });
  try {
    const busy = await startBusy(aios, INSTANCES);
    const stop = async (name: "freeze" | "kill"): Promise<Stop & { readonly report: StopReport }> => {
      const begun = performance.now();
      const report = await aios.client.request(name, { instance: null });
      const wall = performance.now() - begun;
      process.stderr.write(`${name}: answered after ${Math.round(wall)} ms\n`);
      const { instances } = report;
      const last = (of: (each: StopReport["instances"][number]) => number): number => Math.max(...instances.map(of));
      process.stderr.write(
        `  stood still ${last(({ parts }) => Math.max(...parts.map(({ ms }) => ms)))} ms, ` +
          `network ${last(({ network }) => network ?? Infinity)} ms, recorded ${last((each) => each.recorded ?? Infinity)} ms\n`,
      );
      return {
        report,
        wall,
        confirmed: instances.map(({ network, recorded, parts }) =>
          Math.max(network ?? Infinity, recorded ?? Infinity, ...parts.map(({ ms }) => ms)),
        ),
        unconfirmed: INSTANCES - instances.filter(({ confirmed }) => confirmed).length,
      };
    };
    const freezes: Stop[] = [];
    for (let round = 0; round < FREEZES; round++) {
      const { report, ...frozen } = await stop("freeze");
      freezes.push(frozen);
      const before = busy.grown();
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const grown = busy.grown().filter((bytes, at) => bytes !== before[at]).length;
      if (grown > 0 || busy.streams().open > 0)
        throw new Error(`${grown} instances went on writing, ${busy.streams().open} streams are open`);
      await aios.sign("thaw-all", { frozen: report.all ?? -1 });
      // They are at work again when most have their stream back; on a machine of two cores some wait long for their turn.
      await until(() => busy.streams().open >= INSTANCES / 2, "streams after the thaw");
    }
    const kill = await stop("kill");
    await Promise.all(busy.runs);
    busy.close();
    return [...rowsOf("freeze", freezes), ...rowsOf("kill", [kill])];
  } finally {
    await aios.stop();
  }
}

function rowsOf(name: string, stops: readonly Stop[]): readonly Row[] {
  const unconfirmed = stops.reduce((sum, stop) => sum + stop.unconfirmed, 0);
  const sorted = stops.flatMap(({ confirmed }) => confirmed).toSorted((a, b) => a - b);
  const p99 = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? Infinity;
  const worst = Math.max(...stops.map(({ wall }) => wall));
  const note = `${stops.length} times; the answer was there after ${Math.round(worst)} ms at most`;
  return [
    {
      what: `${name} of ${INSTANCES} busy instances: not confirmed`,
      value: unconfirmed,
      unit: "",
      bar: "0",
      met: unconfirmed === 0,
      note: "",
    },
    {
      what: `${name} of ${INSTANCES} busy instances: all of one confirmed, p99`,
      value: p99,
      unit: "ms",
      bar: `<= ${BAR_MS}`,
      met: p99 <= BAR_MS,
      note,
    },
  ];
}
