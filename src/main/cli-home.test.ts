import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeTemporaryFolder } from "../../test/fakes/temporary-folder.ts";
import { listenUnix } from "../platform/channels/unix-server.ts";
import { createCliHome } from "./cli-home.ts";

test("people who share a home are told apart by their passphrases, and neither opens the other's key", async () => {
  const home = createCliHome(join(makeTemporaryFolder(), "home"), {
    daemon: "none",
    monitorUser: null,
    warn: () => {},
  });
  await home.create();
  expect(await home.key.exists()).toBe(false);
  const first = await home.key.create("the first passphrase");
  const { signer: second, path } = await home.key.createAnother("the second passphrase");
  expect(path).toBe(join(home.path, "keys", "owner-2.json"));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect((await home.key.unlock("the first passphrase")).publicKey).toEqual(first.publicKey);
  expect((await home.key.unlock("the second passphrase")).publicKey).toEqual(second.publicKey);
  await expect(home.key.unlock("somebody else's")).rejects.toMatchObject({ code: "wrong-passphrase" });
  // A key that is there is never replaced.
  await expect(home.key.create("another first")).rejects.toMatchObject({ code: "owner-exists" });
});

test("attack: a damaged key file keeps nobody else from signing, and is named; twin: alone it is the fault", async () => {
  const home = createCliHome(join(makeTemporaryFolder(), "home"), {
    daemon: "none",
    monitorUser: null,
    warn: () => {},
  });
  await home.create();
  await home.key.create("the first passphrase");
  const { signer } = await home.key.createAnother("the second passphrase");
  expect(await home.key.damaged()).toEqual([]);
  writeFileSync(home.key.path, '{"v":1');
  expect(await home.key.damaged()).toEqual([expect.stringContaining(`Cannot use key file "${home.key.path}": `)]);
  expect((await home.key.unlock("the second passphrase")).publicKey).toEqual(signer.publicKey);
  await expect(home.key.unlock("the first passphrase")).rejects.toMatchObject({ code: "wrong-passphrase" });
  rmSync(join(home.path, "keys", "owner-2.json"));
  await expect(home.key.unlock("the first passphrase")).rejects.toMatchObject({ code: "bad-key" });
});

test.each([
  ["that runs on may be of another version", false, /perhaps it is not of version .* as this is$/u, /serve --stop/u],
  [
    "that is gone has ended",
    true,
    /^The monitor of .* ended before it answered$/u,
    /the next command starts it again/u,
  ],
])("a monitor that ends a connection and %s", async (_, goes, says, hint) => {
  const home = createCliHome(makeTemporaryFolder(), { daemon: "none", monitorUser: null, warn: () => {} });
  mkdirSync(join(home.path, "run"), { mode: 0o700 });
  const server = await listenUnix(join(home.path, "run", "aiosd.sock"), {
    mode: 0o600,
    stale: "refuse",
    onChannel: (channel) => {
      if (goes) server.close();
      channel.destroy();
    },
  });
  await expect(home.connect()).rejects.toMatchObject({
    code: "monitor-lost",
    message: expect.stringMatching(says),
    hint: expect.stringMatching(hint),
  });
  if (!goes) server.close();
});

/** A user as whom root's monitor could run; nothing on the machine is theirs. */
const USER = { uid: 54_321, gid: 54_321 };

describe.runIf(process.geteuid?.() === 0)("as root, whose monitor runs as another user", () => {
  const homeAt = (path: string) => createCliHome(path, { daemon: "none", monitorUser: USER, warn: () => {} });

  test("a home below a folder that this user may not enter is refused before anything is made; twin: it may", async () => {
    const above = join(makeTemporaryFolder(), "above");
    chmodSync(join(above, ".."), 0o755);
    mkdirSync(above, { mode: 0o700 });
    const home = homeAt(join(above, "deep", "home"));
    await expect(home.create()).rejects.toMatchObject({
      code: "bad-home",
      message: `Cannot use "${home.path}" for the home: the monitor's user ${USER.uid} may not enter "${above}" above it`,
      hint: `chmod a+x '${above}', or name a folder elsewhere: --home DIR`,
    });
    expect(existsSync(join(above, "deep"))).toBe(false);
    chmodSync(above, 0o711);
    await home.create();
    expect(statSync(join(home.path, "keys")).uid).toBe(USER.uid);
    // Everybody may enter what stands above the home, and nobody the home.
    expect(statSync(join(above, "deep")).mode & 0o777).toBe(0o755);
    expect(statSync(home.path).mode & 0o777).toBe(0o700);
  });

  test("a folder of root's own is refused with whom to give it to, and stays empty; twin: given to that user", async () => {
    const path = join(makeTemporaryFolder(), "home");
    chmodSync(join(path, ".."), 0o755);
    mkdirSync(path, { mode: 0o700 });
    const home = homeAt(path);
    await expect(home.create()).rejects.toMatchObject({
      code: "bad-home",
      message: `Cannot use "${path}" for the home: it belongs to user 0, not ${USER.uid}`,
      hint: `chown ${USER.uid} '${path}'`,
    });
    expect(existsSync(join(path, "keys"))).toBe(false);
    chownSync(path, USER.uid, USER.gid);
    await home.create();
    expect(await home.exists()).toBe(true);
  });
});
