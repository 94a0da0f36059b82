import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { until } from "../test/fakes/busy-instances.ts";
import { startChromium } from "../test/fakes/chromium.ts";
import { holdMany } from "../test/fakes/many-held.ts";
import { openShell } from "../test/fakes/shell-session.ts";
import { scriptSource } from "../test/e2e/sources.ts";
import { REPO, startSubstrate, type Substrate } from "../test/e2e/substrate.ts";
import { median, type Row } from "./row.ts";

const FEW = 20;
const MANY = 10_000;
const ANSWERS = 10;

/** Milliseconds. */
interface Took {
  readonly start: number;
  /** `aios approvals list`, the whole process. */
  readonly list: number;
  /** From the start of `aios top` to a screen that has the count of all of them. */
  readonly top: number;
  /** From the navigation to the first card, and to the count of all of them. */
  readonly paint: number;
  readonly whole: number;
  /** A page further. */
  readonly turn: number;
  /** From the hand-in of a signature to its answer. */
  readonly answer: number;
}

/** What ten thousand held actions cost whoever looks at them and answers, against twenty, in one run. */
export async function run(): Promise<readonly Row[]> {
  const [few, many] = [await measure(FEW), await measure(MANY)];
  const row = (what: string, name: keyof Took, bar: number | null): Row => ({
    what: `${MANY} held: ${what}`,
    value: many[name],
    unit: "ms",
    bar: bar === null ? "" : `<= ${bar}`,
    met: bar === null ? null : many[name] <= bar,
    note: `with ${FEW}: ${Math.round(few[name])} ms`,
  });
  return [
    row("start of the monitor", "start", null),
    row("aios approvals list, the process", "list", 2000),
    row("aios top, the process, to its first screen with all", "top", 2000),
    row("console, first card", "paint", 1000),
    row("console, all counted", "whole", 2000),
    row("console, a page further", "turn", 100),
    row("answering one", "answer", null),
  ];
}

async function measure(count: number): Promise<Took> {
  const aios = await startSubstrate();
  try {
    await aios.grant({
      id: "notes",
      agents: ["asker"],
      drivers: {
        notes: {
          source: scriptSource("test/fakes/notes-server.ts", { args: ["/workspace/notes.txt"], workspace: "write" }),
          tools: { add: { risk: "reserved", fields: { text: "string" } } },
        },
      },
      allow: ["notes/add"],
      limits: { uses: 1000 },
    });
    await aios.crash();
    const asked = { agent: "asker", driver: "notes", name: "add", workspace: aios.workspace };
    await holdMany(aios.home, { ...asked, count, text: (place) => `note ${place}` });
    const start = await timed(() => aios.restart());
    const program = join(REPO, "src/main/aios.ts");
    const words = [program, "approvals", "list", "--home", aios.home];
    const list = await timed(() => {
      const { stdout } = spawnSync(process.execPath, words, { encoding: "utf8", maxBuffer: 2 ** 26 });
      if (stdout.split("\n").length <= count) throw new Error("the list is not whole");
    });
    const shell = openShell(aios.workspace, {});
    shell.resize(110, 40);
    const top = await timed(() => {
      shell.type(`${process.execPath} ${program} top --home ${aios.home}\r`);
      return shell.see(`${count} held`);
    });
    shell.close();
    return { start, list, top, ...(await measurePage(aios, count)), answer: await measureAnswer(aios) };
  } finally {
    await aios.stop();
  }
}

async function measurePage(aios: Substrate, count: number): Promise<Pick<Took, "paint" | "whole" | "turn">> {
  const browser = await startChromium();
  try {
    const page = await browser.newPage();
    const { origin, code } = await aios.client.request("console-open", {});
    await page.goto(`${origin}/#enter=${code}`);
    await page.waitForSelector("nav");
    const begun = performance.now();
    await page.reload();
    await page.waitForSelector("article.card");
    const paint = performance.now() - begun;
    await page.getByText(`${count} waiting`).waitFor();
    const whole = performance.now() - begun;
    // Few are on one page.
    const last = page.getByRole("button", { name: "Last" });
    const turn = await timed(async () => {
      if (count <= FEW) return;
      await last.click();
      await until(async () => await last.isDisabled(), "the last page");
    });
    return { paint, whole, turn };
  } finally {
    await browser.close();
  }
}

async function measureAnswer(aios: Substrate): Promise<number> {
  const held = await aios.held();
  const took: number[] = [];
  for (const { request } of held.slice(-ANSWERS)) took.push(await timed(() => aios.answer(request, "allow")));
  return median(took);
}

async function timed(work: () => unknown): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
