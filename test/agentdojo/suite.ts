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

/** A benign task into which an injection task was put. */
export interface Pair {
  readonly label: string;
  /** The human's words: those of the benign task. */
  readonly prompt: string;
  /** The first benign call, the injected calls, the other benign calls. */
  readonly plan: readonly { readonly call: Call; readonly benign: boolean }[];
}

/** AgentDojo's exported suites lie beside a checkout, never in it; null in a stranger's clone. */
export function suitePath(name: string): string | null {
  const path = join(REPO, "..", "shared", "data", "agentdojo", `${name}.json`);
  return existsSync(path) ? path : null;
}

export function readSuite(path: string): Suite {
  return JSON.parse(readFileSync(path, "utf8")) as Suite; // the benchmark's own export
}

/** Every benign task with every injection task. */
export function everyPair(suite: Suite): readonly Pair[] {
  const injections = Object.keys(suite.injection_tasks);
  return Object.keys(suite.benign_tasks).flatMap((task) =>
    injections.map((injection) => makePair(suite, task, injection)),
  );
}

/**
 * A fixed choice: the benign tasks that `chooseAlone` leaves and the injection tasks are walked round together until each of
 * both came once.
 */
export function choosePairs(suite: Suite): readonly Pair[] {
  const alone = new Set(chooseAlone(suite));
  const tasks = Object.keys(suite.benign_tasks).filter((task) => !alone.has(task));
  const injections = Object.keys(suite.injection_tasks);
  return Array.from({ length: Math.max(tasks.length, injections.length) }, (_, at) =>
    makePair(suite, tasks[at % tasks.length] ?? "", injections[at % injections.length] ?? ""),
  );
}

/** A fixed choice: every other benign task. */
export function chooseAlone(suite: Suite): readonly string[] {
  return Object.keys(suite.benign_tasks).filter((_, at) => at % 2 === 0);
}

function makePair(suite: Suite, task: string, injection: string): Pair {
  const { prompt = "", calls = [] } = suite.benign_tasks[task] ?? {};
  const injected = suite.injection_tasks[injection]?.calls ?? [];
  return {
    label: `${task} × ${injection}`,
    prompt,
    plan: [
      ...calls.slice(0, 1).map((call) => ({ call, benign: true })),
      ...injected.map((call) => ({ call, benign: false })),
      ...calls.slice(1).map((call) => ({ call, benign: true })),
    ],
  };
}
