import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";

/** Whether Debian's Chromium is installed. */
export function hasChromium(): boolean {
  return existsSync(CHROMIUM);
}

/**
 * A real browser without a window, which resolves names of this machine only, and those of `rebound` to it: names that a
 * stranger could make lead here.
 */
export function startChromium(rebound: readonly string[] = []): Promise<Browser> {
  const rules = [
    ...rebound.map((name) => `MAP ${name} 127.0.0.1`),
    "MAP * ~NOTFOUND",
    "EXCLUDE localhost",
    "EXCLUDE *.localhost",
    "EXCLUDE 127.0.0.1",
  ];
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      // It runs as root here, and opens pages of this test only.
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--host-resolver-rules=${rules.join(" , ")}`,
    ],
  });
}
