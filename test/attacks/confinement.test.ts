import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { REPO, startSubstrate, type Substrate } from "../e2e/substrate.ts";
import { COMMAND } from "../fakes/command.ts";

/*
 * CONFINED-OR-NOT-AT-ALL on machines that lack a part of the confinement, one each: nothing starts, one message says what
 * is missing, and `aios doctor` says it too. The lack is real for the monitor and everything that it starts: a filter lets
 * the calls fail, or bubblewrap is gone from the file system that it sees.
 */
const folder = mkdtempSync(join(tmpdir(), "aios-lacks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const isRoot = process.geteuid?.() === 0;
const without = (what: string): readonly string[] => [process.execPath, join(REPO, "test/fakes/without.ts"), what];

/** A file system of its own, in which /usr/bin is changed by a script. As root only. */
function withPrograms(name: string, change: string): readonly string[] {
  const place = join(folder, name);
  for (const part of ["upper", "work"]) mkdirSync(join(place, part), { recursive: true });
  const mount = `mount -t overlay overlay -o lowerdir=/usr/bin,upperdir=${place}/upper,workdir=${place}/work /usr/bin`;
  return ["unshare", "-m", "sh", "-c", `${mount} && ${change} && exec "$@"`, "sh"];
}

interface Lack {
  readonly name: string;
  readonly under: readonly string[];
  /** What whoever starts an agent is told. */
  readonly message: RegExp;
  readonly hint: RegExp;
  /** Which check of the doctor is the one that says so, and with what. */
  readonly check: string;
  readonly found: RegExp;
}

const LACKS: readonly Lack[] = [
  {
    name: "a kernel without Landlock",
    under: without("landlock"),
    message: /Cannot guard a folder: Landlock \d is needed, it is not there, or switched off/,
    hint: /aios doctor/,
    check: "landlock",
    found: /no agent and no server starts/,
  },
  {
    name: "a kernel whose filters have no listeners",
    under: without("listeners"),
    message: /Cannot install a filter with a listener/,
    hint: /aios doctor/,
    check: "notification",
    found: /no agent and no server starts/,
  },
  {
    name: "no user namespaces",
    under: without("user-namespaces"),
    message: /Cannot set up a sandbox: bwrap: /,
    hint: /user\.max_user_namespaces/,
    check: "sandbox",
    found: /namespaces-off/,
  },
  ...(isRoot
    ? [
        {
          name: "no bubblewrap",
          under: withPrograms("missing", "rm -f /usr/bin/bwrap"),
          message: /bubblewrap is not installed/,
          hint: /apt-get install bubblewrap/,
          check: "bubblewrap",
          found: /not installed/,
        },
        {
          name: "a bubblewrap that does not run",
          under: withPrograms("broken", "printf '#!/bin/sh\\nexit 1\\n' > /usr/bin/bwrap"),
          message: /\/usr\/bin\/bwrap does not run/,
          hint: /Install bubblewrap/,
          check: "bubblewrap",
          found: /does not run/,
        },
        {
          name: "a bubblewrap that is too old",
          under: withPrograms(
            "old",
            "printf '#!/bin/sh\\necho bubblewrap 0.4.0; echo --args --seccomp\\n' > /usr/bin/bwrap",
          ),
          message: /\/usr\/bin\/bwrap lacks --bind-fd/,
          hint: /0\.10/,
          check: "bubblewrap",
          found: /lacks --bind-fd/,
        },
      ]
    : []),
];

describe.each(LACKS)("on a machine with $name", ({ under, message, hint, check, found }) => {
  let aios: Substrate;
  afterAll(() => aios.stop());

  test("nothing starts, one message says why, and nothing of it ran", async () => {
    aios = await startSubstrate({ under });
    await aios.grant({ id: "work", agents: ["worker"], allow: [], workspace: "write", programs: "any" });
    const command = ["sh", "-c", "touch /workspace/ran"];
    for (let tries = 0; tries < 2; tries++) {
      await expect(aios.run({ agent: "worker", command, workspace: aios.workspace })).rejects.toMatchObject({
        code: "confinement",
        message: expect.stringMatching(message),
        hint: expect.stringMatching(hint),
      });
    }
    expect(existsSync(join(aios.workspace, "ran"))).toBe(false);
    const { instances } = await aios.client.request("ps", { all: true });
    expect(instances.map(({ state, why }) => `${state} ${why}`)).toEqual(["ended not-started", "ended not-started"]);
    const { entries } = await aios.client.request("log-show", {
      from: 0,
      limit: 100,
      instance: null,
      kinds: ["programs-started", "intent"],
    });
    expect(entries).toEqual([]);
  });

  test("aios doctor says what is missing and what to do", () => {
    const [program, ...words] = [...under, COMMAND, "doctor", "--json"];
    const { stdout, status } = spawnSync(program, [...words, "--home", join(folder, "none")], { encoding: "utf8" });
    expect(status).toBe(3);
    const { checks } = JSON.parse(stdout) as {
      checks: readonly { name: string; state: string; found: string; hint: string }[];
    }; // our own program wrote it
    const said = checks.find(({ name }) => name === check);
    expect(said).toMatchObject({ state: "missing", found: expect.stringMatching(found) });
    const agent = checks.find(({ name }) => name === "agent");
    expect(agent?.state).toBe("missing");
    expect([said, agent].some((each) => (each?.hint ?? "") !== "")).toBe(true);
  });
});

test("the harmless twin: under a filter that takes nothing away the same starts", async () => {
  const aios = await startSubstrate({ under: ["env"] });
  await aios.grant({ id: "work", agents: ["worker"], allow: [], programs: "any" });
  expect(await aios.run({ agent: "worker", command: ["sh", "-c", "echo ran"] })).toMatchObject({ stdout: "ran\n" });
  await aios.stop();
});

test("a bad profile starts nothing: one message names the file and the place in it", () => {
  const profile = join(folder, "bad.yaml");
  writeFileSync(profile, "profile: p\nagent: a\nsandbox: { workspace: everything }\n");
  const words = ["run", "--profile", profile, "--home", join(folder, "none"), "--", "true"];
  const { stderr, status } = spawnSync(COMMAND, words, { encoding: "utf8" });
  expect(status).toBe(3);
  expect(stderr).toMatch(/^aios: Cannot use .*bad\.yaml: \/sandbox\/workspace .* \(bad-profile\)\n/);
});
