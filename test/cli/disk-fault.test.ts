import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeStart } from "../../src/main/monitor-start.ts";
import { describeDisk } from "../../src/cli/disk-check.ts";
import { explainDiskFault } from "../../src/cli/disk-fault.ts";
import { lookAtLogDisk } from "../../src/platform/files/disk-room.ts";
import { runProgram } from "../../src/cli/program.ts";
import { createDesk } from "../fakes/cli-powers.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";

const full = Object.assign(new Error("ENOSPC: no space left on device, open '/h/x'"), { code: "ENOSPC", path: "/h/x" });

test.each([
  ["aiosd: Cannot write the log: ENOSPC: no space left on device, write (log-unavailable)\n", "the disk is full"],
  ["aiosd: database or disk is full (ERR_SQLITE_ERROR)\n", "the disk is full"],
  ["aiosd: EROFS: read-only file system, open '/h/log/lock' (EROFS)\n", "the file system is read-only"],
])("a monitor that cannot start for its disk is said to: %s", (said, means) => {
  expect(describeStart("/h", said)).toMatchObject({
    code: "file-unwritable",
    exit: 3,
    message: `The monitor of /h cannot start: ${means}`,
  });
});

test("twin: one that cannot start for another reason is not", () => {
  expect(describeStart("/h", "aiosd: Cannot open the log: it is damaged (log-damaged)\n").code).toBe(
    "monitor-unreachable",
  );
});

test("a command that finds the disk full says so, and calls it no defect of its own", async () => {
  const desk = createDesk();
  const powers = { ...desk.powers, probe: () => Promise.reject(full) };
  expect(await runProgram(["doctor"], powers)).toBe(3);
  expect(desk.err()).toBe(
    "aios: Cannot write /h/x: the disk is full (file-unwritable)\nhint: make room there; aios log verify needs none\n",
  );
  expect(explainDiskFault(Object.assign(new Error("EACCES: no"), { code: "EACCES" }))).toBeNull();
  expect(explainDiskFault(new Error("ENOSPC"))).toBeNull();
});

test("what a disk takes is told with what it means", () => {
  const said = [
    describeDisk({ kind: "room", bytes: 2 ** 30 }),
    describeDisk({ kind: "room", bytes: 2 ** 20 }),
    describeDisk({ kind: "full", bytes: 0 }),
    describeDisk({ kind: "read-only", mount: null }),
    describeDisk({ kind: "unwritable", why: "EIO" }),
    describeDisk({ kind: "silent", seconds: 5 }),
    describeDisk({ kind: "out" }),
  ].map(({ state, found }) => `${state} ${found}`);
  const means = "nothing can be recorded, so nothing starts and no effect of an agent happens";
  expect(said).toEqual([
    "ok 1024 MiB free for the home",
    "note 1 MiB free for the home",
    `missing full: ${means}`,
    `missing read-only: ${means}`,
    `missing EIO: ${means}`,
    "missing does not answer: it took nothing in 5 seconds, so every effect of an agent waits",
    `missing the log's journal is not there, so its disk is out or it was removed: ${means}`,
  ]);
});

test.each([
  [null, /^unmount it, mend it and mount it again/u],
  [
    { at: "/", source: "/dev/sda1", home: "/home/p/.aios" },
    /^it is the machine's own, \/dev\/sda1: restart the machine/u,
  ],
  [
    { at: "/srv/my log", source: "/dev/sdb1", home: null },
    /^as root: umount '\/srv\/my log' && fsck -f \/dev\/sdb1 && mount '\/srv\/my log'; the monitor has let go of it/u,
  ],
  [
    { at: "/srv", source: "store:/x", home: "/srv/aios" },
    /^aios serve --stop --home \/srv\/aios, then as root: umount \/srv && mount \/srv; the next command starts/u,
  ],
])("of a disk that is read-only it is said what to type (%#)", (mount, words) => {
  expect(describeDisk({ kind: "read-only", mount }).hint).toMatch(words);
});

test("a log that was written and has no journal is out, and one of a home that is new is not", () => {
  const home = makeTemporaryFolder();
  const [log, slots] = [join(home, "log"), join(home, "keys", "payload-slots")];
  for (const folder of [log, slots]) mkdirSync(folder, { recursive: true });
  expect(lookAtLogDisk(home)).toMatchObject({ kind: "room" });
  writeFileSync(join(slots, "slots-1"), "");
  expect(lookAtLogDisk(home)).toEqual({ kind: "out" });
  mkdirSync(join(log, "journal"));
  writeFileSync(join(log, "journal", "0"), "");
  expect(lookAtLogDisk(home)).toMatchObject({ kind: "room" });
});
