import type { Page } from "playwright-core";

/**
 * Opens the signing page at this address. Where it is open already it follows the address, as it does for people: the same
 * address over again is what loads it anew, with its hundred modules. Nothing that it said before is left when this resolves.
 */
export async function openSigning(page: Page, address: string): Promise<void> {
  const [path] = address.split("#");
  const isOpen = page.url().startsWith(`${path}#`) && page.url() !== address;
  if (isOpen) await page.evaluate(forget);
  else await page.goto("about:blank");
  await page.goto(address);
}

/** Empties what the page shows, so that whatever is found on it from now on it has drawn since. */
function forget(): void {
  for (const part of document.querySelectorAll("main > [role=alert], main > div")) part.replaceChildren();
}
