import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { askUntilFound } from "../terminal/asking.ts";
import { PlatformError } from "../platform-error.ts";
import { closeOnExec } from "./sandbox-syscalls.ts";
import { type SpawnedProcess, spawnProcess } from "./spawn-process.ts";

const folder = mkdtempSync(join(tmpdir(), "aios-spawn-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const endOf = (child: SpawnedProcess) => askUntilFound(() => child.ending());

/** Runs a script of the shell's with descriptors 0 to 2 and these; gives what it wrote to standard output. */
async function run(script: string, { more = [], environment = [] }: { more?: number[]; environment?: string[] } = {}) {
  const path = join(folder, "output");
  const out = openSync(path, "w");
  try {
    closeOnExec();
    const argv = ["a-name-of-its-own", "-c", script];
    const child = spawnProcess({ file: "/bin/sh", argv, environment, descriptors: [out, out, out, ...more] });
    return { ending: await endOf(child), said: readFileSync(path, "utf8"), child };
  } finally {
    closeSync(out);
  }
}

test("a process starts in /, in a session of its own, with the words and the environment given and no other", async () => {
  const { said, ending, child } = await run(
    'echo "$0 $PWD $A"; env | grep -cv "^PWD=\\|^A=\\|^_="; cat /proc/$$/stat',
    {
      environment: ["A=b"],
    },
  );
  expect(ending).toEqual({ code: 0, signal: null });
  const [words, others, stat = ""] = said.split("\n");
  expect(words).toBe("a-name-of-its-own / b");
  expect(others).toMatch(/^[01]$/); // some shells say how deep they are
  expect(stat.split(" ").slice(3, 6)).toEqual([process.pid, child.pid, child.pid].map(String));
});

test("signals are as the kernel has them, although Node ignores one of them", async () => {
  expect(readFileSync("/proc/self/status", "utf8")).not.toMatch(/^SigIgn:\s+0+$/m);
  const { said } = await run("exec cat /proc/self/status");
  expect(said).toMatch(/^SigIgn:\s+0+$/m);
  expect(said).toMatch(/^SigBlk:\s+0+$/m);
});

test("each descriptor is where it was ordered, also where one lies in another's place, and there is no more", async () => {
  const files = ["one", "two", "three"].map((name) => {
    writeFileSync(join(folder, name), `${name}\n`);
    return openSync(join(folder, name), "r");
  });
  const [one = 0, two = 0, three = 0] = files;
  // As many places as reach over all the sources, and each source in a place of another.
  const more = Array.from({ length: Math.max(...files) + 2 }, () => one);
  const at = (fd: number) => fd - 3;
  more[at(one)] = two;
  more[at(two)] = three;
  const { said } = await run(`cat /dev/fd/${one} /dev/fd/${two} /dev/fd/${three}; echo /proc/$$/fd/*`, { more });
  for (const fd of files) closeSync(fd);
  expect(said).toContain("two\nthree\none\n");
  const found = (said.split("\n").at(-2) ?? "").split(" ").map((path) => Number(path.split("/").at(-1)));
  expect(found.filter((fd) => fd < 3 + more.length)).toHaveLength(3 + more.length);
  expect(Math.max(...found)).toBeLessThanOrEqual(3 + more.length); // the shell's own look at the folder
});

test("its code and the signal that ended it are told, and after that nothing is killed", async () => {
  expect((await run("exit 7")).ending).toEqual({ code: 7, signal: null });
  const idle = openSync("/dev/null", "r+");
  const child = spawnProcess({
    file: "/bin/sleep",
    argv: ["sleep", "60"],
    environment: [],
    descriptors: [idle, idle, idle],
  });
  closeSync(idle);
  expect(child.ending()).toBeNull();
  child.kill();
  expect(await endOf(child)).toEqual({ code: null, signal: "SIGKILL" });
  child.kill();
  expect(child.ending()).toEqual({ code: null, signal: "SIGKILL" });
});

test("what is not there, or has a NUL in its words, is refused and not started", () => {
  const order = { file: "/nowhere", argv: ["x"], environment: [], descriptors: [0, 1, 2] };
  expect(() => spawnProcess(order)).toThrow(PlatformError);
  expect(() => spawnProcess(order)).toThrow("Cannot start /nowhere: ENOENT");
  expect(() => spawnProcess({ ...order, file: "/bin/true", argv: ["true", "a\0b"] })).toThrow("a word has a NUL in it");
  expect(() => spawnProcess({ ...order, file: "/bin/true", descriptors: [0, 1, 999_999] })).toThrow("EBADF");
});
