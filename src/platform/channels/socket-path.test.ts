import { expect, it } from "vitest";
import { keepOwnMounts, mountOf, openBeneath } from "./socket-path.ts";
import { closeAll } from "./fd-passing.ts";

/** No process has it: over the most that Linux gives (PID_MAX_LIMIT). */
const NOBODY = 4_194_305;

function mountOfRoot(): string | null {
  const opened = openBeneath(process.pid, "/tmp");
  if ("errno" in opened) throw new Error("there is no /tmp");
  try {
    return mountOf(opened.fd);
  } finally {
    closeAll([opened.fd]);
  }
}

it("attack: what was read of a process that has a caller's id since is not kept; twin: what was its own is, and read once", () => {
  const mounts = keepOwnMounts();
  expect(mounts(NOBODY, () => false)).toBeNull();
  const kept = mounts(process.pid, () => true);
  expect(kept).toContain(mountOfRoot());
  expect(mounts(NOBODY, () => false)).toBe(kept);
});
