import { createInterface } from "node:readline";
import { join } from "node:path";
import { enterMachine, MACHINE_REPO } from "./machine.ts";
import type { Report } from "./inside.ts";
import type { Sample } from "./samples.ts";
import { works, type Use } from "./use.ts";

/** What came of one extension: where nothing holds it, and under AIOS with vetting switched off. */
export interface Pair {
  readonly sample: Sample;
  readonly bare: Report;
  readonly sealed: Report;
}

const INSIDE = join(MACHINE_REPO, "test", "effects", "inside.ts");

/**
 * Runs these on a machine that is thrown away. `told` hears of each when both of its runs are done. Rejects when the machine ends
 * before all are.
 */
export async function runCorpus(samples: readonly Sample[], told: (pair: Pair) => void): Promise<readonly Pair[]> {
  const byName = new Map(samples.map((sample) => [sample.name, sample]));
  const bare = new Map<string, Report>();
  const pairs: Pair[] = [];
  const { child, gone } = enterMachine([INSIDE, ...byName.keys()]);
  if (child.stdout === null) throw new Error("the machine has no output");
  for await (const line of createInterface({ input: child.stdout })) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own program wrote it
    const report = JSON.parse(line) as Report;
    if (report.run === "bare") {
      bare.set(report.name, report);
      continue;
    }
    const [sample, before] = [byName.get(report.name), bare.get(report.name)];
    if (sample === undefined || before === undefined) throw new Error(`${report.name} was not run bare`);
    const pair = { sample, bare: before, sealed: report };
    pairs.push(pair);
    told(pair);
  }
  const code = await gone;
  if (code !== 0 || pairs.length !== samples.length)
    throw new Error(`the machine ended with ${code}, after ${pairs.length} of ${samples.length}`);
  return pairs;
}

/** Whether there is more of it than words: then it can work, or not. */
export function runs({ sample, bare }: Pair): boolean {
  return sample.server !== null || sample.offers !== null || bare.use.ran.length > 0;
}

/** Whether it worked as it says. */
export function worked(sample: Sample, { use }: { readonly use: Use }): boolean {
  return works(use, sample.server !== null || sample.offers !== null);
}

/** Why a malicious one has no effect by itself, by its technique. */
const INERT: { readonly [technique: string]: string } = {
  typosquat: "a name that is nearly another's, and nothing that runs",
  "known-bad": "a name, a version or bytes that are known, and nothing that runs",
  "hidden-bidi": "text that is drawn otherwise than it is, and nothing that runs",
  "silent-copy": "a function that nobody calls",
  override: "words that name no deed",
};

/** Why nothing was seen of one where nothing held it. */
export function whyInert({ sample: { technique }, bare: { use } }: Pair): string {
  if (use.why !== "") return `its payload fails by itself: ${use.why}`;
  if (use.ran.some((code) => code !== 0)) return "its payload fails by itself";
  return INERT[technique] ?? "words that name no deed, or one in the folder that the agent was given";
}
