import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";

const moduleOf = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
const hardening = moduleOf("process-hardening.ts");
const isRoot = process.geteuid?.() === 0;
// Root may look into every process; the attacker here is another process of the same ordinary user.
const ordinary = isRoot ? { uid: 65534, gid: 65534 } : {};

function runModule(script: string): { status: number | null; out: string } {
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  return { status: run.status, out: run.stdout + run.stderr };
}

/** Starts a program of an ordinary user that runs `call` and waits; then lets the same user look into it. */
async function attackProcess(call: string): Promise<string> {
  // Root loads the code, which an ordinary user may not be able to read, and then changes user. That alone makes a
  // process undumpable, so it is opened again: what is tried is the call and not the change of user.
  const become = isRoot ? "process.setgroups([]); process.setgid(65534); process.setuid(65534);" : "";
  const script = `import * as hardening from ${hardening}; import { bindFunction } from ${moduleOf("../libc.ts")};
    ${become} bindFunction("int prctl(int, long, long, long, long)")(4, 1, 0, 0, 0);
    ${call}; console.log("ready"); setInterval(() => {}, 1000);`;
  const target = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(target.stdout, "data");
    const look = `exec 2>&1; cat /proc/${target.pid}/environ >/dev/null && ls /proc/${target.pid}/fd >/dev/null && echo looked inside`;
    return spawnSync("/bin/sh", ["-c", look], { encoding: "utf8", ...ordinary }).stdout;
  } finally {
    target.kill("SIGKILL");
  }
}

describe("a process that made itself undumpable", () => {
  it("cannot be looked into by another process of its user, while its twin can", async () => {
    expect(await attackProcess("")).toBe("looked inside\n");
    const denied = await attackProcess("hardening.makeUndumpable()");
    expect(denied).not.toContain("looked inside");
    expect(denied).toMatch(/permission denied/i);
  });

  it("still uses its own descriptors by name, as the sockets of the home need", () => {
    const folder = makeTemporaryFolder();
    const chown = isRoot
      ? `(await import("node:fs")).chownSync(${JSON.stringify(folder)}, 65534, 65534); process.setgroups([]); process.setgid(65534); process.setuid(65534);`
      : "";
    const run =
      runModule(`import { hardenProcess } from ${hardening}; import { listenUnix, connectUnix } from ${moduleOf("../channels/unix-server.ts")};
      ${chown} hardenProcess();
      const server = await listenUnix(${JSON.stringify(join(folder, "s"))}, { mode: 0o600, stale: "refuse", onChannel: (channel) => channel.destroy() });
      (await connectUnix(server.path)).destroy(); server.close(); console.log("served"); process.exit(0);`);
    expect(run.out).toContain("served");
  });
});

describe("hardenProcess", () => {
  it("allows no core file and gives new files to nobody else", () => {
    const path = join(makeTemporaryFolder(), "file");
    const run = runModule(`import { hardenProcess } from ${hardening}; import fs from "node:fs"; hardenProcess();
      fs.writeFileSync(${JSON.stringify(path)}, "x", { mode: 0o666 });
      console.log((fs.statSync(${JSON.stringify(path)}).mode & 0o777).toString(8), /Max core file size +0 +0 /.test(fs.readFileSync("/proc/self/limits", "utf8")));`);
    expect(run.out).toBe("600 true\n");
  });

  it("takes setuid from everything that the process starts", () => {
    const read = `console.log(execFileSync("grep", ["NoNewPrivs", "/proc/self/status"]).toString().trim());`;
    const script = `import { hardenProcess } from ${hardening}; import { execFileSync } from "node:child_process";
      ${read} hardenProcess(); ${read}`;
    const [before, after] = runModule(script).out.trim().split("\n");
    // Some machines start everything this way; then there is no twin to show.
    expect(before).toMatch(/NoNewPrivs:\s*[01]$/);
    expect(after).toMatch(/NoNewPrivs:\s*1$/);
  });
});
