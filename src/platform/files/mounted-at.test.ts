import { expect, test } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import { isReadOnly, mountOf } from "./mounted-at.ts";

test("what is mounted where a path lies is found by its device, and nothing for a path that is not there", () => {
  expect(mountOf("/proc/self")).toMatchObject({ at: "/proc", source: "proc" });
  const folder = makeTemporaryFolder();
  expect(mountOf(`${folder}/none`)).toBeNull();
  expect(isReadOnly(folder)).toBe(false);
});
