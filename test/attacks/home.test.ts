import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HomeGrant } from "../../src/kernel/home-grant.ts";
import { startSubstrate, type Ran, type Substrate } from "../e2e/substrate.ts";

/*
 * A home that lasts, and an agent that would use it: to keep more than it may, to lead the monitor somewhere by links, and
 * to change in one run what steers it in the next.
 */
const MIB = 2 ** 20;
const home = (...sealed: string[]): HomeGrant => ({ bytes: 64 * MIB, entries: 2000, sealed });

describe("a home that lasts", () => {
  let aios: Substrate;
  let outside: string;

  beforeAll(async () => {
    aios = await startSubstrate();
    outside = realpathSync(mkdtempSync(join(tmpdir(), "aios-outside-")));
    chmodSync(outside, 0o777); // the monitor's user could write here, if it were led here
    writeFileSync(join(outside, "canary"), "canary", { mode: 0o666 });
    await aios.grant({ id: "plain", agents: ["plain", "child"], allow: [], programs: "any" });
    await aios.grant({ id: "kept", agents: ["kept", "child"], allow: [], programs: "any", home: home() });
    const sealed = home(".claude/settings.json", ".claude/agents/", "CLAUDE.md");
    await aios.grant({ id: "sealed", agents: ["sealed"], allow: [], programs: "any", home: sealed });
    for (const agent of ["full", "many", "held"]) {
      const budget = { bytes: 8 * MIB, entries: 200, sealed: [] };
      await aios.grant({ id: agent, agents: [agent], allow: [], programs: "any", home: budget });
    }
  });
  afterAll(async () => {
    await aios.stop();
    rmSync(outside, { recursive: true, force: true });
  });

  const shell = (agent: string, script: string, request: object = {}): Promise<Ran> =>
    aios.run({ agent, command: ["/bin/bash", "-c", script], ...request });
  const records = async (kind: string): Promise<readonly string[]> => {
    const { entries } = await aios.client.request("log-show", {
      from: 0,
      limit: 10_000,
      instance: null,
      kinds: [kind],
    });
    return entries.map(({ record }) => JSON.stringify(record));
  };
  /** Resolves with the code that an instance of this agent is frozen with. */
  const frozen = async (agent: string): Promise<{ instance: string; why: string | null }> => {
    for (const end = Date.now() + 60_000; ;) {
      const { instances } = await aios.client.request("ps", { all: false });
      const found = instances.find((each) => each.agent === agent && each.state === "frozen");
      if (found !== undefined) return found;
      if (Date.now() > end) throw new Error("it was never frozen");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  it("that its agent took all rights from is opened again for the next run, and can be wiped", async () => {
    await shell("many", "echo mine > ~/note; chmod 000 ~");
    expect((await shell("many", "cat ~/note; chmod 000 ~")).stdout).toBe("mine\n");
    await aios.sign("wipe-home", { agent: "many" });
    expect((await shell("many", "ls ~")).stdout).toBe("");
    rmSync(join(aios.home, "volumes", "many"), { recursive: true });
  });

  it("is there in the next run with the grant, and gone without one", async () => {
    expect(await shell("kept", "echo mine > ~/note; mkdir -p ~/.config; ln -s /etc ~/link")).toMatchObject({ exit: 0 });
    expect((await shell("kept", "cat ~/note; readlink ~/link")).stdout).toBe("mine\n/etc\n");
    await shell("plain", "echo mine > ~/note");
    expect((await shell("plain", "cat ~/note || echo none")).stdout).toBe("none\n");
    expect(readdirSync(join(aios.home, "volumes"))).toEqual(["kept"]);
    expect(statSync(join(aios.home, "volumes", "kept")).mode & 0o777).toBe(0o700);
  });

  it("is its agent's own: another agent sees nothing of it, and its files carry no identity out", async () => {
    await shell("kept", "cp /bin/true ~/tool; chmod 4755 ~/tool; chmod 777 ~; mkfifo ~/pipe; mknod ~/null c 1 3; true");
    expect((await shell("sealed", "ls -A ~ /home")).stdout).not.toContain("note");
    const volume = join(aios.home, "volumes", "kept");
    expect(statSync(join(volume, "tool")).mode & 0o6000).toBe(0);
    expect(existsSync(join(volume, "null"))).toBe(false);
    expect(await shell("kept", "true")).toMatchObject({ exit: 0 });
    expect(statSync(volume).mode & 0o777).toBe(0o700);
  });

  it("is used by one instance at a time", async () => {
    const volume = join(aios.home, "volumes", "kept");
    const first = shell(
      "kept",
      "touch ~/started; for n in $(seq 600); do [ -e ~/go ] && exit 0; sleep 0.05; done; exit 9",
    );
    for (const end = Date.now() + 60_000; !existsSync(join(volume, "started"));) {
      if (Date.now() > end) throw new Error("it did not start");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await expect(shell("kept", "true")).rejects.toMatchObject({ code: "home-busy" });
    await expect(aios.sign("wipe-home", { agent: "kept" })).rejects.toMatchObject({ code: "home-busy" });
    writeFileSync(join(volume, "go"), "");
    expect(await first).toMatchObject({ exit: 0 });
    expect(await shell("kept", "true")).toMatchObject({ exit: 0 });
  });

  it("is not there for a delegate of one that has none (CHILD-LESS)", async () => {
    const parent = shell("plain", "sleep 60");
    let above: string | undefined;
    for (const end = Date.now() + 60_000; above === undefined;) {
      const { instances } = await aios.client.request("ps", { all: false });
      above = instances.find(({ agent }) => agent === "plain")?.instance;
      if (Date.now() > end) throw new Error("it did not start");
    }
    expect(await shell("child", "echo mine > ~/note", { parent: above })).toMatchObject({ exit: 0 });
    expect(existsSync(join(aios.home, "volumes", "child"))).toBe(false);
    await aios.client.request("kill", { instance: above });
    expect(await parent).toMatchObject({ why: "killed" });
    // Its own grant gives it one when nobody is above it.
    await shell("child", "echo mine > ~/note");
    expect(existsSync(join(aios.home, "volumes", "child", "note"))).toBe(true);
  });

  describe("with a budget", () => {
    it.each([
      ["full", "head -c 32M /dev/zero > ~/fill; sleep 60"],
      ["many", "for i in $(seq 400); do : > ~/f$i; done; sleep 60"],
      // No name leads to it any more; the disk is full of it all the same.
      ["held", "exec 9> ~/gone; rm ~/gone; head -c 32M /dev/zero >&9; sleep 60"],
    ])("freezes an agent that goes over it (%s)", async (agent, script) => {
      const running = shell(agent, script);
      const found = await frozen(agent);
      expect(found.why).toBe("home-full");
      await aios.client.request("kill", { instance: found.instance });
      await running;
      const next = shell(agent, "true");
      if (agent === "held") expect(await next).toMatchObject({ exit: 0 });
      else await expect(next).rejects.toMatchObject({ code: "home-full" });
    });

    it("is emptied by an owner's signature, and starts again", async () => {
      await expect(shell("full", "true")).rejects.toMatchObject({ code: "home-full" });
      await aios.sign("wipe-home", { agent: "full" });
      expect(readdirSync(join(aios.home, "volumes", "full"))).toEqual([]);
      expect(await shell("full", "head -c 4M /dev/zero > ~/fits")).toMatchObject({ exit: 0 });
      expect((await records("home-wiped")).filter((record) => record.includes('"agent":"full"'))).toHaveLength(1);
    });
  });

  describe("with sealed files", () => {
    const SETTINGS = '{"hooks":{}}\n';
    const put = (path: string, text: string): Promise<number> =>
      aios.sign("put-home-file", { agent: "sealed", path, text });

    it("has what an owner put there and nothing else", async () => {
      expect((await shell("sealed", "cat ~/CLAUDE.md | wc -c; ls -A ~/.claude/agents")).stdout).toBe("0\n");
      await put(".claude/settings.json", SETTINGS);
      await put(".claude/agents/reviewer.md", "Review.\n");
      const seen = await shell("sealed", "cat ~/.claude/settings.json ~/.claude/agents/*; ls -A ~/.claude/agents");
      expect(seen.stdout).toBe(`${SETTINGS}Review.\nreviewer.md\n`);
    });

    it("cannot be changed by the agent, in place or by another name", async () => {
      const tried = await shell(
        "sealed",
        `cd ~; for f in .claude/settings.json .claude/agents/reviewer.md CLAUDE.md; do
           echo evil > $f; rm -f $f; mv $f away; ln -sf /tmp/evil $f; chmod 777 $f; : > /proc/self/fd/0; done
         touch .claude/agents/new.md; rmdir .claude/agents; mount -o remount,rw .claude/agents; umount CLAUDE.md
         cat .claude/settings.json .claude/agents/* CLAUDE.md; ls .claude/agents`,
      );
      expect(tried.stdout).toBe(`${SETTINGS}Review.\nreviewer.md\n`);
      // Twin: beside them it writes as it likes.
      expect((await shell("sealed", "echo x > ~/.claude/own && cat ~/.claude/own")).stdout).toBe("x\n");
    });

    it("are in the next run where they were, whatever was done to the folders around them", async () => {
      const renamed = await shell(
        "sealed",
        `cd ~; mv .claude old && mkdir -p .claude/agents && echo evil > .claude/settings.json && cat .claude/settings.json`,
      );
      // Within the run that did it, the agent sees what it made: its own words, in its own sandbox.
      expect(renamed.stdout).toBe("evil\n");
      const next = await shell("sealed", "cat ~/.claude/settings.json ~/.claude/agents/*");
      expect(next.stdout).toBe(`${SETTINGS}Review.\n`);
    });

    it("are never mounted where a link leads", async () => {
      // bubblewrap makes mount points by path, as the monitor's user, with the host below /oldroot.
      const targets = [`/oldroot${outside}`, outside, `/newroot/tmp`, "/proc/self/cwd"];
      for (const target of targets) {
        await shell(
          "sealed",
          `cd ~; mv .claude old-$RANDOM; ln -s ${target} .claude; ln -sf ${target}/x CLAUDE.md; true`,
        );
        const next = await shell("sealed", "cat ~/.claude/settings.json; readlink ~/.claude; ls -A ~ | grep -c aside");
        expect(next.stdout.split("\n").slice(0, 1)).toEqual(SETTINGS.split("\n").slice(0, 1));
        expect(readdirSync(outside)).toEqual(["canary"]);
      }
      const aside = await records("refused");
      expect(aside.filter((record) => record.includes("home-place"))).toHaveLength(targets.length);
    });

    it("are refused when the store beside the volume was changed", async () => {
      const store = join(aios.home, "sealed", "sealed");
      const [name = ""] = readdirSync(store).filter((each) => readFileSync(join(store, each), "utf8") === SETTINGS);
      writeFileSync(join(store, name), "evil");
      await expect(shell("sealed", "true")).rejects.toMatchObject({ code: "home-sealed" });
      await put(".claude/settings.json", SETTINGS);
      expect(await shell("sealed", "true")).toMatchObject({ exit: 0 });
    });

    it("are put by a signature and no other way", async () => {
      await expect(put("../../escape", "x")).rejects.toMatchObject({ code: "bad-document" });
      await expect(put("CLAUDE.md/below", "x").then(() => put("CLAUDE.md", "x"))).rejects.toMatchObject({
        code: "bad-document",
      });
      const told = await records("home-put");
      expect(told.every((record) => /"digest":"sha256:[0-9a-f]{64}"/.test(record))).toBe(true);
      expect(told.length).toBeGreaterThanOrEqual(1);
    });

    it("are still known after a restart of the monitor", async () => {
      await put(".claude/settings.json", SETTINGS);
      await aios.crash();
      await aios.restart();
      expect((await shell("sealed", "cat ~/.claude/settings.json")).stdout).toBe(SETTINGS);
    });
  });
});
