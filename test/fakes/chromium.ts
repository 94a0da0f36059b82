import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type BrowserContext } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";

const QUIET = [
  // It runs as root here, and opens pages of this test only.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Whether Debian's Chromium is installed. */
export function hasChromium(): boolean {
  return existsSync(CHROMIUM);
}

/**
 * A real browser without a window, which resolves names of this machine only, and those of `rebound` to it: names that a
 * stranger could make lead here.
 */
export function startChromium(rebound: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: flags(rebound) });
}

/** The same as on another machine: it finds this one name at this address, which is its own, and no other name at all. */
export function startElsewhere(name: string, address: string): Promise<Browser> {
  const rules = `MAP ${name} ${address} , MAP * ~NOTFOUND , EXCLUDE ${address}`;
  return chromium.launch({ executablePath: CHROMIUM, args: [...QUIET, `--host-resolver-rules=${rules}`] });
}

/** The same with a profile of its own, as people have one: pages of a private window connect nowhere ahead of need. */
export async function startProfile(): Promise<{ readonly pages: BrowserContext; close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "aios-profile-"));
  const pages = await chromium.launchPersistentContext(folder, { executablePath: CHROMIUM, args: flags([]) });
  return {
    pages,
    async close() {
      await pages.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function flags(rebound: readonly string[]): string[] {
  const rules = [
    ...rebound.map((name) => `MAP ${name} 127.0.0.1`),
    "MAP * ~NOTFOUND",
    "EXCLUDE localhost",
    "EXCLUDE *.localhost",
    "EXCLUDE 127.0.0.1",
  ];
  return [...QUIET, `--host-resolver-rules=${rules.join(" , ")}`];
}
