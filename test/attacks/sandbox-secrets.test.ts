import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bindFunction } from "../../src/platform/libc.ts";
import { CALLS } from "../../src/sandbox/syscalls.ts";
import { backwards, harmlessSpec, setStage } from "./sandbox-stage.ts";

const stage = setStage();
const ARCH = process.arch === "arm64" ? "arm64" : "x64";
const CANARY = `canary-${Math.random().toString(36).slice(2)}`;
const BACKWARDS = backwards(CANARY);
const SECRET_FILE = join(stage.folder, "home", ".ssh", "id_ed25519");
const ENGINE_SOCKET = join(stage.folder, "docker.sock");

let neighbour: ChildProcess;
const servers: Server[] = [];
let port = 0;

function listen(address: { path: string } | { port: number; host: string }): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    servers.push(server.on("error", reject));
    server.listen(address, () => resolve(server));
  });
}

beforeAll(async () => {
  mkdirSync(join(stage.folder, "home", ".ssh"), { recursive: true });
  writeFileSync(SECRET_FILE, CANARY);
  // Another program of the same user, with a secret in its environment and thereby in its memory.
  neighbour = spawn("/usr/bin/sleep", ["300"], { env: { TOKEN: CANARY } });
  await listen({ path: ENGINE_SOCKET });
  await listen({ path: `\0${CANARY}` });
  const tcp = (await listen({ port: 0, host: "127.0.0.1" })).address();
  port = typeof tcp === "object" && tcp !== null ? tcp.port : 0;
});

afterAll(() => {
  neighbour.kill("SIGKILL");
  for (const server of servers) server.close();
  stage.remove();
});

describe("NO-AMBIENT: what the user has, a sandbox has not", () => {
  it("runs a harmless program", async () => {
    expect(await stage.inside(["nothing"])).toEqual({ done: true, detail: 1000, code: 0, errors: "" });
  });

  it.each(["agent", "face", "driver", "exec"] as const)("runs Node as %s", async (role) => {
    expect((await stage.inside(["nothing"], { role })).done).toBe(true);
  });

  it("files of the user's home", async () => {
    expect(stage.outside(["read", SECRET_FILE]).done).toBe(true);
    expect(await stage.inside(["read", SECRET_FILE])).toMatchObject({ done: false, detail: "ENOENT" });
  });

  it("but a file that was mounted for it", async () => {
    const mounts = [...harmlessSpec(stage).mounts, { kind: "read", host: SECRET_FILE, inside: "/given" }] as const;
    expect((await stage.inside(["read", "/given"], { mounts })).done).toBe(true);
  });

  it("the environment", async () => {
    expect(stage.outside(["environment", BACKWARDS], { TOKEN: CANARY }).done).toBe(true);
    process.env["AIOS_TEST_TOKEN"] = CANARY;
    const report = await stage.inside(["environment", BACKWARDS]);
    expect(report).toMatchObject({ done: false, detail: ["HOME", "PATH", "PWD"] });
  });

  it("the environment of any process, bubblewrap's own first", async () => {
    expect(stage.outside(["environs", BACKWARDS]).done).toBe(true);
    // It sees bubblewrap's first process and nothing else.
    expect(await stage.inside(["environs", BACKWARDS])).toMatchObject({ done: false, detail: 1 });
  });

  it("the memory of any process", async () => {
    expect(stage.outside(["memory", BACKWARDS]).done).toBe(true);
    expect((await stage.inside(["memory", BACKWARDS])).done).toBe(false);
  });

  it("paths of the host on a command line", async () => {
    expect(stage.outside(["command-lines", backwards(stage.folder)]).done).toBe(true);
    expect((await stage.inside(["command-lines", backwards(stage.folder)])).done).toBe(false);
  });

  it("a descriptor that this process was born with or leaked", async () => {
    const leak = bindFunction<[string, number]>("int open(const char *path, int flags)");
    expect(leak(SECRET_FILE, 0)).toBeGreaterThan(2); // without O_CLOEXEC
    const leaked = await new Promise<string>((resolve) => {
      const child = spawn("/usr/bin/ls", ["-l", "/proc/self/fd"]);
      let text = "";
      child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
      child.on("close", () => resolve(text));
    });
    expect(leaked).toContain("id_ed25519");
    expect((await stage.inside(["descriptors", "id_ed25519"])).done).toBe(false);
  });

  it("a descriptor on the host's folders, even those that were mounted", async () => {
    openSync(stage.folder, "r");
    const started = await stage.start(["/bin/sh", "-c", "for f in /proc/$$/fd/*; do readlink $f; done"]);
    await started.ended;
    const links = Buffer.from(started.output().bytes).toString().trim().split("\n");
    expect(links.filter((link) => !link.startsWith("socket:"))).toEqual(["/dev/null"]);
  });
});

