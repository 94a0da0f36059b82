import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, type BrowserContext, type Page } from "playwright-core";
import type { LogRecord } from "../../src/protocol/record.ts";
import { until } from "../fakes/busy-instances.ts";
import { startChromium } from "../fakes/chromium.ts";
import { scriptSource } from "../e2e/sources.ts";
import { startSubstrate, type Substrate } from "../e2e/substrate.ts";

/** A monitor, an agent whose notes need a signature, a browser, and strangers' pages on this machine. */
export interface ConsoleStage {
  readonly aios: Substrate;
  readonly browser: Browser;
  /** Of the console: another one after each `open`. */
  readonly origin: string;
  readonly host: string;
  readonly port: number;
  /** The name of the home, above those of its consoles. */
  readonly rpId: string;
  /** Starts the console again once it was closed. */
  open(): Promise<void>;
  /** A browser of its own that came in by a code. */
  comeIn(
    options?: Parameters<Browser["newContext"]>[0],
  ): Promise<{ readonly context: BrowserContext; readonly page: Page }>;
  /** How often visitors were turned away for this, as the log has it. */
  refused(why: string): Promise<number>;
  records(kind: LogRecord["kind"]): Promise<readonly LogRecord[]>;
  /** Waits until the log has one more refusal by the monitor with this code than before the attempt. */
  isRecorded(code: string, attempt: () => Promise<unknown>): Promise<void>;
  /** The port of a stranger's server on this machine, whose pages are empty; it keeps what it was sent. */
  readonly stranger: { readonly port: number; readonly cookies: string[] };
  stop(): Promise<void>;
}

/** A name that a stranger could make lead to this machine. */
export const REBOUND = "rebound.example";

export async function startConsoleStage(): Promise<ConsoleStage> {
  const aios = await startSubstrate();
  await aios.grant({
    id: "notes",
    agents: ["writer", "helper"],
    drivers: {
      notes: {
        source: scriptSource("test/fakes/notes-server.ts", { args: ["/tmp/notes.txt"], workspace: "none" }),
        tools: { add: { risk: "reserved", fields: { text: "string" } } },
      },
    },
    allow: ["notes/add"],
  });
  let { origin } = await aios.client.request("console-open", {});
  const { port, hostname } = new URL(origin);
  const browser = await startChromium([REBOUND]);
  const cookies: string[] = [];
  const server: Server = createServer((request, response) => {
    if (request.headers.cookie !== undefined) cookies.push(request.headers.cookie);
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<!doctype html><title>a stranger's page</title>");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");

  const records = async (kind: LogRecord["kind"]): Promise<readonly LogRecord[]> => {
    const asked = { from: 0, limit: 10_000, instance: null, kinds: [kind] };
    return (await aios.client.request("log-show", asked)).entries.map(({ record }) => record);
  };
  const refusals = async (code: string): Promise<number> =>
    (await records("refused")).filter((record) => record.kind === "refused" && record.code === code).length;
  return {
    aios,
    browser,
    get origin() {
      return origin;
    },
    get host() {
      return new URL(origin).hostname;
    },
    port: Number(port),
    rpId: hostname.slice(hostname.indexOf(".") + 1),
    async open() {
      ({ origin } = await aios.client.request("console-open", {}));
    },
    stranger: { port: (server.address() as AddressInfo).port, cookies },
    async comeIn(options = {}) {
      const context = await browser.newContext(options);
      const page = await context.newPage();
      page.setDefaultTimeout(60_000);
      const { code } = await aios.client.request("console-open", {});
      await page.goto(`${origin}/#enter=${code}`);
      await page.waitForSelector("nav");
      return { context, page };
    },
    records,
    async isRecorded(code, attempt) {
      const before = await refusals(code);
      await attempt();
      await until(async () => (await refusals(code)) > before, `a record of a refusal, ${code}`);
    },
    async refused(why) {
      const visited = await records("console-visited");
      return visited.reduce(
        (sum, record) => sum + (record.kind === "console-visited" ? (record.refused[why] ?? 0) : 0),
        0,
      );
    },
    async stop() {
      await browser.close();
      server.close();
      server.closeAllConnections();
      await aios.stop();
    },
  };
}
