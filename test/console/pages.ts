import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { until } from "../fakes/busy-instances.ts";
import type { ConsoleStage } from "./stage.ts";

/** What the agent does before it waits to be stopped. */
const WORK = "echo hello > /workspace/made.txt; /bin/true; /bin/true; while :; do /bin/sleep 1; done";

/** Starts an agent that writes a file and starts programs, and goes on until it is ended. Resolves when it has written. */
export async function startWorker({ aios, records }: ConsoleStage): Promise<{ readonly ended: Promise<unknown> }> {
  await aios.grant({
    id: "work",
    agents: ["worker"],
    allow: [],
    limits: { uses: 5 },
    workspace: "write",
    programs: "any",
  });
  const ended = aios.run({
    agent: "worker",
    command: ["/bin/sh", "-c", WORK],
    workspace: aios.workspace,
    task: "Write made.txt",
  });
  await until(async () => (await records("files-written")).length > 0, "a record of the file that it wrote");
  return { ended };
}

/** The pages that look closer: one instance. */
export function describePages(parts: { stage(): ConsoleStage; faults(page: Page): Promise<readonly string[]> }): void {
  describe("looks closer:", () => {
    let stage: ConsoleStage;
    let page: Page;

    beforeAll(async () => {
      stage = parts.stage();
      ({ page } = await stage.comeIn({ viewport: { width: 1100, height: 760 } }));
    });

    /** Neither axe nor a narrow screen finds fault with the page that is open, in light and in dark. */
    async function isFine(): Promise<void> {
      for (const [colorScheme, width] of [
        ["light", 1100],
        ["dark", 360],
      ] as const) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 760 });
        const wider = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
        expect({ width, wider, found: await parts.faults(page) }).toEqual({ width, wider: false, found: [] });
      }
      await page.setViewportSize({ width: 1100, height: 760 });
    }

    test("one instance: what it did, what it may and has used, and the buttons that hold and end it", async () => {
      const { ended } = await startWorker(stage);
      await page.keyboard.press("a");
      await page.getByRole("link", { name: "worker" }).click();
      const story = page.locator(".story");
      await story.getByText("You asked it: Write made.txt").waitFor();
      await story.getByText("Wrote 1 file, once: /workspace/made.txt").waitFor();
      expect(await story.locator("li").count()).toBeLessThanOrEqual(10);
      const programs = page.locator(".card", { hasText: "Programs started" });
      await programs.locator("li", { hasText: "/bin/true" }).getByText("×2").waitFor();
      await page.getByText("0 of 5").waitFor();
      await isFine();
      await page.getByRole("button", { name: "Hold every action" }).click();
      await page.locator(".label", { hasText: "every action waits for a person" }).waitFor();
      expect(await stage.records("hold-asked")).toMatchObject([{ stages: ["approve"] }]);
      await page.getByRole("button", { name: "End it" }).click();
      await story.getByText("then killed").waitFor();
      await ended;
      expect(await page.getByRole("button", { name: "End it" }).count()).toBe(0);
    });
  });
}
