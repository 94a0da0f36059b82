/**
 * Has an agent use every extension of the corpus, on a machine that is thrown away: where nothing holds it, and under AIOS with
 * vetting switched off, granted what it asks for. Prints what each did beyond its manifest in both, and how many of the honest
 * work. Exit code 1 when one did anything under AIOS, or when too few of the malicious did anything without.
 *
 *     npm run proof:corpus                      all of it, some ten minutes
 *     npm run proof:corpus -- "skill hidden"    those whose name ("malicious skill hidden-tags 1") holds these words
 *
 * What is beyond a manifest is said in test/effects/effects.ts, what is measured in docs/corpus.md.
 */
import { argv, exit, stdout } from "node:process";
import { runCorpus, runs, whyInert, worked, type Pair } from "../test/effects/proof.ts";
import { allSamples } from "../test/effects/samples.ts";

/** Malicious extensions that must be seen to do something where nothing holds them. */
const ENOUGH = 60;

function describe(pair: Pair): string {
  const { sample, bare, sealed } = pair;
  const mark = sealed.effects.length === 0 ? "     " : "WRONG";
  const isInert = sample.malicious && bare.effects.length === 0;
  const without = isInert ? `nothing (${whyInert(pair)})` : bare.effects.join(", ") || "nothing";
  const under = sealed.effects.join(", ") || "nothing";
  const work =
    sample.malicious || !runs(pair)
      ? ""
      : `; works: bare ${yes(worked(sample, bare))}, under AIOS ${yes(worked(sample, sealed))}`;
  const why = sealed.use.why === "" ? "" : ` (${sealed.use.why.slice(0, 160)})`;
  return `${mark} ${sample.name}: bare: ${without}; under AIOS: ${under}${why}${work}`;
}

const yes = (is: boolean): string => (is ? "yes" : "no");

const word = argv[2] ?? "";
const began = performance.now();
const samples = allSamples().filter(({ name }) => name.includes(word));
const pairs = await runCorpus(samples, (pair) => stdout.write(`${describe(pair)}\n`));
const count = (part: readonly Pair[], is: (pair: Pair) => boolean): string =>
  `${part.filter(is).length} of ${part.length}`;
const didBare = ({ bare }: Pair): boolean => bare.effects.length > 0;
const didSealed = ({ sealed }: Pair): boolean => sealed.effects.length > 0;
const malicious = pairs.filter(({ sample }) => sample.malicious);
const benign = pairs.filter(({ sample }) => !sample.malicious);
const running = benign.filter(runs);
const workedBare = running.filter(({ sample, bare }) => worked(sample, bare));
stdout.write(
  [
    `malicious, with an effect beyond their manifest: bare ${count(malicious, didBare)}, under AIOS ${count(malicious, didSealed)}`,
    `benign, with an effect beyond their manifest: bare ${count(benign, didBare)}, under AIOS ${count(benign, didSealed)}`,
    `benign with something that runs, and works as it says: bare ${workedBare.length} of ${running.length}, of these under AIOS ${count(workedBare, ({ sample, sealed }) => worked(sample, sealed))}`,
    `${pairs.length} extensions in ${Math.round((performance.now() - began) / 1000)} s\n`,
  ].join("\n"),
);
const enough = word !== "" || malicious.filter(didBare).length >= ENOUGH;
exit(enough && !pairs.some(didSealed) ? 0 : 1);
