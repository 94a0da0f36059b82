import { spawn, spawnSync } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { harmlessSpec, setStage } from "../../../test/attacks/sandbox-stage.ts";

import { readSandboxHost } from "./sandbox-host.ts";
import { probeSystem } from "./sandbox-probe.ts";
import { startSandbox } from "./sandbox-process.ts";

const stage = setStage();
const SPEC = { ...harmlessSpec(stage), role: "exec" } as const;
const TRUE = { ...SPEC, command: ["/usr/bin/true"] };

afterAll(() => stage.remove());
afterEach(() => void vi.restoreAllMocks());

/** A stand-in for bubblewrap that does what the script says. */
function pretender(name: string, script: string) {
  const bubblewrap = join(stage.folder, name);
  writeFileSync(bubblewrap, `#!/bin/sh\n${script}\n`);
  chmodSync(bubblewrap, 0o755);
  return { ...readSandboxHost(), bubblewrap };
}

describe("startSandbox", () => {
  it("runs a program and tells how it ended", async () => {
    const sandbox = await startSandbox(
      { ...SPEC, command: ["sh", "-c", "echo out; echo err >&2; exit 7"] },
      { streams: "capture" },
    );
    expect(await sandbox.ended).toEqual({ code: 7, signal: null });
    expect(Buffer.from(sandbox.output().bytes).toString()).toBe("out\n");
    expect(sandbox.errors()).toBe("err\n");
    sandbox.kill(); // of something gone does nothing
    sandbox.suspend();
    sandbox.resume();
  });

  it("keeps the first MiB of output and the last 8 KiB of errors, and never holds the program up", async () => {
    const script = "head -c 3000000 /dev/zero; head -c 100000 /dev/zero >&2; echo end >&2";
    const sandbox = await startSandbox({ ...SPEC, command: ["sh", "-c", script] }, { streams: "capture" });
    expect(await sandbox.ended).toMatchObject({ code: 0 });
    expect(sandbox.output().bytes).toHaveLength(1024 * 1024);
    expect(sandbox.output().truncated).toBe(true);
    expect(sandbox.errors()).toHaveLength(8192);
    expect(sandbox.errors().endsWith("end\n")).toBe(true);
  });

  it("gives channels as descriptors 3 and up, both ways", async () => {
    const script = 'read -r line <&4; echo "got $line" >&3';
    const sandbox = await startSandbox(
      { ...SPEC, command: ["bash", "-c", script], channels: 2 },
      { streams: "ignore" },
    );
    expect(sandbox.channels).toHaveLength(2);
    const answer = new Promise<string>((resolve) => {
      sandbox.channels[0]?.onData((chunk) => resolve(Buffer.from(chunk).toString()));
    });
    const closed = new Promise<void>((resolve) => sandbox.channels[1]?.onClose(resolve));
    sandbox.channels[1]?.write(Buffer.from("word\n"));
    expect(await answer).toBe("got word\n");
    await closed;
    expect(await sandbox.ended).toMatchObject({ code: 0 });
  });

  it("hands on the streams it is given", async () => {
    const path = join(stage.folder, "stream");
    const fd = openSync(path, "w");
    const sandbox = await startSandbox(
      { ...SPEC, command: ["echo", "there"] },
      { streams: { stdin: fd, stdout: fd, stderr: fd } },
    );
    closeSync(fd);
    await sandbox.ended;
    expect(readFileSync(path, "utf8")).toBe("there\n");
    expect(sandbox.output().bytes).toHaveLength(0);
  });

  it("lays texts and folders where they belong, read-only inside a writable one", async () => {
    const mounts = [
      { kind: "text", inside: "/workspace/note", text: "as given" },
      { kind: "write", host: join(stage.folder, "workspace"), inside: "/workspace" },
      { kind: "tmpfs", inside: "/cache", bytes: 1 << 20 },
    ] as const;
    const script = "cat /workspace/note; touch /workspace/made /cache/made; echo x > /workspace/note";
    const sandbox = await startSandbox({ ...SPEC, mounts, command: ["sh", "-c", script] }, { streams: "capture" });
    await sandbox.ended;
    expect(Buffer.from(sandbox.output().bytes).toString()).toBe("as given");
    expect(sandbox.errors()).toContain("note: Read-only file system");
    expect(readFileSync(join(stage.folder, "workspace", "made"), "utf8")).toBe("");
  });

  it("says of a program that is not there that it ended", async () => {
    const sandbox = await startSandbox({ ...SPEC, command: ["/nowhere"] }, { streams: "ignore" });
    expect(await sandbox.ended).toEqual({ code: 1, signal: null });
    expect(sandbox.errors()).toContain("execvp /nowhere");
  });

  it("ends with the process that started it, killed without warning", async () => {
    const script = `
      import { startSandbox } from ${JSON.stringify(join(import.meta.dirname, "sandbox-process.ts"))};
      const spec = ${JSON.stringify({ ...SPEC, mounts: [], command: ["/usr/bin/sleep", "300"] })};
      const sandbox = await startSandbox(spec, { streams: "ignore" });
      console.log(sandbox.pid);`;
    const starter = spawn(stage.node, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    const pid = await new Promise<string>((resolve) =>
      starter.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString().trim())),
    );
    const [first = ""] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
    expect(readFileSync(`/proc/${first}/stat`, "utf8")).toContain("(bwrap)");
    // bubblewrap's first process asks to die with its parent beside the start of the program, a moment after the gate.
    await vi.waitFor(() => {
      const [program = ""] = readFileSync(`/proc/${first}/task/${first}/children`, "utf8").split(" ");
      expect(readFileSync(`/proc/${program}/stat`, "utf8")).toContain("(sleep)");
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    starter.kill("SIGKILL");
    await vi.waitFor(() => expect(isAlive(pid) || isAlive(first)).toBe(false), 60_000);
  });
});

function isAlive(pid: string): boolean {
  const result = spawnSync("cat", [`/proc/${pid}/stat`], { encoding: "utf8" });
  return result.status === 0 && !result.stdout.includes(") Z ");
}

describe("CONFINED-OR-NOT-AT-ALL", () => {
  const witness = join(stage.folder, "workspace", "ran");
  const touching = {
    ...SPEC,
    command: ["touch", "/workspace/ran"],
    mounts: [{ kind: "write", host: join(stage.folder, "workspace"), inside: "/workspace" }] as const,
  };
  const ran = (): boolean => spawnSync("rm", [witness]).status === 0;

  it("starts what can be confined", async () => {
    const sandbox = await startSandbox(touching, { streams: "ignore" });
    expect(await sandbox.ended).toMatchObject({ code: 0 });
    expect(ran()).toBe(true);
  });

  it("starts nothing without bubblewrap", async () => {
    const host = { ...readSandboxHost(), bubblewrap: "/nowhere/bwrap" };
    await expect(startSandbox(touching, { streams: "ignore", host })).rejects.toMatchObject({ name: "SandboxError" });
    expect(ran()).toBe(false);
  });

  it("starts nothing as root", async () => {
    vi.spyOn(process, "geteuid").mockReturnValue(0);
    await expect(startSandbox(touching, { streams: "ignore" })).rejects.toMatchObject({ code: "root" });
    expect(ran()).toBe(false);
  });

  it("starts nothing when a mount is missing, is a link or lies behind one", async () => {
    const real = join(stage.folder, "real");
    const link = join(stage.folder, "link");
    mkdirSync(join(real, "below"), { recursive: true });
    symlinkSync(real, link);
    const mounting = (host: string) =>
      startSandbox(
        { ...touching, mounts: [...touching.mounts, { kind: "read", host, inside: "/more" }] },
        { streams: "ignore" },
      );
    for (const host of [join(stage.folder, "absent"), link, join(link, "below")]) {
      await expect(mounting(host)).rejects.toMatchObject({ code: "mount" });
      expect(ran()).toBe(false);
    }
    await (
      await mounting(join(real, "below"))
    ).ended;
    expect(ran()).toBe(true);
  });

  it("starts nothing when the system's own folders cannot be mounted", async () => {
    const known = readSandboxHost();
    const host = { ...known, layout: { ...known.layout, folders: ["/absent-folder"] } };
    await expect(startSandbox(touching, { streams: "ignore", host })).rejects.toMatchObject({
      code: "mount",
      message: expect.stringContaining("absent-folder"),
    });
    expect(ran()).toBe(false);
  });

  it("starts nothing where user namespaces are off", async () => {
    // Inside an outer bubblewrap that switched them off.
    const script = `
      import { startSandbox } from ${JSON.stringify(join(import.meta.dirname, "sandbox-process.ts"))};
      await startSandbox(${JSON.stringify(touching)}, { streams: "ignore" }).then(
        () => console.log("started"),
        (error) => console.log(error.code, "|", error.hint));`;
    const outer = [
      "--unshare-user",
      "--disable-userns",
      "--dev-bind",
      "/",
      "/",
      "--proc",
      "/proc",
      stage.node,
      "--input-type=module",
      "-e",
      script,
    ];
    const result = spawnSync("bwrap", outer, { encoding: "utf8" });
    expect(result.stdout).toMatch(/^namespaces-off \| .*sysctl/);
    expect(ran()).toBe(false);
  });

  it("believes no bubblewrap that says nothing, says nonsense, or ends", async () => {
    const scripts = {
      silent: "exit 0",
      nonsense: "for fd in 4 5 6; do echo nonsense >&$fd; done 2>/dev/null; exec sleep 5",
      "no-pid": "for fd in 4 5 6; do echo '{}' >&$fd; done 2>/dev/null; exec sleep 5",
      dying: `echo "{\\"child-pid\\": $$, \\"pid-namespace\\": 1}" >&5; exit 0`,
    };
    for (const [name, script] of Object.entries(scripts)) {
      await expect(startSandbox(TRUE, { streams: "ignore", host: pretender(name, script) })).rejects.toMatchObject({
        name: "SandboxError",
      });
    }
  });

  it("leaves no process and no descriptor behind after ninety starts, most of which fail", async () => {
    const count = () => spawnSync("ls", [`/proc/${process.pid}/fd`], { encoding: "utf8" }).stdout.split("\n").length;
    const round = async () => {
      await (
        await startSandbox(TRUE, { streams: "ignore" })
      ).ended;
      await startSandbox(
        { ...TRUE, mounts: [{ kind: "read", host: "/absent", inside: "/x" }] },
        { streams: "ignore" },
      ).catch(() => {});
      const host = pretender("fails", "exit 1");
      await startSandbox(TRUE, { streams: "ignore", host }).catch(() => {});
    };
    await round();
    const before = count();
    for (let index = 0; index < 30; index++) await round();
    // The last sockets close a turn of the event loop later.
    await vi.waitFor(() => expect(count()).toBeLessThanOrEqual(before), 60_000);
  });
});

describe("probeSystem", () => {
  it("reports what this machine has and proves it by a start", async () => {
    const report = await probeSystem(stage);
    expect(report.trial).toEqual({ works: true });
    expect(report.bubblewrap?.version).toMatch(/^[0-9]+\.[0-9]+/);
    expect(report.bubblewrap?.missing).toEqual([]);
    expect(report.seccomp).toBe(true);
    expect(report.userNamespaces).toBeGreaterThan(0);
    expect(report.landlock).toBeGreaterThanOrEqual(2);
    expect(report.notification).toBe(true);
    expect(report.agentTrial).toEqual({ works: true });
  });

  it("says why when sandboxes cannot be started", async () => {
    vi.spyOn(process, "geteuid").mockReturnValue(0);
    expect((await probeSystem(stage)).trial).toMatchObject({ works: false, code: "root", hint: expect.any(String) });
  });
});
