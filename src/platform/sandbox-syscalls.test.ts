import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { expect, test } from "vitest";
import { hasEnded, openProcess } from "./sandbox-syscalls.ts";

const SECONDS = 2;

test("a process is asked whether it has ended while signals come in, which interrupt even a poll that does not wait", async () => {
  let heard = 0;
  const hear = (): void => void (heard += 1);
  process.on("SIGWINCH", hear);
  const target = spawn("sleep", ["60"], { stdio: "ignore" });
  const storm = spawn("sh", ["-c", `while kill -WINCH ${process.pid}; do :; done`], { stdio: "ignore" });
  const fd = openProcess(target.pid ?? 0);
  if (fd === null) throw new Error("it was gone at once");
  try {
    for (const end = Date.now() + SECONDS * 1000; Date.now() < end;) {
      for (let each = 0; each < 1000; each++) expect(hasEnded(fd)).toBe(false);
      await new Promise((resolve) => setImmediate(resolve));
    }
    target.kill();
    await once(target, "exit");
    await expect.poll(() => hasEnded(fd)).toBe(true);
    expect(heard).toBeGreaterThan(10);
  } finally {
    storm.kill("SIGKILL");
    closeSync(fd);
    process.off("SIGWINCH", hear);
  }
});
