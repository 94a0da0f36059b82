import { expect, test } from "vitest";
import { runCorpus, worked } from "../effects/proof.ts";
import { allSamples, thieves } from "../effects/samples.ts";

/*
 * Servers of each kind that take what they can and work all the same, and one that only talks, used where nothing holds them and
 * under AIOS with vetting switched off, both on a machine that is thrown away. `npm run proof:corpus` does the same with the
 * whole corpus (docs/corpus.md).
 */
const TALKS = "malicious endpoint secrets-sent 1";
const KEYS = ["reads ~/.clawdbot/.env", "/home/agent/.bashrc is changed"];
const BY_NAME = [...KEYS, "sends keys of an agent to in.collect.example:80"];
const TAKEN: { readonly [name: string]: readonly string[] } = {
  [TALKS]: ["tells its server SSH key"],
  "package-at-start": BY_NAME,
  "bundle-when-called": BY_NAME,
  // It speaks HTTP without a host.
  "local-program": [...KEYS, "sends keys of an agent to :80"],
};

test(
  "takes what its person has where nothing holds it, and works and takes nothing under AIOS",
  {
    timeout: 120_000,
  },
  async () => {
    const samples = [...thieves(), ...allSamples().filter(({ name }) => name === TALKS)];
    const pairs = await runCorpus(samples, () => {});
    expect(pairs.map(({ sample }) => sample.name)).toEqual(Object.keys(TAKEN));
    for (const { sample, bare, sealed } of pairs) {
      const taken = TAKEN[sample.name] ?? [];
      expect([sample.name, ...bare.effects]).toEqual(expect.arrayContaining([sample.name, ...taken]));
      expect([sample.name, ...sealed.effects]).toEqual([sample.name]);
      for (const run of [bare, sealed]) expect([sample.name, worked(sample, run)]).toEqual([sample.name, true]);
      expect(sealed.use.heard).toContain("7 words");
    }
  },
);
