/**
 * Loaded before a program with `--import`: a disk that takes nothing for a while.
 *
 *     hold-writes.ts?while=FILE
 *
 * While FILE is there no write to what is open for durable writes begins.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

/** Between two looks at FILE, milliseconds. */
const LOOK_MS = 5;

const file = new URL(import.meta.url).searchParams.get("while") ?? "";
const { existsSync, open, write } = fs;
const { O_DSYNC } = fs.constants;
const durable = new Set<unknown>();

type Call = (...all: unknown[]) => unknown;

/** With what `util.promisify` looks for. */
function replace(name: "open" | "write", original: typeof open | typeof write, by: (call: Call) => Call): void {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its arguments are handed on as they came
  const instead = by(original as Call);
  Object.defineProperties(instead, Object.getOwnPropertyDescriptors(original));
  Object.assign(fs, { [name]: instead });
}

replace("open", open, (call) => (...all) => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the last of such a call
  const callback = all.at(-1) as Call;
  return call(...all.slice(0, -1), (error: unknown, descriptor: unknown) => {
    if (typeof all[1] === "number" && (all[1] & O_DSYNC) !== 0) durable.add(descriptor);
    else durable.delete(descriptor);
    callback(error, descriptor);
  });
});
replace("write", write, (call) => (...all) => {
  const begin = (): void => {
    if (durable.has(all[0]) && existsSync(file)) setTimeout(begin, LOOK_MS);
    else call(...all);
  };
  begin();
});
syncBuiltinESMExports();
