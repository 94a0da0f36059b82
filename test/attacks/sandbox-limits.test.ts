import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { listMembers } from "../../src/platform/sandbox/sandbox-members.ts";
import type { StartedSandbox } from "../../src/platform/sandbox/sandbox-process.ts";
import type { SandboxSpec } from "../../src/sandbox/spec.ts";
import { harmlessSpec, setStage } from "./sandbox-stage.ts";
import { readFileSync, readlinkSync } from "node:fs";

const stage = setStage();
const MIB = 1 << 20;
const ARCH = process.arch === "arm64" ? "arm64" : "x64";

afterAll(() => stage.remove());

const limited = (limits: Partial<SandboxSpec["limits"]>): Partial<SandboxSpec> => ({
  limits: { ...harmlessSpec(stage).limits, ...limits },
});

/** Inode of the pid namespace that bubblewrap's child is in. */
function namespaceOf(sandbox: StartedSandbox): number {
  const children = readFileSync(`/proc/${sandbox.pid}/task/${sandbox.pid}/children`, "utf8").trim();
  return Number(/[0-9]+/.exec(readlinkSync(`/proc/${children}/ns/pid`))?.[0]);
}

function stateOf(pid: number): string {
  try {
    return /\) (.) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? "";
  } catch {
    return "Z"; // gone since it was listed
  }
}

/** Processes of the namespace that still run. The first one may be waiting, dead, for whoever reaps on this machine. */
const alive = (namespace: number): readonly number[] => listMembers(namespace).filter((pid) => stateOf(pid) !== "Z");

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Forks without end, each fork in a session of its own so that no process group holds them. Bounded by the limit. */
const STORM = "while :; do setsid sh -c 'setsid sleep 60 & sleep 0.01' 2>/dev/null & wait -n 2>/dev/null; done";

/** A storm that has grown over this many processes. */
async function startStorm(processes: number, over: number): Promise<{ sandbox: StartedSandbox; namespace: number }> {
  const sandbox = await stage.start(["/bin/bash", "-c", STORM], limited({ processes }));
  const namespace = namespaceOf(sandbox);
  await vi.waitUntil(() => alive(namespace).length > over, { timeout: 60_000 });
  return { sandbox, namespace };
}

