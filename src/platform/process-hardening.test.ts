import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const moduleOf = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
const hardening = moduleOf("process-hardening.ts");
const isRoot = process.geteuid?.() === 0;
// Root may look into every process; the attacker here is another process of the same ordinary user.
const ordinary = isRoot ? { uid: 65534, gid: 65534 } : {};

function runModule(script: string): { status: number | null; out: string } {
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  return { status: run.status, out: run.stdout + run.stderr };
}

/** Starts a program of an ordinary user that runs `call` and waits; then lets the same user try to open its memory. */
async function attackMemory(call: string): Promise<string> {
  // The code of this test may lie where an ordinary user cannot read it, so root loads it and then changes user.
  const become = isRoot ? "process.setgroups([]); process.setgid(65534); process.setuid(65534);" : "";
  const script = `import * as hardening from ${hardening}; ${become} ${call}; console.log("ready"); setInterval(() => {}, 1000);`;
  const target = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await once(target.stdout, "data");
    const attack = spawnSync(
      "/bin/sh",
      ["-c", `exec 2>&1; head -c 1 /proc/${target.pid}/environ >/dev/null && ls /proc/${target.pid}/fd >/dev/null && echo open`],
      { encoding: "utf8", ...ordinary },
    );
    return attack.stdout;
  } finally {
    target.kill("SIGKILL");
  }
}

describe("a process that made itself undumpable", () => {
  it("cannot be looked into by another process of its user, while its twin can", async () => {
    // Changing the user makes a process undumpable by itself, so the twin is made dumpable again by an execve.
    const again = `if (!process.argv.includes("again")) process.execve(process.execPath, [process.execPath, "-e", "console.log('ready'); setInterval(() => {}, 1000)", "again"])`;
    expect(await attackMemory(isRoot ? again : "")).toContain("open");
    const denied = await attackMemory("hardening.makeUndumpable()");
    expect(denied).not.toContain("open");
    expect(denied).toContain("ermission denied");
  });

  it("still uses its own descriptors by name, as the sockets of the home need", () => {
    const folder = mkdtempSync(join(tmpdir(), "aios-hard-"));
    const chown = isRoot ? `(await import("node:fs")).chownSync(${JSON.stringify(folder)}, 65534, 65534); process.setgroups([]); process.setgid(65534); process.setuid(65534);` : "";
    const run = runModule(`import { hardenProcess } from ${hardening}; import { listenUnix, connectUnix } from ${moduleOf("unix-server.ts")};
      ${chown} hardenProcess();
      const server = await listenUnix(${JSON.stringify(join(folder, "s"))}, { mode: 0o600, stale: "refuse", onChannel: (channel) => channel.destroy() });
      (await connectUnix(server.path)).destroy(); await server.close(); console.log("served"); process.exit(0);`);
    expect(run.out).toContain("served");
  });
});

describe("hardenProcess", () => {
  it("allows no core file and gives new files to nobody else", () => {
    const path = join(mkdtempSync(join(tmpdir(), "aios-hard-")), "file");
    const run = runModule(`import { hardenProcess } from ${hardening}; import fs from "node:fs"; hardenProcess();
      fs.writeFileSync(${JSON.stringify(path)}, "x", { mode: 0o666 });
      console.log((fs.statSync(${JSON.stringify(path)}).mode & 0o777).toString(8), /Max core file size +0 +0 /.test(fs.readFileSync("/proc/self/limits", "utf8")));`);
    expect(run.out).toBe("600 true\n");
  });
});

describe("forgoNewPrivileges", () => {
  it("is inherited by what the process starts", () => {
    const read = `console.log(require("node:child_process").execSync("grep NoNewPrivs /proc/self/status").toString().trim())`;
    const before = runModule(`import { createRequire } from "node:module"; const require = createRequire("/"); ${read}`);
    const after = runModule(`import { forgoNewPrivileges } from ${hardening}; import { createRequire } from "node:module";
      const require = createRequire("/"); forgoNewPrivileges(); ${read}`);
    expect(after.out).toMatch(/NoNewPrivs:\s*1/);
    expect(before.out).not.toEqual("");
  });
});
