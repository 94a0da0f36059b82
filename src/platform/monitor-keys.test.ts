import { chmodSync, renameSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTemporaryFolder } from "../../test/fakes/temporary-folder.ts";
import { openMonitorKeys } from "./monitor-keys.ts";

test("a home that is moved keeps its log's name and keys; another home has others", () => {
  const folder = makeTemporaryFolder();
  const made = openMonitorKeys(join(folder, "old"));
  renameSync(join(folder, "old"), join(folder, "new"));
  const moved = openMonitorKeys(join(folder, "new"));
  expect(made.logOrigin).toMatch(/^aios\.local\/[0-9a-f]{32}$/);
  expect(moved.logOrigin).toBe(made.logOrigin);
  expect(moved.logSigner.publicKey).toEqual(made.logSigner.publicKey);
  expect(moved.payloads.key(1)).toEqual(made.payloads.key(1));
  expect(moved.payloads.key(2)).toBeNull();
  const other = openMonitorKeys(join(folder, "other"));
  expect(other.logOrigin).not.toBe(made.logOrigin);
  expect(other.logSigner.publicKey).not.toEqual(made.logSigner.publicKey);
});

test.each(["log-signing", "log-name", "payload-epoch-1"])("%s is refused when cut or open to others", (name) => {
  const folder = makeTemporaryFolder();
  openMonitorKeys(folder);
  const file = join(folder, name);
  chmodSync(file, 0o640);
  expect(() => openMonitorKeys(folder)).toThrow(/ours, of mode 600/);
  chmodSync(file, 0o600);
  expect(() => openMonitorKeys(folder)).not.toThrow();
  truncateSync(file, 31);
  expect(() => openMonitorKeys(folder)).toThrow(/32 bytes/);
});