describe("limits", () => {
  it("are what the specification says, hard, before anything runs", async () => {
    const report = await stage.inside(["limits"], limited({ processes: 77, openFiles: 99, fileBytes: 5 * MIB }));
    const line = (name: string): string => new RegExp(`^${name} .*$`, "m").exec(String(report.detail))?.[0] ?? "";
    expect(line("Max processes")).toMatch(/ 77 +77 /);
    expect(line("Max open files")).toMatch(/ 99 +99 /);
    expect(line("Max file size")).toMatch(/ 5242880 +5242880 /);
    expect(line("Max core file size")).toMatch(/ 0 +0 /);
    expect(line("Max data size")).toMatch(new RegExp(` ${1536 * MIB} +${1536 * MIB} `));
  });

  // The kernel counts descriptors under way over all processes of a user, and refuses whoever's own limit is below that.
  it("of one agent's files keep no other from starting, however many descriptors it leaves under way", async () => {
    const command = ["/aios/node", "--disable-warning=ExperimentalWarning", "/aios/attacker.ts", "in-flight", "60000"];
    const hog = await stage.start(command, limited({ openFiles: 4096 }));
    try {
      await vi.waitUntil(() => hog.output().bytes.length > 0, { timeout: 60_000 });
      const { detail } = JSON.parse(Buffer.from(hog.output().bytes).toString()) as { detail: number };
      expect(detail).toBeGreaterThanOrEqual(4096);
      const other = await stage.inside(["limits"], limited({ openFiles: 99 }));
      expect(String(other.detail)).toMatch(/^Max open files +99 +99 /m);
    } finally {
      hog.kill();
      await hog.ended;
    }
  });

  // What lies in a socket is in no process: without a cgroup nobody counts it.
  it("of files bound what lies in the buffers of sockets, which no program makes larger", async () => {
    const fill = [
      "import json, resource, socket",
      "held = [resource.getrlimit(resource.RLIMIT_NOFILE)[1]]",
      "pairs = [socket.socketpair() for _ in range(8)]",
      "for end in [end for pair in pairs for end in pair]:",
      "    end.setblocking(False)",
      "    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)",
      "    size = 0",
      "    try:",
      "        while True: size += end.send(b'x' * 65536)",
      "    except BlockingIOError: held.append(size)",
      "print(json.dumps(held))",
    ].join("\n");
    const filler = await stage.start(["python3", "-c", fill], limited({ openFiles: 64 }));
    expect(await filler.ended).toMatchObject({ code: 0 });
    const [files, ...sizes] = JSON.parse(Buffer.from(filler.output().bytes).toString()) as readonly number[];
    expect([files, sizes.length]).toEqual([64, 16]);
    const given = Number(readFileSync("/proc/sys/net/core/wmem_default", "utf8"));
    // One more message is taken while there is room for any of it.
    for (const size of sizes) expect(size).toBeLessThan(given + 65_536);
    for (const size of sizes) expect(size).toBeGreaterThan(65_536);
  });

  it("leave signals and timers to the other processes of the user", async () => {
    expect(stage.outside(["timers", "5000"])).toMatchObject({ done: true });
    const inside = await stage.inside(["timers", "5000"]);
    expect(inside.done).toBe(false);
    expect(inside.detail).toBeGreaterThan(1000);
    expect(inside.detail).toBeLessThanOrEqual(4096);
  });

  it("let thirty programs run side by side under a limit of 64, and not a hundred", async () => {
    expect((await stage.inside(["forks", "30"], limited({ processes: 64 }))).done).toBe(true);
    expect((await stage.inside(["forks", "100"], limited({ processes: 64 }))).done).not.toBe(true);
  });

  it("count the processes of one sandbox, not of its neighbours", async () => {
    const neighbour = await stage.start(
      ["/bin/bash", "-c", "for i in {1..50}; do sleep 60 & done; wait"],
      limited({ processes: 64 }),
    );
    try {
      expect((await stage.inside(["forks", "30"], limited({ processes: 64 }))).done).toBe(true);
    } finally {
      neighbour.kill();
      await neighbour.ended;
    }
  });

  it("hold a fork bomb, and killing it leaves nothing", async () => {
    const check = await stage.inside(["limits"], limited({ processes: 40 }));
    expect(String(check.detail)).toMatch(/Max processes +40 +40 /); // looked at before the bomb, not after
    const { sandbox, namespace } = await startStorm(40, 20);
    await pause(300);
    expect(alive(namespace).length).toBeLessThanOrEqual(40);
    sandbox.kill();
    expect(await sandbox.ended).toEqual({ code: null, signal: "SIGKILL" });
    expect(alive(namespace)).toEqual([]);
  });

  it("let 200 MiB of memory be used under a bound of 512 MiB", async () => {
    expect((await stage.inside(["fill-private", String(200 * MIB)])).done).toBe(true);
    expect((await stage.inside(["fill-shared", String(200 * MIB)])).done).toBe(true);
  });

  it("end a sandbox that fills memory, its own or shared", async () => {
    const bound = limited({ memoryBytes: 256 * MIB });
    expect(await stage.inside(["fill-private", String(1024 * MIB)], bound)).toMatchObject({ done: null });
    expect(await stage.inside(["fill-shared", String(2048 * MIB)], bound)).toMatchObject({ done: null, code: null });
  });

  it("end a sandbox that fills memory with files that nothing maps, or after it closed itself to looks", async () => {
    const bound = limited({ memoryBytes: 256 * MIB });
    const within = String(64 * MIB);
    const over = String(400 * MIB);
    expect((await stage.inside(["fill-files", within], bound)).done).toBe(true);
    expect(await stage.inside(["fill-files", over], bound)).toMatchObject({ done: null, code: null });
    expect((await stage.inside(["fill-closed", "files", within], bound)).done).toBe(true);
    for (const kind of ["private", "files"]) {
      expect(await stage.inside(["fill-closed", kind, over], bound)).toMatchObject({ done: null, code: null });
    }
  });

  // A program that may not be read is closed from its start, whatever it calls.
  it("take what the machine shares more for a sandbox's when a program in it may not be read", async () => {
    const bound = limited({ memoryBytes: 128 * MIB });
    const create = { x64: 319, arm64: 279 }[ARCH]; // memfd_create
    const fill = (mib: number): Promise<{ readonly code: number | null }> => {
      const program = `my $name = "kept"; for my $n (1..${mib}) { my $fd = syscall(${create}, $name, 0); open(my $file, ">&=", $fd) or die; push @kept, $file; syswrite($file, "x" x 1048576) == 1048576 or die } sleep 2`;
      const script = `cp /usr/bin/perl /tmp/closed && chmod 0111 /tmp/closed && exec /tmp/closed -e '${program}'`;
      return stage.start(["/bin/sh", "-c", script], bound).then(({ ended }) => ended);
    };
    // No twin: on a machine on which others fill memory too, such a program is ended within its bound as well.
    expect(await fill(400)).toEqual({ code: null, signal: "SIGKILL" });
  });

  it("bound what System V keeps of memory in no process", async () => {
    expect(stage.outside(["system-v", "65537", "65"])).toMatchObject({ done: true });
    expect(await stage.inside(["system-v", "65536", "64"])).toMatchObject({ done: true });
    expect(await stage.inside(["system-v", "65537", "65"])).toMatchObject({ detail: [false, false] });
    expect(await stage.inside(["system-v", String(2 ** 32), "1"])).toMatchObject({ detail: [false, true] });
  });

  it("end what is in a sandbox before other programs when the machine has no memory left", async () => {
    expect(await stage.inside(["place-in-line"])).toMatchObject({ detail: "1000\n" });
  });

  it("end a sandbox whose processes fill memory together, each within bounds", async () => {
    const half = `/aios/node /aios/attacker.ts fill-private ${160 * MIB}`;
    const hold = `/aios/node -e "const kept = Buffer.alloc(${160 * MIB}, 1); setTimeout(() => kept[0], 10000)"`;
    const bound = limited({ memoryBytes: 384 * MIB });
    const one = await stage.start(["/bin/sh", "-c", half], bound);
    expect(await one.ended).toMatchObject({ code: 0 });
    const three = await stage.start(["/bin/sh", "-c", `${hold} & ${hold} & ${hold} & wait`], bound);
    expect(await three.ended).toEqual({ code: null, signal: "SIGKILL" });
  });

  it("hold private folders to their size", async () => {
    const bound = limited({ memoryBytes: 512 * MIB }); // an eighth for each
    for (const folder of ["/tmp", "/home/agent", "/dev/shm"]) {
      expect((await stage.inside(["fill-folder", folder, String(32 * MIB)], bound)).done).toBe(true);
      const full = await stage.inside(["fill-folder", folder, String(128 * MIB)], bound);
      expect(full).toMatchObject({ done: false, detail: { result: "ENOSPC", taken: 64 * MIB } });
    }
  });

  it("hold a file on the user's disk to its size", async () => {
    const mounts = [
      ...harmlessSpec(stage).mounts,
      { kind: "write", host: join(stage.folder, "workspace"), inside: "/workspace" },
    ] as const;
    const changes = { mounts, ...limited({ fileBytes: MIB }) };
    expect((await stage.inside(["large-file", "/workspace/a", String(MIB)], changes)).done).toBe(true);
    expect((await stage.inside(["large-file", "/workspace/b", String(2 * MIB)], changes)).done).not.toBe(true);
  });
});

