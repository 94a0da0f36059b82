import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { removeFolder } from "./open-folders.ts";

const made: string[] = [];
afterAll(() => {
  for (const folder of made.splice(0)) removeFolder(folder);
});

/** Makes a folder of mode 0700 that is removed when the test file that imports this has ended. */
export function makeTemporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "aios-test-"));
  made.push(folder);
  return folder;
}
