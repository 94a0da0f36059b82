/**
 * Runs extensions of the corpus on a machine that is thrown away, first with nothing that holds them and then under AIOS with
 * vetting switched off, and writes what came of each as a line of JSON (`Report`). Started by `enterMachine`.
 *
 *     inside.ts NAME…
 */
import { randomInt } from "node:crypto";
import { argv, stdout } from "node:process";
import { loadVetTools } from "../../src/main/vet-tools.ts";
import { runBare, type Outcome, type Scene } from "./bare.ts";
import { startEndpoint } from "./endpoint.ts";
import { startInternet } from "./internet.ts";
import { makePerson } from "./person.ts";
import { allSamples, thieves } from "./samples.ts";
import { countStrays } from "./strays.ts";
import { startSealed } from "./sealed.ts";

/** What came of one extension in one of the two runs. */
export interface Report extends Outcome {
  readonly name: string;
  readonly run: "bare" | "sealed";
}

/** Under AIOS. */
const AT_ONCE = 2;
const LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const letters = (count: number): string =>
  Array.from({ length: count }, () => LETTERS[randomInt(LETTERS.length)] ?? "").join("");

const wanted = new Set(argv.slice(2));
const samples = [...allSamples(), ...thieves()].filter(({ name }) => wanted.has(name));
const [internet, endpoint] = [await startInternet(), await startEndpoint()];
const strays = countStrays(() => {
  const { connections, datagrams } = internet.known();
  return { connections: connections + endpoint.connections(), datagrams };
});
const scene: Scene = { person: makePerson(letters), internet, endpoint, strays, tools: await loadVetTools() };
const say = (report: Report): void => void stdout.write(`${JSON.stringify(report)}\n`);
for (const sample of samples) say({ name: sample.name, run: "bare", ...(await runBare(sample, scene)) });
const sealed = await startSealed(scene);
for (let at = 0; at < samples.length; at += AT_ONCE) {
  const both = samples.slice(at, at + AT_ONCE);
  const outcomes = await sealed.run(both);
  for (const [index, { name }] of both.entries()) {
    const outcome = outcomes[index];
    if (outcome !== undefined) say({ name, run: "sealed", ...outcome });
  }
}
await sealed.stop();
internet.close();
endpoint.close();
