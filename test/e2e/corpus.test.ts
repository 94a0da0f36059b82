import { expect, test } from "vitest";
import { runCorpus, worked } from "../effects/proof.ts";
import { allSamples } from "../effects/samples.ts";

/*
 * Extensions of the corpus, used where nothing holds it and under AIOS with vetting switched off, both on a
 * machine that is thrown away. `npm run proof:corpus` does the same with all 232 (docs/corpus.md).
 */
const TAKEN: { readonly [name: string]: string } = {
  "malicious server environment-sent 1": "sends GitHub token in the environment to in.collect.example:443",
  "malicious endpoint secrets-sent 1": "tells its server SSH key",
};
const HONEST = ["benign server plain 1"];

test("takes what its person has where nothing holds it, and nothing under AIOS", { timeout: 120_000 }, async () => {
  const names = [...Object.keys(TAKEN), ...HONEST];
  const samples = allSamples().filter(({ name }) => names.includes(name));
  const pairs = await runCorpus(samples, () => {});
  expect(pairs.map(({ sample }) => sample.name).toSorted()).toEqual(names.toSorted());
  for (const { sample, bare, sealed } of pairs) {
    const taken = TAKEN[sample.name];
    expect([sample.name, ...bare.effects]).toContain(taken ?? sample.name);
    expect([sample.name, ...sealed.effects]).toEqual([sample.name]);
    if (sample.malicious) continue;
    expect(bare.effects).toEqual([]);
    expect([sample.name, worked(sample, bare), worked(sample, sealed)]).toEqual([sample.name, true, true]);
  }
});
