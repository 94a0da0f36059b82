import { chownSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readCorpus } from "../corpus/corpus.ts";
import { drawTerminal } from "../corpus/draw-terminal.ts";
import { bytesAtTerminal } from "../corpus/terminal-screen.ts";
import { packageSource, scriptSource } from "../e2e/sources.ts";
import { readUser } from "../e2e/user.ts";
import { until } from "../fakes/busy-instances.ts";
import { hasChromium } from "../fakes/chromium.ts";
import { COMMAND } from "../fakes/command.ts";
import { openShell, type ShellSession } from "../fakes/shell-session.ts";
import { ROOT } from "../source-modules.ts";
import { drawOnPage } from "./page-screen.ts";
import { startConsoleStage, type ConsoleStage } from "./stage.ts";

/*
 * The pictures of README and docs, from the real thing: a monitor, agents that ask, the console in Chromium and the command line
 * at a pseudo-terminal. `npm run screens` makes them anew; every run looks at those that are there.
 */

const FOLDER = join(ROOT, "docs/screens");
const MAKE = process.env["AIOS_SCREENS"] === "1" && hasChromium();
const SHOWN = [
  "has a false extension",
  "hides words in tags",
  "paints over the line before",
  "links elsewhere (OSC 8)",
  "has a Cyrillic a",
];
const SIZE = { columns: 100, rows: 30 };

function keep(name: string, content: string | Uint8Array): void {
  writeFileSync(join(FOLDER, name), content);
}

