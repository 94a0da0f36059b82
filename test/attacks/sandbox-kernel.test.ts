import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CALLS } from "../../src/sandbox/syscalls.ts";
import type { CallName } from "../../src/sandbox/syscalls.ts";
import { TERMINAL_CALLS } from "../../src/sandbox/seccomp.ts";
import { harmlessSpec, setStage } from "./sandbox-stage.ts";
import type { Report } from "./sandbox-stage.ts";
import type { WardNews } from "../../src/platform/sandbox/supervisor-link.ts";

const stage = setStage();
const WORKSPACE = join(stage.folder, "workspace");
const ARCH = process.arch === "arm64" ? "arm64" : "x64";
/** Exit code of a process that SIGSYS ended. */
const KILLED = 128 + 31;
const EPERM = 1;
const EINVAL = 22;
const ENOSYS = 38;
const EPROTONOSUPPORT = 93;

afterAll(() => stage.remove());

const numberOf = (name: CallName): string => String(CALLS[name][ARCH]);
/** Three programs down. */
const deep = (...words: readonly string[]): Promise<Report> => stage.deepInside(words, () => {});
const deepCall = (name: CallName, ...values: readonly number[]): Promise<Report> =>
  deep("call", numberOf(name), ...values.map(String));
const outsideCall = (name: CallName, ...values: readonly number[]): Report =>
  stage.outside(["call", numberOf(name), ...values.map(String)]);

describe("TERMINAL: a call that no honest program makes ends the sandbox", () => {
  const present = TERMINAL_CALLS.filter((name) => CALLS[name][ARCH] !== null);

  it.each(present)("%s, three programs down", async (name) => {
    expect(outsideCall(name, -1, 0).code).toBe(0); // whatever the kernel answers there, it lives
    const news: WardNews[] = [];
    const report = await stage.deepInside(["call", numberOf(name), "-1", "0"], (each) => news.push(each));
    // Not one of them lived to say a word, the caller's parents neither.
    expect(report).toMatchObject({ done: null, code: expect.toBeOneOf([null, 137]) });
    const [terminal] = news.filter(({ event }) => event === "terminal");
    expect(terminal).toMatchObject({ call: name, program: "/aios/node", pid: expect.any(Number) });
  });

  it("and a harmless one three programs down does not", async () => {
    const news: WardNews[] = [];
    const getpid = ARCH === "arm64" ? "172" : "39";
    expect(await stage.deepInside(["call", getpid], (each) => news.push(each))).toMatchObject({ done: true, code: 0 });
    expect(news.map(({ event }) => event)).not.toContain("terminal");
  });

  it("in other roles it ends the process alone, which has nobody who could ask", async () => {
    const exec = { role: "exec" } as const;
    expect(await stage.inside(["call", numberOf("setns"), "-1", "0"], exec)).toMatchObject({ code: KILLED });
  });

  describe.runIf(ARCH === "x64")("through a foreign door it ends the process, and that is told", () => {
    it.each([
      ["x32", ["call", String(0x4000_0000 + 39)]],
      ["x32", ["call", "-1"]],
      ["another architecture", ["int80"]],
    ] as const)("%s: %j", async (door, words) => {
      expect(stage.outside(words).done).not.toBe(null);
      const news: WardNews[] = [];
      const report = await stage.deepInside(words, (each) => news.push(each));
      // The shell that started it says so.
      expect(report).toMatchObject({ done: null, errors: expect.stringContaining("Killed") });
      const told = news.flatMap((each) => (each.event === "refused" ? each.examples : []));
      expect(told).toContainEqual({ call: door, program: "/aios/node", pid: expect.any(Number) });
      expect(news.map(({ event }) => event)).not.toContain("terminal");
      expect(await stage.inside(words, { role: "exec" })).toMatchObject({ done: null, code: KILLED });
    });

    it("and a call by its own does not", async () => {
      expect((await stage.inside(["call", "39"])).done).toBe(true);
    });
  });
});

/** Not every processor of arm64 has the 32 bits: where a program of them does not run outside either, there is no such door. */
const HAS_32_BITS = ARCH === "arm64" && stage.outside(["arm32", stage.folder]).done === true;

