import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import type { Channel } from "../powers.ts";
import type { Peer } from "./peer-credentials.ts";
import { connectUnix, listenUnix, type UnixServer } from "./unix-server.ts";

const isRoot = process.geteuid?.() === 0;
let folder: string;
let server: UnixServer | null;

beforeEach(() => {
  folder = makeTemporaryFolder();
  server = null;
});
afterEach(() => server?.close());

const ignore = (channel: Channel): void => channel.destroy();

describe("listening", () => {
  it("hands a connection over with the user, group and process at its other end", async () => {
    const path = join(folder, "s");
    const met = new Promise<{ channel: Channel; peer: Peer }>((resolve) => {
      void listenUnix(path, {
        mode: 0o600,
        stale: "refuse",
        onChannel: (channel, peer) => resolve({ channel, peer }),
      }).then(async (made) => {
        server = made;
        const near = await connectUnix(path);
        near.write(Buffer.from("ping"));
      });
    });
    const { channel, peer } = await met;
    expect(peer).toEqual({ uid: process.geteuid?.(), gid: process.getegid?.(), pid: process.pid });
    const bytes = await new Promise<Uint8Array>((resolve) => channel.onData(resolve));
    expect(Buffer.from(bytes).toString()).toBe("ping");
    channel.destroy();
  });

  it("gives the socket the mode that was asked for and removes it at the end", async () => {
    const path = join(folder, "s");
    server = await listenUnix(path, { mode: 0o600, stale: "refuse", onChannel: ignore });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    server.close();
    server = null;
    expect(existsSync(path)).toBe(false);
  });

  it("works with a path far longer than a socket address", async () => {
    const deep = join(folder, "with a space", "a".repeat(100), "b".repeat(100));
    mkdirSync(deep, { recursive: true, mode: 0o700 });
    const path = join(deep, "s");
    let accepted = 0;
    server = await listenUnix(path, {
      mode: 0o600,
      stale: "refuse",
      onChannel: (channel) => (accepted++, channel.destroy()),
    });
    const channel = await connectUnix(path);
    channel.onData(() => undefined);
    await new Promise<void>((resolve) => channel.onClose(resolve));
    expect(accepted).toBe(1);
  });

  it.each([0o750, 0o701, 0o755, 0o777, 0o1700])("refuses a folder with mode %o", async (mode) => {
    chmodSync(folder, mode);
    const path = join(folder, "s");
    await expect(listenUnix(path, { mode: 0o600, stale: "refuse", onChannel: ignore })).rejects.toMatchObject({
      code: "socket-folder",
    });
    expect(existsSync(path)).toBe(false);
  });

  it("refuses a folder that is a symbolic link to a good one, and one that is not there", async () => {
    mkdirSync(join(folder, "real"), { mode: 0o700 });
    symlinkSync(join(folder, "real"), join(folder, "link"));
    for (const name of ["link", "absent"]) {
      await expect(
        listenUnix(join(folder, name, "s"), { mode: 0o600, stale: "refuse", onChannel: ignore }),
      ).rejects.toMatchObject({ code: "socket-folder" });
    }
  });

  it.runIf(isRoot)("refuses a folder of another user", async () => {
    spawnSync("chown", ["65534:65534", folder]);
    await expect(
      listenUnix(join(folder, "s"), { mode: 0o600, stale: "refuse", onChannel: ignore }),
    ).rejects.toMatchObject({
      code: "socket-folder",
    });
  });
});

describe("a path that is taken", () => {
  it("is refused while its server lives, and the server goes on", async () => {
    const path = join(folder, "s");
    server = await listenUnix(path, { mode: 0o600, stale: "refuse", onChannel: ignore });
    await expect(listenUnix(path, { mode: 0o600, stale: "refuse", onChannel: ignore })).rejects.toMatchObject({
      code: "socket-occupied",
    });
    (await connectUnix(path)).destroy();
  });

  it("is freed of a dead server's socket only for who says that nobody holds it", async () => {
    const path = join(folder, "s");
    const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    spawnSync(process.execPath, ["-e", script]);
    expect(statSync(path).isSocket()).toBe(true);
    await expect(connectUnix(path)).rejects.toMatchObject({ code: "unreachable" });
    await expect(listenUnix(path, { mode: 0o600, stale: "refuse", onChannel: ignore })).rejects.toMatchObject({
      code: "socket-occupied",
    });
    server = await listenUnix(path, { mode: 0o600, stale: "replace", onChannel: ignore });
    (await connectUnix(path)).destroy();
  });

  it("keeps a file, a link and a folder, even for who may replace", async () => {
    writeFileSync(join(folder, "file"), "kept");
    mkdirSync(join(folder, "folder"));
    symlinkSync(join(folder, "file"), join(folder, "link"));
    for (const name of ["file", "folder", "link"]) {
      await expect(
        listenUnix(join(folder, name), { mode: 0o600, stale: "replace", onChannel: ignore }),
      ).rejects.toMatchObject({ code: "socket-occupied" });
      expect(existsSync(join(folder, name))).toBe(true);
    }
  });
});

describe("connecting", () => {
  it("says that nobody is there", async () => {
    await expect(connectUnix(join(folder, "absent"))).rejects.toMatchObject({ code: "unreachable" });
    await expect(connectUnix(join(folder, "absent", "s"))).rejects.toMatchObject({ code: "socket-folder" });
  });

  it("reaches a server that listens by its plain name", async () => {
    const path = join(folder, "plain");
    const plain = createServer((socket) => socket.end("hi"));
    await new Promise<void>((resolve) => plain.listen(path, resolve));
    const channel = await connectUnix(path);
    expect(Buffer.from(await new Promise<Uint8Array>((resolve) => channel.onData(resolve))).toString()).toBe("hi");
    channel.destroy();
    plain.close();
  });
});
