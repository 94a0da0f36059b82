import { readFileSync } from "node:fs";
import { afterAll, afterEach, expect, it } from "vitest";
import { listMembers } from "../../src/platform/sandbox/sandbox-members.ts";
import type { StartedSandbox } from "../../src/platform/sandbox/sandbox-process.ts";
import { STOPS } from "../../src/platform/sandbox/sandbox-stop.ts";
import { setStage } from "./sandbox-stage.ts";

/*
 * Programs that do not want to stand still, all held together. What is said of them is held against what the kernel says.
 */
const stage = setStage();
const sandboxes: StartedSandbox[] = [];

afterEach(async () => {
  for (const sandbox of sandboxes) sandbox.kill();
  await Promise.all(sandboxes.splice(0).map(({ ended }) => ended));
});
afterAll(() => stage.remove());

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function start(script: string): Promise<StartedSandbox> {
  const sandbox = await stage.start(["/bin/sh", "-c", script]);
  sandboxes.push(sandbox);
  return sandbox;
}

/** Ticks of the processor that all processes of a sandbox have used, with those of their children that ended. */
function used(sandbox: StartedSandbox): number {
  return listMembers(sandbox.namespace).reduce((sum, pid) => {
    const stat = statOf(pid);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields.slice(11, 15).reduce((all, ticks) => all + (Number(ticks) || 0), sum);
  }, 0);
}

function statOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return ""; // it ended since it was listed
  }
}

it.each([
  // Some at a time: at the limit on its processes a shell that cannot fork ends, and with it what is held.
  ["forks without end", "while :; do for n in 1 2 3 4 5 6 7 8; do (:) & done; wait; done"],
  // The shell lends its memory to a child that starts a program (vfork) and cannot be stopped until that has.
  ["starts programs in a hurry", "for n in 1 2 3 4; do (while :; do /bin/true; done) & done; wait"],
  ["continues whatever is stopped", "for n in 1 2; do (while :; do kill -CONT -1; done) & done; while :; do :; done"],
  ["turns signals away", "trap '' TSTP CONT TERM INT HUP; while :; do :; done"],
])("holds one that %s, again and again, and ends none for it", async (_, script) => {
  const sandbox = await start(script);
  for (let round = 0; round < 5; round++) {
    const before = used(sandbox);
    await expect.poll(() => used(sandbox)).not.toBe(before); // it works when nobody holds it
    const standing = (await STOPS.hold([sandbox], 5000)).get(sandbox);
    expect(standing).toMatchObject({ reached: true });
    expect(standing?.processes).toBe(listMembers(sandbox.namespace).length);
    const [members, ticks] = [listMembers(sandbox.namespace), used(sandbox)];
    await pause(200);
    expect([listMembers(sandbox.namespace), used(sandbox)]).toEqual([members, ticks]);
    STOPS.letGo([sandbox]);
  }
  expect(sandbox.exists()).toBe(true);
});

it("says so when it cannot, and touches nobody else", async () => {
  const [one, other] = [await start("while :; do :; done"), await start("while :; do :; done")];
  // No time at all: what was asked is not so yet, and is not said to be.
  expect((await STOPS.hold([one], -1)).get(one)?.reached).not.toBe(true);
  expect((await STOPS.seeGone([one], 50)).get(one)).toMatchObject({ reached: false });
  const before = used(other);
  await expect.poll(() => used(other)).not.toBe(before);
  one.kill();
  expect((await STOPS.seeGone([one], 5000)).get(one)).toMatchObject({ reached: true, processes: 0 });
  // The number of its namespace may be another's by now.
  expect((await STOPS.hold([one], 1000)).get(one)).toMatchObject({ reached: true, processes: 0 });
});

it("sees the connections that one holds", async () => {
  const sandbox = await start("sleep 60");
  expect(STOPS.connections([sandbox]).get(sandbox)).toBe(0);
});
