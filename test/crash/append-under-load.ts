import { writeSync } from "node:fs";
import { openTestLog } from "../fakes/open-log.ts";
import { note } from "../fakes/records.ts";

/**
 * Appends to a log until it is killed. Each acknowledged number is written to standard output at once, after `open` and
 * the size that the log opened with. argv: the home, a seed for sizes and timing. Without a home it only loads its code.
 */
const [, , home, seed = "1"] = process.argv;
if (home === undefined) process.exit(0);
let state = Number(seed);
const random = (below: number): number => {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((state / 2_147_483_648) * below);
};

const log = await openTestLog(home);
say(`open ${log.size}`);
for (;;) {
  const count = 1 + random(40);
  const text = "x".repeat(random(4) === 0 ? 20_000 : random(300));
  const group = Array.from({ length: count }, async () => {
    const name = `${seed}:${random(1_000_000)}`;
    const seq = await log.append(note(name), random(3) === 0 ? null : { name, text });
    say(`${seq} ${name}`);
  });
  await Promise.all(group);
  if (random(8) === 0) say(`checkpoint ${(await log.checkpoint()).size}`);
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}
