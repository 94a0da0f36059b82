import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { REPO } from "../e2e/substrate.ts";

export interface Call {
  readonly function: string;
  readonly args: { readonly [name: string]: unknown };
}
export interface Suite {
  readonly suite: string;
  readonly benign_tasks: { readonly [id: string]: { readonly prompt: string; readonly calls: readonly Call[] } };
  readonly injection_tasks: { readonly [id: string]: { readonly goal: string; readonly calls: readonly Call[] } };
}

/** AgentDojo's exported suites lie beside a checkout, never in it; null in a stranger's clone. */
export function suitePath(name: string): string | null {
  const path = join(REPO, "..", "shared", "data", "agentdojo", `${name}.json`);
  return existsSync(path) ? path : null;
}

export function readSuite(path: string): Suite {
  return JSON.parse(readFileSync(path, "utf8")) as Suite; // the benchmark's own export
}