describe.runIf(HAS_32_BITS)("through the door of 32 bits, which arm64 has for programs that were built for it", () => {
  it("a process is ended at its first call, and that is told", async () => {
    const news: WardNews[] = [];
    const report = await stage.deepInside(["arm32"], (each) => news.push(each));
    expect(report).toMatchObject({ done: false, detail: "SIGKILL" });
    const told = news.flatMap((each) => (each.event === "refused" ? each.examples : []));
    expect(told).toContainEqual({ call: "another architecture", program: "/tmp/arm32", pid: expect.any(Number) });
    expect(news.map(({ event }) => event)).not.toContain("terminal");
  });

  it("in other roles the kernel ends it", async () => {
    expect(await stage.inside(["arm32"], { role: "exec" })).toMatchObject({ done: false, detail: "SIGSYS" });
  });
});

describe("a call that honest programs try too is refused, three programs down", () => {
  it("ptrace of a child", async () => {
    expect(stage.outside(["ptrace"]).done).toBe(true);
    expect(await deep("ptrace")).toMatchObject({ done: false, detail: EPERM });
  });

  it("io_uring", async () => {
    expect(outsideCall("io_uring_setup", 0, 0).detail).not.toBe(EPERM);
    expect(await deepCall("io_uring_setup", 0, 0)).toMatchObject({ done: false, detail: EPERM });
  });

  it.each([
    ["userfaultfd", [-1]],
    ["process_vm_readv", [0, 0, 0, -1]],
    ["kcmp", [0, 0, -1]],
    ["pidfd_getfd", [-1, 0, 0]],
    ["add_key", [0, 0, 0, 0, 0]],
    ["keyctl", [0x7fff]],
  ] as const)("%s", async (name, values) => {
    // Outside the kernel looks at the arguments, which are nonsense, and says so.
    expect(outsideCall(name, ...values).detail).not.toBe(EPERM);
    expect(await deepCall(name, ...values)).toMatchObject({ done: false, detail: EPERM });
  });

  it("clone3, whose flags cannot be read, does not exist", async () => {
    expect(outsideCall("clone3", 0, 0).detail).toBe(EINVAL);
    expect((await deepCall("clone3", 0, 0)).detail).toBe(ENOSYS);
  });

  it("a new user namespace", async () => {
    expect(stage.outside(["namespaces"]).done).toBe(true);
    expect((await deep("namespaces")).done).toBe(false);
  });

  it("a mount in a new namespace", async () => {
    expect(stage.outside(["namespace-mount", WORKSPACE]).done).toBe(true);
    expect((await deep("namespace-mount", "/tmp")).done).toBe(false);
  });

  it("raw packets, vsock and kernel crypto, while TCP is there", async () => {
    for (const family of [17, 38, 40]) {
      expect(await deepCall("socket", family, 3, 0)).toMatchObject({ done: false, detail: EPERM });
    }
    expect(outsideCall("socket", 38, 5, 0).detail).not.toBe(EPERM);
    expect((await deepCall("socket", 2, 1, 0)).done).toBe(true);
  });

  // Go asks for MPTCP before it listens; of others a kernel loads the module for whoever asks first, which is nobody's in here.
  it("protocols of the internet but TCP, UDP and ICMP do not exist, and that is no refusal", async () => {
    const [mptcp, udplite] = [262, 136];
    const noted = (hear: (news: WardNews) => void): Promise<Report> =>
      stage.deepInside(["call", numberOf("socket"), "2", "1", String(mptcp)], hear);
    const outside = [outsideCall("socket", 2, 1, mptcp), outsideCall("socket", 10, 2, udplite)];
    expect(outside.map(({ done }) => done)).toContain(true);
    const news: WardNews[] = [];
    expect(await noted((each) => news.push(each))).toMatchObject({ done: false, detail: EPROTONOSUPPORT });
    const told = news.flatMap((each) => (each.event === "refused" ? Object.keys(each.calls) : []));
    expect(told).not.toContain("socket");
    for (const protocol of [udplite, 132, 33, 256, 115])
      expect(await deepCall("socket", 10, 2, protocol)).toMatchObject({ done: false, detail: EPROTONOSUPPORT });
    for (const [family, kind, protocol] of [
      [2, 1, 6],
      [10, 1, 0],
      [2, 2, 17],
    ] as const)
      expect((await deepCall("socket", family, kind, protocol)).done).toBe(true);
  });

  it("typing into a terminal, even one's own", async () => {
    // On a kernel with dev.tty.legacy_tiocsti=0 it fails outside as well, with EIO.
    const outside = stage.outside(["tiocsti"]);
    expect(outside.done || outside.detail === 5).toBe(true);
    expect(await stage.inside(["tiocsti"])).toMatchObject({ done: false, detail: EPERM });
  });

  it("the terminal of whoever started it", async () => {
    expect(await stage.inside(["terminal-device"])).toMatchObject({ done: false, detail: "ENXIO" });
  });
});

