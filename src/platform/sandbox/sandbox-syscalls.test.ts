import { spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { expect, test } from "vitest";
import { hasEnded, openProcess } from "./sandbox-syscalls.ts";

/*
 * Signals in bursts with a pause between them, for about two seconds, and then no more: under signals without a pause the event loop of the
 * process that gets them may never come back from reading them, and a test that hangs there cannot be ended from within.
 */
const SECONDS = 2;
const BURSTS = 600;
const storming = (pid: number): string =>
  `b=0; while [ $b -lt ${BURSTS} ]; do b=$((b+1)); i=0; while [ $i -lt 100 ]; do i=$((i+1)); kill -WINCH ${pid} || exit; done; sleep 0.002; done`;

test("a process is asked whether it has ended while signals come in, which interrupt even a poll that does not wait", async () => {
  let heard = 0;
  const hear = (): void => void (heard += 1);
  process.on("SIGWINCH", hear);
  const target = spawn("sleep", ["60"], { stdio: "ignore" });
  const storm = spawn("sh", ["-c", storming(process.pid)], { stdio: "ignore" });
  const fd = openProcess(target.pid ?? 0);
  if (fd === null) throw new Error("it was gone at once");
  try {
    for (const end = Date.now() + SECONDS * 1000; Date.now() < end;) {
      for (let each = 0; each < 1000; each++) expect(hasEnded(fd)).toBe(false);
      await new Promise((resolve) => setImmediate(resolve));
    }
    target.kill();
    await expect.poll(() => hasEnded(fd)).toBe(true);
    expect(heard).toBeGreaterThan(10);
  } finally {
    storm.kill("SIGKILL");
    closeSync(fd);
    process.off("SIGWINCH", hear);
  }
});
