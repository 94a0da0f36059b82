import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const made: string[] = [];
afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Makes a folder of mode 0700 that is removed when the test file that imports this has ended. */
export function makeTemporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "aios-test-"));
  made.push(folder);
  return folder;
}