describe("the confinement of the sandbox's first process", () => {
  it("is the same as the program's: nothing is gained by taking it over", async () => {
    for (const pid of ["1", "self"]) {
      const status = String((await stage.inside(["status", pid])).detail);
      for (const line of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
        expect(status).toContain(`${line}:\t0000000000000000`);
      }
      expect(status).toContain("NoNewPrivs:\t1");
      expect(status).toContain("Seccomp:\t2");
    }
  });
});

describe("writing outside the workspace", () => {
  const workspace = (kind: "read" | "write") => ({
    mounts: [...harmlessSpec(stage).mounts, { kind, host: WORKSPACE, inside: "/workspace" }] as const,
  });

  it("a writable workspace takes files, and they are the user's outside", async () => {
    expect((await stage.inside(["write", "/workspace/made"], workspace("write"))).done).toBe(true);
    expect(statSync(join(WORKSPACE, "made")).uid).toBe(process.getuid?.());
  });

  it("a read-only workspace does not", async () => {
    expect(await stage.inside(["write", "/workspace/refused"], workspace("read"))).toMatchObject({
      done: false,
      detail: [["/workspace/refused", "EROFS"]],
    });
    expect(existsSync(join(WORKSPACE, "refused"))).toBe(false);
  });

  it("and nothing else is writable but the private folders", async () => {
    expect((await stage.inside(["write", "/tmp/x", "/home/agent/x", "/dev/shm/x"])).detail).toEqual([
      ["/tmp/x", "ok"],
      ["/home/agent/x", "ok"],
      ["/dev/shm/x", "ok"],
    ]);
    const places = ["/x", "/etc/x", "/usr/x", "/usr/bin/env", "/dev/x", "/home/x", "/aios/x", "/aios/attacker.ts"];
    const kernel = ["/proc/sys/kernel/threads-max", "/proc/sys/vm/swappiness"];
    const report = await stage.inside(["write", ...places, ...kernel]);
    expect(report.detail).toEqual([
      ...places.map((path) => [path, "EROFS"]),
      ...kernel.map((path) => [path, expect.stringMatching(/^(EACCES|EROFS)$/)]),
    ]);
  });

  it("a file that would carry the user's identity out is not made", async () => {
    expect(stage.outside(["set-id", join(WORKSPACE, "outside")]).detail).toEqual(["ok", "ok", "ok"]);
    const report = await stage.inside(["set-id", "/workspace/inside"], workspace("write"));
    expect(report.detail).toEqual(["ok", "EPERM", "EPERM"]);
    expect(statSync(join(WORKSPACE, "inside")).mode & 0o7777).toBe(0o755);
  });
});

describe("files that the host shows", () => {
  const fresh = "/tmp/aios-fresh";
  const spied = ["spy", "/usr/bin", "true", fresh];

  it("tell nobody inside who reads them, while changes are heard of", async () => {
    expect(stage.outside([...spied.slice(0, 3), join(WORKSPACE, "fresh")])).toMatchObject({
      done: true,
      detail: expect.arrayContaining(["read true", "made fresh"]),
    });
    const news: WardNews[] = [];
    const inside = await stage.inside(spied, {}, (each) => news.push(each));
    expect(inside).toMatchObject({ done: false, code: 0 });
    expect(inside.detail).toContain("made aios-fresh");
    expect(JSON.stringify(news)).not.toContain("inotify");
    // By a relative path, and from three programs down.
    expect(await deep("spy", "../../usr/bin", "true", fresh)).toMatchObject({ done: false, detail: inside.detail });
    // Where no supervisor makes the watch, there is none.
    expect(await stage.inside(spied, { role: "exec" })).toMatchObject({ done: false, detail: EPERM });
  });

  it("are leased to nobody inside, whoever else opens them is not held up", async () => {
    expect(stage.outside(["lease", join(WORKSPACE, "leased")])).toMatchObject({ done: true, detail: [0, 0] });
    expect(await stage.inside(["lease", "/tmp/leased"])).toMatchObject({ done: false, detail: [EPERM, EPERM] });
    expect(await deep("lease", "/tmp/leased")).toMatchObject({ done: false, detail: [EPERM, EPERM] });
    expect(await stage.inside(["lease", "/tmp/leased"], { role: "exec" })).toMatchObject({ detail: [EPERM, EPERM] });
  });
});
