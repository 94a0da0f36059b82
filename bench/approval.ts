import { statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Page } from "playwright-core";
import { until } from "../test/fakes/busy-instances.ts";
import { startChromium } from "../test/fakes/chromium.ts";
import { openShell, type ShellSession } from "../test/fakes/shell-session.ts";
import { scriptSource } from "../test/e2e/sources.ts";
import { REPO, startSubstrate, type Substrate } from "../test/e2e/substrate.ts";
import { median, type Row } from "./row.ts";

const ROUNDS = 30;
/** Rounds in which the server is started by the question itself. */
const FIRST = 5;
const AFTER_RESTART = 5;
/** Needs no human, and has the server started. */
const WAKE = { method: "tools/call", params: { name: "notes__fail", arguments: {} } };
const VISIBLE_MS = 200;
const RUNNING_MS = 100;

/** What took so long, milliseconds; one figure for each round. */
interface Took {
  readonly page: number[];
  readonly top: number[];
  readonly running: number[];
}

/** Keeps when each link to a held action was painted: a change is made in one frame, and the next begins when that is shown. */
const WATCH_PAGE = `(() => {
  globalThis.painted = {};
  new MutationObserver(() => requestAnimationFrame(() => {
    for (const link of document.querySelectorAll("a.decide")) painted[link.hash.slice(1)] ??= Date.now();
  })).observe(document.body, { subtree: true, childList: true });
})()`;

/**
 * From the agent's question to the open console and to `aios top`, both at a time, and from the hand-in of the signature to the
 * effect. The agent, the pages and the file system have the clock of this machine; a file's is up to four milliseconds behind.
 */
export async function run(): Promise<readonly Row[]> {
  const aios = await startSubstrate();
  const browser = await startChromium();
  const shell = openShell(aios.workspace, {});
  try {
    await aios.grant({
      id: "notes",
      agents: ["asker"],
      drivers: {
        notes: {
          source: scriptSource("test/fakes/notes-server.ts", { args: ["/workspace/notes.txt"], workspace: "write" }),
          tools: { add: { risk: "reserved", fields: { text: "string" } }, fail: { risk: "observe" } },
        },
      },
      allow: ["notes/add", "notes/fail"],
      limits: { uses: 1000 },
    });
    const page = await browser.newPage();
    const { origin, code } = await aios.client.request("console-open", {});
    await page.goto(`${origin}/#enter=${code}`);
    await page.waitForSelector("nav");
    await page.evaluate(WATCH_PAGE);
    shell.resize(110, 40);
    shell.type(`${process.execPath} ${join(REPO, "src/main/aios.ts")} top --home ${aios.home}\r`);
    await shell.see("Nothing is held.");
    const took: Took = { page: [], top: [], running: [] };
    for (let round = 0; round < ROUNDS; round++) await ask(aios, { page, shell, took, before: [WAKE] });
    const first: Took = { page: [], top: [], running: [] };
    for (let round = 0; round < FIRST; round++) await ask(aios, { page, shell, took: first, before: [] });
    const anew: number[] = [];
    for (let round = 0; round < AFTER_RESTART; round++) anew.push(await runAfterRestart(aios));
    return [
      rowOf("asked to visible in the open console", took.page, VISIBLE_MS),
      rowOf("asked to visible in aios top", took.top, VISIBLE_MS),
      rowOf("asked to visible in the open console, an agent's first call of a server", first.page, null),
      rowOf("signed to running", took.running, RUNNING_MS),
      rowOf("signed to running, its server started for it (the agent is gone)", anew, null),
    ];
  } finally {
    shell.close();
    await browser.close();
    await aios.stop();
  }
}

/** One question that is shown at both, answered, and run. */
async function ask(
  aios: Substrate,
  {
    page,
    shell,
    took,
    before,
  }: {
    readonly page: Page;
    readonly shell: ShellSession;
    readonly took: Took;
    /** Calls that the agent makes first. */
    readonly before: readonly object[];
  },
): Promise<void> {
  const ran = aios.follow("asker", [...before, call()], { workspace: aios.workspace });
  await until(async () => (await aios.held()).length === 1, "a held action");
  const [view] = await aios.held();
  const request = view?.request ?? "";
  await shell.see(request.slice(0, 8));
  await until(() => page.evaluate<boolean>(`painted["${request}"] !== undefined`), "it is in the page");
  const painted = await page.evaluate<number>(`painted["${request}"]`);
  took.running.push(await answer(aios, request));
  const asked = (await ran).answers.at(-1)?.asked ?? Number.NaN;
  took.page.push(painted - asked);
  took.top.push(shell.seenAt(request.slice(0, 8)) - asked);
  await pause(50); // both screens have drawn that it is over
}

async function runAfterRestart(aios: Substrate): Promise<number> {
  const ran = aios.follow("asker", [call()], { workspace: aios.workspace, holdSeconds: 600 }).catch(() => null);
  await until(async () => (await aios.held()).length === 1, "a held action");
  await aios.crash();
  await ran;
  await aios.restart();
  const [view] = await aios.held();
  return answer(aios, view?.request ?? "");
}

let texts = 0;
function call(): object {
  return { method: "tools/call", params: { name: "notes__add", arguments: { text: `note ${texts++}` } } };
}

/** Milliseconds from the hand-in of a yes to its effect; the signature is made before. */
async function answer(aios: Substrate, request: string): Promise<number> {
  const handedIn = Date.now();
  await aios.answer(request, "allow");
  return statSync(join(aios.workspace, "notes.txt")).mtimeMs - handedIn;
}

function rowOf(what: string, took: readonly number[], bar: number | null): Row {
  const worst = Math.max(...took);
  return {
    what: `${what}, worst of ${took.length}`,
    value: worst,
    unit: "ms",
    bar: bar === null ? "" : `<= ${bar}`,
    met: bar === null ? null : worst <= bar,
    note: `median ${Math.round(median(took))} ms`,
  };
}
