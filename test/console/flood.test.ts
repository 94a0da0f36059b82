import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Agent, request as ask, type IncomingMessage } from "node:http";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../fakes/busy-instances.ts";
import { hasChromium } from "../fakes/chromium.ts";
import { startConsoleStage, type ConsoleStage } from "./stage.ts";

/* A program on this machine that asks the console for more than it takes, while a person is in. */

describe.skipIf(!hasChromium())("strangers on this machine", () => {
  let stage: ConsoleStage;
  let page: Page;

  beforeAll(async () => {
    stage = await startConsoleStage();
    ({ page } = await stage.comeIn());
  });
  afterAll(() => stage?.stop());

  /** Asks so many times, many at once. @returns what statuses were answered. */
  async function flood(
    times: number,
    path: string,
    { host, body = "{}" }: { readonly host: string; readonly body?: string },
  ): Promise<ReadonlySet<number | undefined>> {
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const headers = { host, origin: `http://${host}` };
    const answers = Array.from({ length: times }, async () => {
      const sent = ask({ host: "127.0.0.1", port: stage.port, agent, method: "POST", path, headers });
      sent.end(body);
      const [response]: IncomingMessage[] = await once(sent, "response");
      response?.resume();
      return response?.statusCode;
    });
    const statuses = new Set(await Promise.all(answers));
    agent.destroy();
    return statuses;
  }

  /**
   * Holds as many connections at each address of this machine as there are words, and says these and nothing more. With more than
   * a listener takes, nobody else comes in where no connection gives its place up (`crowd.test.ts`).
   */
  async function hold(words: readonly string[]): Promise<{ drop(): Promise<void> }> {
    const sockets: Socket[] = [];
    for (const host of ["127.0.0.1", "::1"]) {
      for (const says of words) {
        const socket = connect(stage.port, host);
        sockets.push(socket);
        socket.on("error", () => socket.destroy());
        socket.resume();
        await once(socket, "connect");
        socket.write(says);
      }
    }
    return {
      async drop() {
        const closed = sockets.filter((socket) => !socket.closed).map((socket) => once(socket, "close"));
        for (const socket of sockets) socket.destroy();
        await Promise.all(closed);
      },
    };
  }

  test("attack: a program that holds every connection keeps nobody out, whether it is silent, never ends what it asks or has asked", async () => {
    const { host } = new URL(stage.origin);
    const begun = `POST /enter HTTP/1.1\r\nhost: ${host}\r\n`;
    const asked = `GET /style.css HTTP/1.1\r\nhost: ${host}\r\n\r\n`;
    const held = await hold(["", begun, asked].flatMap((says) => Array.from({ length: 90 }, () => says)));
    try {
      const { context, page: newcomer } = await stage.comeIn();
      await newcomer.getByRole("heading").first().waitFor();
      await page.reload();
      await page.waitForSelector("nav");
      expect(await page.evaluate(async () => (await fetch("/sign")).status)).toBe(200);
      await context.close();
    } finally {
      await held.drop();
    }
    await until(async () => (await stage.refused("crowded")) > 0, "a record that there was no room");
  });

  test("attack: a flood of theirs tells a newcomer what to do, and takes neither the stop nor signing from whoever has come in", async () => {
    const { host } = new URL(stage.origin);
    const { code } = await stage.aios.client.request("console-open", {});
    expect(await flood(70, "/door/passkey-party", { host })).toContain(429);
    expect(await flood(25, "/enter", { host, body: "0".repeat(32) })).toContain(429);
    const newcomer = await (await stage.browser.newContext()).newPage();
    await newcomer.goto(`${stage.origin}/#enter=${code}`);
    await newcomer.getByText("Too many tries from this machine").waitFor();
    await newcomer.goto(`${stage.origin}/sign`);
    await newcomer.getByRole("button", { name: "Sign in" }).click();
    await newcomer.getByText("aios approvals").waitFor();
    await newcomer.context().close();

    // An allowance begins anew every ten seconds, perhaps in the middle of a flood: then the next one is over it.
    let answered: ReadonlySet<number | undefined> = new Set();
    for (let time = 0; time < 4 && !answered.has(429); time++)
      answered = await flood(2100, "/x", { host: `127.0.0.1:${stage.port}` });
    expect(answered).toContain(429);
    const answers = await page.evaluate(async () => {
      const headers = { "x-aios-half": localStorage.getItem("half") ?? "" };
      const door = await fetch("/door/passkey-party", { method: "POST", headers, body: "{}" });
      return [door.status, (await fetch("/sign")).status];
    });
    expect(answers).toEqual([200, 200]);
    await page.getByRole("button", { name: "Stop everything" }).click();
    await page.getByText("Everything is frozen").waitFor();
    await until(async () => (await stage.refused("flood")) > 0, "a record of what was turned away");
  });
});
