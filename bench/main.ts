/**
 * Measures what the design sets bars for, prints a table and writes JSON.
 *
 *     npm run bench                 everything
 *     npm run bench -- decision     some of: decision, governed-call, records, verification, sandbox, start, workspace, network, stop, approval, inbox, memory
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { argv, stdout } from "node:process";
import { runAsMonitor, runAsOwnUser } from "./own-user.ts";
import type { Row } from "./row.ts";

const BENCHES = [
  "decision",
  "governed-call",
  "records",
  "verification",
  "sandbox",
  "start",
  "workspace",
  "network",
  "stop",
  "approval",
  "inbox",
  "memory",
] as const;

const wanted = argv.slice(2);
const unknown = wanted.filter((name) => !BENCHES.some((known) => known === name));
if (unknown.length > 0) {
  stdout.write(`bench: there is no ${unknown.join(", ")}; there are ${BENCHES.join(", ")}\n`);
  process.exit(2);
}

const results: { bench: string; rows: readonly Row[] }[] = [];
for (const name of wanted.length === 0 ? BENCHES : BENCHES.filter((known) => wanted.includes(known))) {
  const rows = await runBench(name);
  results.push({ bench: name, rows });
  stdout.write(`\n${name}\n`);
  for (const row of rows) {
    const verdict = row.met === null ? "" : row.met ? "met" : "NOT MET";
    stdout.write(
      `  ${row.what.padEnd(52)} ${format(row.value).padStart(10)} ${row.unit.padEnd(6)} ${row.bar.padEnd(36)} ${verdict}\n`,
    );
    if (row.note !== "") stdout.write(`      ${row.note}\n`);
  }
}

const machine = {
  date: new Date().toISOString(),
  cores: cpus().length,
  cpu: cpus()[0]?.model ?? "",
  kernel: release(),
  node: process.version,
};
mkdirSync("bench/results", { recursive: true });
writeFileSync("bench/results/latest.json", `${JSON.stringify({ machine, results }, null, 2)}\n`);

async function runBench(name: string): Promise<readonly Row[]> {
  if (name === "sandbox" || name === "workspace") return runAsOwnUser(name);
  if (name === "memory") return runAsMonitor(name);
  const { run } = (await import(`./${name}.ts`)) as { run: () => Promise<readonly Row[]> }; // every bench has this shape
  return run();
}

function format(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
