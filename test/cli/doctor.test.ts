import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findUser, probeMachine } from "../../src/main/machine.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";

/** With the monitor's rights: as root a home belongs to its user, and a sandbox is started as that user. */
test("the home is looked at as a start does: whole, with a key that others may read, open to others", async () => {
  const outer = makeTemporaryFolder();
  chmodSync(outer, 0o755);
  const home = join(outer, "home");
  const key = join(home, "keys", "log-signing");
  const owner = process.geteuid?.() === 0 ? findUser("aios") : null;
  for (const folder of [home, join(home, "keys")]) mkdirSync(folder, { mode: 0o700 });
  writeFileSync(key, "", { mode: 0o600 });
  if (owner !== null) for (const path of [key, join(home, "keys"), home]) chownSync(path, owner.uid, owner.gid);
  const look = async (): Promise<unknown> => (await probeMachine(home)).find((check) => check.name === "home");

  const whole = await probeMachine(home);
  expect(whole.find((check) => check.name === "home")).toBeUndefined();
  expect(whole.find((check) => check.name === "disk")?.found).toMatch(/MiB free for the home$/u);
  for (const name of ["sandbox", "agent", "notification", "landlock"])
    expect(whole.find((check) => check.name === name)).toMatchObject({ state: "ok" });
  chmodSync(key, 0o644);
  expect(await look()).toMatchObject({ state: "missing", hint: `chmod 600 '${key}'` });
  chmodSync(key, 0o600);
  chmodSync(home, 0o755);
  expect(await look()).toMatchObject({ state: "missing", hint: `chmod 700 '${home}'` });
});
