import { execFile, spawnSync } from "node:child_process";
import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";

/** A mount namespace of its own; an ordinary user has it in a user namespace, in which they may mount. */
const OWN_MOUNTS = [
  ...(process.geteuid?.() === 0 ? [] : ["--user", "--map-current-user", "--keep-caps"]),
  "--mount",
  "--propagation",
  "private",
];
const MAY_MOUNT =
  spawnSync("unshare", [...OWN_MOUNTS, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], { stdio: "ignore" }).status === 0;
if (!MAY_MOUNT) console.warn("NOT RUN: faults of the disk under a whole monitor; nobody may mount here");

const MEANS = "nothing can be recorded, so nothing starts and no effect of an agent happens";

/** What `disk-faults.ts` saw. */
let saw: { readonly [name: string]: unknown };

describe.skipIf(!MAY_MOUNT)("one agent works on a disk that", { timeout: 300_000 }, () => {
  beforeAll(async () => {
    const folder = makeTemporaryFolder();
    const program = [join(import.meta.dirname, "disk-faults.ts"), folder, readlinkSync("/proc/self/ns/mnt")];
    const { stdout } = await promisify(execFile)("unshare", [...OWN_MOUNTS, process.execPath, ...program]);
    saw = JSON.parse(stdout);
    if (saw["kind"] === "tmpfs") console.warn("NOT RUN: a disk that is slow, stalls or fails; it takes a loop device");
  }, 300_000);
  const isDisk = (): boolean => saw["kind"] === "ext4";

  test("is full: nothing is done, the state says why, and with room it goes on by itself", () => {
    expect(saw["full"]).toEqual({
      why: "log-unavailable",
      effects: ["begin"],
      doctor: `full: ${MEANS}`,
      log: "log-full",
    });
  });

  test("is moved away: the same, and it goes on by itself once it is back", () => {
    expect(saw["moved"]).toEqual({ why: "log-unavailable", effects: "after-full", log: "log-away" });
  });

  test("takes 200 ms for each sync: everything waits and all is done", ({ skip }) => {
    skip(!isDisk());
    expect(saw["slow"]).toEqual({ slow: true });
  });

  test("stalls: nothing is done, doctor says so while it does, and it goes on by itself", ({ skip }) => {
    skip(!isDisk());
    expect(saw["stalled"]).toEqual({
      effects: "slow-3",
      still: true,
      doctor: "does not answer: it took nothing in 4 seconds, so every effect of an agent waits",
    });
  });

  test("turns read-only: nothing is done, and once it is mended everything that was recorded is there", ({ skip }) => {
    skip(!isDisk());
    expect(saw["stopped"]).toEqual([
      "the monitor ends\n",
      expect.stringMatching(
        /^aios serve --stop --home \S+, then as root: umount (\S+) && fsck -f \/dev\/loop\d+ && mount \1;/u,
      ),
    ]);
    expect(saw["faulty"]).toEqual({ why: "log-unavailable", effects: "stalled", doctor: `read-only: ${MEANS}` });
  });

  test("RECORD-FIRST: of all that was acknowledged nothing is lost, every effect has an intent and every intent an outcome", () => {
    const effects = ["begin", "after-full", "after-moved"];
    if (isDisk()) effects.push("slow-1", "slow-2", "slow-3", "stalled");
    // What could not be recorded may have been something else, and the agent have asked for these when it went on.
    const asked = (saw["effects"] as readonly string[]).filter((word) => word !== "full" && word !== "moved");
    expect(asked).toEqual(effects);
    expect(saw).toMatchObject({ lost: 0, open: 0, done: (saw["effects"] as readonly string[]).length });
    const turn = ["log-unavailable", "instance-resumed"];
    expect(saw["turns"]).toEqual([...turn, ...turn]);
    expect(saw["verify"]).toMatch(/^verified\n/u);
  });

  test("is the log's own and turns read-only: it is let go of and can be mended, and work goes on by itself", ({
    skip,
  }) => {
    skip(!isDisk());
    expect(saw["adviceOwn"]).toMatch(
      /^as root: umount (\S+\/log) && fsck -f \/dev\/loop\d+ && mount \1; the monitor has let go/u,
    );
    const why = "log-unavailable";
    expect(saw["own"]).toEqual({ why, still: why, made: false, effects: "own-begin" });
    expect(saw["fewer"]).toEqual({
      log: "log-shrunk",
      ps: expect.stringMatching(
        /^The log takes no records, .*came back with \d+ records of the log's \d+ \(log-shrunk\)\. put/u,
      ),
    });
    expect([saw["kept"], saw["state"]]).toEqual([true, null]);
    expect(saw["verifyOwn"]).toMatch(/^verified\n/u);
  });

  test("loses the log's folder: the monitor ends with all that it runs, and nothing starts until it is put back", () => {
    expect(saw["removed"]).toMatch(/its journal is gone .*\nhint: .*put back log and keys together from one backup/u);
  });
});
