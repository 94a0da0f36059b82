import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { ConsoleStage } from "./stage.ts";

const HOUR = 3_600_000;

/** What the console says beside what waits. */
export function describeInbox(parts: { stage(): ConsoleStage }): void {
  describe("says what a person must know of what waits:", () => {
    let stage: ConsoleStage;
    let page: Page;

    beforeAll(async () => {
      stage = parts.stage();
      ({ page } = await stage.comeIn());
    });
    afterAll(() => page.context().close());

    test("that nobody is there to be asked, until when, and no more once somebody is back", async () => {
      const until = Date.now() + 2 * 24 * HOUR;
      await stage.aios.sign("go-away", { until, asked: "deny", leases: [] });
      const notice = page.getByText(/^away until \d{4}-\d\d-\d\d .*: what needs a human is denied at once/);
      await notice.waitFor();
      await page.reload();
      await notice.waitFor();
      await stage.aios.client.request("back", {});
      await notice.waitFor({ state: "hidden" });
    });

    test("that an instance was frozen since it asked for more than people read", async () => {
      const add = (text: string) => ({ method: "tools/call", params: { name: "notes__add", arguments: { text } } });
      const together = Array.from({ length: 40 }, (_, at) => add(`flood ${at}`));
      const running = stage.aios.follow("helper", [{ together }], { holdSeconds: 600 });
      await page.getByText(/^helper is frozen: it asked people for more than they can read/).waitFor();
      await page.getByText("What it had waiting was denied").waitFor();
      const link = page.getByRole("link", { name: "Sign to let it go on" });
      const instance = (await link.getAttribute("href"))?.split("/").at(-1) ?? "";
      await stage.aios.client.request("kill", { instance });
      await running;
      await page.getByText("is frozen").waitFor({ state: "hidden" });
    });
  });
}
