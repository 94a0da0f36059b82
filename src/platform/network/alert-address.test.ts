import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import { readAlertAddress } from "./alert-address.ts";

test("a home may name where alerts go, in a file that nobody else may write", () => {
  const path = join(makeTemporaryFolder(), "alert-address");
  expect(readAlertAddress(path)).toBeNull();
  writeFileSync(path, "https://example.com/hook\n", { mode: 0o600 });
  expect(readAlertAddress(path)).toBe("https://example.com/hook");
  chmodSync(path, 0o622);
  expect(() => readAlertAddress(path)).toThrow("others may not write");
});

test.each([
  ["nothing", ""],
  ["a tab", "https://a.example\tb"],
  ["another alphabet", "https://а.example"],
  ["too much", "x".repeat(3000)],
])("%s in it is refused", (_, text) => {
  const path = join(makeTemporaryFolder(), "alert-address");
  writeFileSync(path, text, { mode: 0o600 });
  expect(() => readAlertAddress(path)).toThrow(expect.objectContaining({ code: "bad-alert-address" }));
});

test("a link is refused", () => {
  const folder = makeTemporaryFolder();
  writeFileSync(join(folder, "real"), "https://a.example", { mode: 0o600 });
  symlinkSync("real", join(folder, "alert-address"));
  expect(() => readAlertAddress(join(folder, "alert-address"))).toThrow("it is no file");
});
