import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTemporaryFolder } from "../../test/fakes/temporary-folder.ts";
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
}, 60_000);

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
}, 60_000);