describe("stopping", () => {
  it("suspends every process of a storm and lets it go on", async () => {
    const { sandbox, namespace } = await startStorm(60, 20);
    sandbox.suspend();
    const running = (): readonly number[] => alive(namespace).filter((pid) => !"Tt".includes(stateOf(pid)));
    // The signal is sent to each when the call returns; one that runs on another processor stands still a moment later.
    await expect.poll(running, { interval: 5 }).toEqual([]);
    const stopped = alive(namespace);
    expect(stopped.length).toBeGreaterThan(5);
    await pause(200);
    expect(alive(namespace)).toEqual(stopped);
    expect(running()).toEqual([]);
    sandbox.resume();
    await pause(100);
    expect(running().length).toBeGreaterThan(0);
    sandbox.suspend();
    sandbox.kill(); // a stopped sandbox ends too
    await sandbox.ended;
    expect(alive(namespace)).toEqual([]);
  });

  it("ends what the program left running in the background", async () => {
    const sandbox = await stage.start(["/bin/sh", "-c", "setsid sleep 300 & sleep 0.6"]);
    const namespace = namespaceOf(sandbox);
    await pause(200);
    expect(alive(namespace).length).toBeGreaterThan(1);
    expect(await sandbox.ended).toMatchObject({ code: 0 });
    expect(alive(namespace)).toEqual([]);
  });

  it("ends a storm of 200 at once", async () => {
    const { sandbox, namespace } = await startStorm(200, 100);
    sandbox.kill();
    await sandbox.ended; // within 500 ms, which is measured in bench/, on an idle machine
    expect(alive(namespace)).toEqual([]);
  });
});
