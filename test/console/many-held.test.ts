import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HELD_PAGE, pagesOfHeld } from "../../src/protocol/held-view.ts";
import type { HeldView } from "../../src/protocol/requests.ts";
import { hasChromium, startChromium } from "../fakes/chromium.ts";
import { COMMAND } from "../fakes/command.ts";
import { holdMany } from "../fakes/many-held.ts";
import { openShell } from "../fakes/shell-session.ts";
import { scriptSource } from "../e2e/sources.ts";
import { startSubstrate, type Substrate } from "../e2e/substrate.ts";

/*
 * Ten thousand actions wait, of 477 instances that a restart ended. Every answer and every screen stays small, and the last of
 * them is found, shown and answered. How long it takes is measured by `npm run bench -- inbox`.
 */
const COUNT = 10_000;
/** As many of one instance ask for the very same; all others differ. */
const EQUAL = 21;
const KINDS = COUNT - EQUAL + 1;
let aios: Substrate;
let last: HeldView;

beforeAll(async () => {
  aios = await startSubstrate();
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
  });
  await aios.crash();
  await holdMany(aios.home, {
    count: COUNT,
    agent: "asker",
    driver: "notes",
    name: "add",
    workspace: aios.workspace,
    text: (place) => `note ${place < EQUAL ? "again" : place}`,
  });
  await aios.restart();
});
afterAll(() => aios?.stop());

test("are told in pages of bounded size, all of them, the last one too", async () => {
  const seen = new Set<string>();
  for await (const page of pagesOfHeld((body) => aios.client.request("held", body))) {
    expect(page.held.length).toBeLessThanOrEqual(HELD_PAGE);
    expect(JSON.stringify(page).length).toBeLessThan(300_000);
    expect(page.all).toBe(COUNT);
    for (const view of page.held) seen.add(view.request);
    last = page.held.at(-1) ?? last;
  }
  expect(seen.size).toBe(COUNT);
});

test("are listed whole, whoever reads slowly: another program's socket takes less at a time", async () => {
  const child = spawn(COMMAND, ["approvals", "list", "--home", aios.home], { stdio: ["ignore", "pipe", "ignore"] });
  // It takes nothing until the list has been written as far as it can be.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  await once(child, "close");
  expect(text.trimEnd().split("\n")).toHaveLength(KINDS + 1);
});

test("fit a terminal: aios top draws a screen, and its last line is the last of them", async () => {
  const shell = openShell(aios.workspace, {});
  shell.resize(110, 30);
  try {
    shell.type(`${COMMAND} top --home ${aios.home}\r`);
    await shell.see(`${COUNT} held`);
    shell.clear();
    shell.type("\t\u001b[F");
    await shell.see(`> ${last.request.slice(0, 8)}`, last.request.slice(0, 8));
    // A screen, and what is drawn anew of it: not the list.
    expect(shell.shown().length).toBeLessThan(60_000);
  } finally {
    shell.close();
  }
});

describe.skipIf(!hasChromium())("in the console", () => {
  let browser: Browser;
  let page: Page;
  const elements = (): Promise<number> => page.evaluate(() => document.getElementsByTagName("*").length);
  const links = (): Promise<number> => page.locator("a.decide").count();

  beforeAll(async () => {
    browser = await startChromium();
    page = await browser.newPage();
    page.setDefaultTimeout(60_000);
    const { origin, code } = await aios.client.request("console-open", {});
    await page.goto(`${origin}/#enter=${code}`);
  });
  afterAll(() => browser?.close());

  test("are a page of cards, whose end is one step away, and equal ones are one card", async () => {
    await page.getByText(`${COUNT} waiting in ${KINDS} kinds`).waitFor();
    await page.locator(".card", { hasText: "note again" }).getByText(`${EQUAL} times`).waitFor();
    expect(await elements()).toBeLessThan(800);
    await page.getByRole("button", { name: "Show each" }).click();
    await page.getByText(`1 to 10 of ${EQUAL}`).waitFor();
    await page.getByRole("button", { name: "Last" }).last().click();
    await page.getByText(last.request.slice(0, 8)).waitFor();
    expect(await links()).toBeLessThanOrEqual(40);
    expect(await elements()).toBeLessThan(800);
    await page.locator(".card", { hasText: `note ${COUNT - 1}"` }).waitFor();
  });

  test("are found by the digits that a terminal shows or by what they are about, and looked at", async () => {
    await page.getByLabel("Filter").fill(last.request.slice(0, 8));
    await expect.poll(links).toBe(1);
    expect(await page.locator("a.decide").getAttribute("href")).toBe(`/sign#${last.request}`);
    await page.getByLabel("Filter").fill(`note ${COUNT - 2}"`);
    await expect.poll(links).toBe(1);
    expect(await page.locator("a.decide").getAttribute("href")).not.toBe(`/sign#${last.request}`);
  });
});

test("are answered: the last of them runs once, and the others wait on", async () => {
  await aios.answer(last.request, "allow");
  const notes = join(aios.workspace, "notes.txt");
  expect(existsSync(notes) ? readFileSync(notes, "utf8") : "").toBe(`add {"text":"note ${COUNT - 1}"}\n`);
  expect((await aios.client.request("held", { after: null })).all).toBe(COUNT - 1);
});
