import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, readdirSync } from "node:fs";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { makeSupervisor } from "../../main/agent-start.ts";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import { endLeftovers, NAME_VARIABLE } from "./leftovers.ts";
import { makeSocketPair } from "../channels/socket-pair.ts";

const sleep = (argv0: string): ChildProcess => spawn("/usr/bin/sleep", ["60"], { argv0, stdio: "ignore" });

test("what goes by the name is killed, and nothing else", async () => {
  const [ours, other] = [sleep("aios-bwrap-0123"), sleep("aios-bwrap-01234")];
  try {
    await Promise.all([once(ours, "spawn"), once(other, "spawn")]);
    const ended = once(ours, "exit");
    endLeftovers("aios-bwrap-0123");
    expect(await ended).toEqual([null, "SIGKILL"]);
    expect([other.exitCode, other.signalCode]).toEqual([null, null]);
  } finally {
    other.kill("SIGKILL");
    ours.kill("SIGKILL");
  }
});

// What the kernel does when a monitor is killed: its end of the socket to the supervisor closes, before that was ready or after.
test.each(["before", "after"])(
  "the supervisor ends what a monitor left that was gone %s it was ready",
  async (when) => {
    const name = `aios-bwrap-${when}`;
    const left = sleep(name);
    const [ours, theirs] = makeSocketPair();
    try {
      await once(left, "spawn");
      const ended = once(left, "exit");
      const program = fileURLToPath(new URL("../../main/supervisor.ts", import.meta.url));
      const supervisor = spawn(process.execPath, [program], {
        env: { [NAME_VARIABLE]: name },
        stdio: ["ignore", "ignore", "ignore", theirs],
      });
      const over = once(supervisor, "exit");
      if (when === "before") closeSync(ours);
      else {
        const monitor = new Socket({ fd: ours });
        await once(monitor, "data"); // it is ready
        monitor.destroy();
      }
      expect(await ended).toEqual([null, "SIGKILL"]);
      expect(await over).toEqual([0, null]);
    } finally {
      closeSync(theirs);
      left.kill("SIGKILL");
    }
  },
);

test("a supervisor keeps what was compiled of it before it is ready, for the next", async () => {
  const cache = makeTemporaryFolder();
  const supervisor = makeSupervisor(cache);
  try {
    await supervisor.ready();
  } finally {
    supervisor.close();
  }
  const kept = readdirSync(cache, { recursive: true, encoding: "utf8" });
  expect(kept.length).toBeGreaterThan(10);
});