describe("NO-AMBIENT: whom the user reaches, a sandbox reaches not", () => {
  it("a unix socket by path, such as a container engine's", async () => {
    expect(stage.outside(["unix-socket", ENGINE_SOCKET]).done).toBe(true);
    expect(await stage.inside(["unix-socket", ENGINE_SOCKET])).toMatchObject({ done: false, detail: "ENOENT" });
  });

  it("not even when someone asks to mount it", async () => {
    const mounts = [
      ...harmlessSpec(stage).mounts,
      { kind: "read", host: ENGINE_SOCKET, inside: "/run/docker.sock" },
    ] as const;
    await expect(stage.inside(["nothing"], { mounts })).rejects.toMatchObject({ code: "mount" });
  });

  it("an abstract unix socket", async () => {
    expect(stage.outside(["abstract-socket", CANARY]).done).toBe(true);
    expect(await stage.inside(["abstract-socket", CANARY])).toMatchObject({ done: false, detail: "ECONNREFUSED" });
  });

  it("an abstract unix socket from a connector, which shares the network namespace", async () => {
    const connector = { role: "connector", network: "host" } as const;
    expect(await stage.inside(["abstract-socket", CANARY], connector)).toMatchObject({ done: false, detail: "EPERM" });
  });

  it("a service on the host's loopback; only a connector does", async () => {
    expect(stage.outside(["tcp", String(port)]).done).toBe(true);
    expect((await stage.inside(["tcp", String(port)], { role: "connector", network: "host" })).done).toBe(true);
    expect(await stage.inside(["tcp", String(port)])).toMatchObject({ done: false, detail: "ECONNREFUSED" });
  });

  it("any network interface but its own loopback", async () => {
    expect(await stage.inside(["interfaces"])).toMatchObject({ done: false, detail: ["lo"] });
    expect(await stage.inside(["udp", "192.0.2.1"])).toMatchObject({ done: false, detail: "ENETUNREACH" });
  });
});

// Names of keys are names of accounts and servers: a ticket of Kerberos, a share of the network, an encrypted folder.
describe.runIf(existsSync("/proc/keys"))("keys that the kernel keeps for the user", () => {
  const LOOK = [
    "for name in ('keys', 'key-users'):",
    "    try: print(open('/proc/' + name).read())",
    "    except PermissionError: print('closed')",
  ].join("\n");

  it("have names, which nobody reads inside", async () => {
    const { add_key, keyctl } = CALLS;
    // Into the keyring of the user, for a minute.
    const add = [
      "import ctypes",
      "libc = ctypes.CDLL(None)",
      `key = libc.syscall(${add_key[ARCH]}, b'user', b'${CANARY}', b'value', ctypes.c_size_t(5), -4)`,
      `libc.syscall(${keyctl[ARCH]}, 15, key, 60)`,
      LOOK,
    ].join("\n");
    const outside = spawnSync("python3", ["-c", add], { encoding: "utf8" });
    expect(outside.stdout).toContain(CANARY);
    for (const role of ["agent", "exec"] as const) {
      const inside = await stage.start(["python3", "-c", LOOK], { role });
      expect(await inside.ended).toMatchObject({ code: 0 });
      expect(Buffer.from(inside.output().bytes).toString()).toBe("closed\nclosed\n");
    }
  });
});