test("every picture is small, of nothing of the machine on which it was made, and shown somewhere", () => {
  const names = readdirSync(FOLDER);
  const sizes = names.map((name) => statSync(join(FOLDER, name)).size);
  expect(names.length).toBeGreaterThan(0);
  expect(Math.max(...sizes)).toBeLessThan(150_000);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(1_500_000);
  const pages = ["README.md", "docs/decisions/visible-text.md"].map((page) => readFileSync(join(ROOT, page), "utf8"));
  expect(names.filter((name) => !pages.some((page) => page.includes(`screens/${name}`)))).toEqual([]);
  const drawings = names.filter((name) => name.endsWith(".svg"));
  const words = drawings.map((name) => readFileSync(join(FOLDER, name), "utf8")).join("\n");
  expect(words).not.toMatch(/\/(?:tmp|srv|root|home)\//u);
});

describe.skipIf(!MAKE)("made anew:", () => {
  let stage: ConsoleStage;
  let shell: ShellSession;
  let page: Page;
  const running: Promise<unknown>[] = [];

  beforeAll(async () => {
    stage = await startConsoleStage();
    const { aios } = stage;
    const site = join(aios.workspace, "index.html");
    const inbox = join(aios.workspace, "inbox.json");
    writeFileSync(site, PAGE);
    writeFileSync(inbox, JSON.stringify(INBOX));
    const user = readUser("aios");
    if (process.geteuid?.() === 0) for (const path of [site, inbox]) chownSync(path, user.uid, user.gid);
    const files = await packageSource("@modelcontextprotocol/server-filesystem", {
      args: ["/workspace"],
      workspace: "write",
    });
    const mail = scriptSource("examples/mail-server.ts", { args: ["/workspace"], workspace: "write" });
    await aios.grant({
      id: "site",
      agents: ["site-builder"],
      drivers: {
        files: {
          source: files,
          tools: {
            read_text_file: { risk: "observe", labels: ["private"], fields: { path: "path" } },
            write_file: { risk: "reserved", fields: { path: "path" } },
          },
        },
      },
      allow: ["files/read_text_file", "files/write_file"],
      workspace: "read",
    });
    await aios.grant({
      id: "post",
      agents: ["inbox-helper"],
      drivers: {
        mail: {
          source: mail,
          tools: {
            read_inbox: { risk: "observe", labels: ["untrusted", "private"] },
            send_email: { risk: "reach", recipients: { to: "email" } },
          },
        },
      },
      allow: ["mail/read_inbox", "mail/send_email"],
    });
    // It is there before they ask, so that it has seen every stage.
    ({ page } = await stage.comeIn({ viewport: { width: 1000, height: 620 }, colorScheme: "light" }));
    const call = (name: string, args: object): object => ({ method: "tools/call", params: { name, arguments: args } });
    const path = "/workspace/index.html";
    const start = (agent: string, plan: readonly object[]): void =>
      void running.push(aios.follow(agent, plan, { holdSeconds: 3000, workspace: aios.workspace }).catch(() => {}));
    start("site-builder", [
      call("files__read_text_file", { path }),
      call("files__write_file", { path, content: PAGE.replace("Monday to Friday", "Monday to Saturday") }),
    ]);
    start("inbox-helper", [
      call("mail__read_inbox", {}),
      call("mail__send_email", { to: ["billing@northwind.example"], subject: "Invoice 4711", body: "Paid today.\n" }),
    ]);
    await until(async () => (await aios.held()).length === 2, "both agents ask");
    shell = openShell(aios.workspace, { AIOS_HOME: aios.home, PS1: "$ " });
    shell.type(`aios() { ${COMMAND} "$@"; }; echo "rea"dy\r`);
    await shell.see("ready");
  });
  afterAll(async () => {
    shell?.close();
    for (const { instance } of stage === undefined
      ? []
      : (await stage.aios.client.request("ps", { all: false })).instances)
      await stage.aios.client.request("kill", { instance });
    await Promise.all(running);
    await stage?.stop();
  });

  const heldOf = async (agent: string): Promise<string> =>
    (await stage.aios.held()).find((each) => each.agent === agent)?.request ?? "";
  const screen = async (label: string): Promise<string> => {
    const drawing = await drawTerminal(Buffer.from(shell.shown(), "latin1"), { ...SIZE, label });
    expect(drawing).not.toContain(hostname());
    return drawing;
  };

  /** The pages that look closer. */
  async function closer(): Promise<void> {
    const { aios } = stage;
    const { instances } = await aios.client.request("ps", { all: false });
    await page.goto(`${stage.origin}/#agents/${instances.find(({ agent }) => agent === "site-builder")?.instance}`);
    await page.locator(".story li").nth(2).waitFor();
    await page.setViewportSize({ width: 1000, height: 860 });
    await page.evaluate((folder) => {
      // A picture names nothing of the machine on which it was made.
      const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (texts.nextNode() !== null)
        texts.currentNode.nodeValue = texts.currentNode.nodeValue?.replaceAll(folder, "") ?? "";
      scrollTo(0, 0);
    }, dirname(aios.workspace));
    keep("instance.png", await page.screenshot());
    await page.setViewportSize({ width: 1000, height: 620 });
    await page.goto(`${stage.origin}/#grants`);
    await page.getByRole("row", { name: "post" }).waitFor();
    keep("grants.png", await page.screenshot());
    await page.goto(`${stage.origin}/#log/${(await stage.records("held"))[0]?.seq}`);
    await page.getByText(/^Verified against/).waitFor();
    await page.getByText("It is what the record commits to").waitFor();
    keep("log.png", await page.screenshot());
  }

  test("the console", async () => {
    await page.getByText("files/write_file").first().waitFor();
    keep("inbox.png", await page.screenshot());
    await page.keyboard.press("a");
    await page.locator("[aria-current=step]").nth(1).waitFor();
    keep("agents.png", await page.screenshot());
    await closer();
    await page.evaluate(() => localStorage.setItem("key", "of nobody"));
    await page.goto(`${stage.origin}/sign#${await heldOf("site-builder")}`);
    await page.getByRole("button", { name: "Let this run, once" }).waitFor();
    keep("sign.png", await page.screenshot({ fullPage: true }));
  });

  test("the command line", async () => {
    shell.clear();
    shell.type("aios top\r");
    await shell.see("site-builder");
    await shell.see("mail/send_email");
    keep("top.svg", await screen("aios top: two agents, each with an action that waits for a person"));
    shell.type("q");
    await shell.see("?1049l");
    shell.type("PS1='$ '; clear\r");
    await shell.see("[2J");
    shell.clear();
    const request = (await heldOf("inbox-helper")).slice(0, 8);
    shell.type(`aios approvals show ${request}; echo "do"ne\r`);
    await shell.see("done");
    const words = shell.shown().replaceAll(/; echo "do"ne|done\r\n[^]*$/gu, "");
    keep(
      "held.svg",
      await drawTerminal(Buffer.from(`$ ${words}`, "latin1"), { ...SIZE, label: "aios approvals show" }),
    );
  });

  test("the corpus, as it comes and as it is shown", async () => {
    const entries = readCorpus()
      .filter(({ name, stands }) => stands === "argument" && SHOWN.includes(name))
      .map(({ text }) => ({ stands: "list" as const, text }));
    expect(entries.length).toBe(SHOWN.length);
    for (const [blind, kind] of [
      [true, "as-it-comes"],
      [false, "as-shown"],
    ] as const) {
      const bytes = await bytesAtTerminal(entries, { columns: 120, blind });
      // One heading, and below it the row of each.
      const rows = bytes.map((list, index) => (index === 0 ? list : list.slice(list.indexOf("\n") + 1)));
      const label = `what agents ask for, listed at a terminal, ${blind ? "as it comes" : "as AIOS shows it"}`;
      keep(`corpus-terminal-${kind}.svg`, await drawTerminal(rows.join(""), { columns: 120, rows: 40, label }));
      keep(`corpus-page-${kind}.png`, await drawOnPage(entries, { blind }));
    }
  });
});

const PAGE = `<!doctype html>
<title>Northwind Supplies</title>
<h1>Northwind Supplies</h1>
<p>We are open Monday to Friday, from 9 to 18.</p>
<p>Write to <a href="mailto:hello@northwind.example">hello@northwind.example</a>.</p>
`;
const INBOX = [
  { from: "billing@northwind.example", subject: "Invoice 4711", body: "Please confirm to billing@northwind.example." },
];
