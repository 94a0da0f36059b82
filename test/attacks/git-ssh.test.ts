import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startGitStage, until, type GitStage } from "../e2e/git-ssh-stage.ts";
import { hasSshServer, NO_SSH_SERVER, startSshServer, type SshServer } from "../fakes/ssh-server.ts";
import { memoryHolds, pidsOf } from "./process-memory.ts";

if (!hasSshServer()) console.warn(NO_SSH_SERVER);
/** Whether a courier, which closes itself to other processes of its user, can be looked into. */
const MAY_LOOK = process.geteuid?.() === 0;
if (!MAY_LOOK)
  console.warn("NOT PROVEN: when a courier has its key, since only root can look into one; all else is looked at");

/** A packet of git's protocol as `printf` of a shell writes it. */
function packet(text: string): string {
  const length = (Buffer.byteLength(text) + 4).toString(16).padStart(4, "0");
  return `${length}${text}`
    .replaceAll("%", "%%")
    .replaceAll("\\", "\\\\")
    .replaceAll("\0", "\\0")
    .replaceAll("\n", "\\n");
}

// SECRETS-OUTSIDE and the arguments of git and ssh against the whole substrate, with a real server of OpenSSH.
describe.skipIf(!hasSshServer())("git over SSH under attack", { timeout: 120_000 }, () => {
  let stage: GitStage;
  /** A server whose key may run anything: what the stand-ins below speak with. */
  let open: SshServer;
  let folder = "";

  beforeAll(async () => {
    stage = await startGitStage();
    open = await startSshServer({ free: true });
    folder = mkdtempSync(join(tmpdir(), "aios-naive-"));
    await stage.grant("agent", { push: ["refs/heads/agent"], lease: true });
  });
  afterAll(async () => {
    await open?.stop();
    await stage?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Says something to the address where git finds repositories, and gives what comes back. */
  function say(text: string): Promise<{ readonly stdout: string; readonly instance: string }> {
    const script = `exec 3<>/dev/tcp/127.0.0.1/3130; printf '${packet(text).replaceAll("'", `'\\''`)}' >&3; timeout 20 cat <&3`;
    return stage.run("agent", script);
  }

  /**
   * What others build: a helper that hands what git says to `ssh`, by a shell or by words, without looking. `words` are those
   * after the options that let it in.
   */
  function naive(words: readonly string[]): string {
    const options = ["-F", "/dev/null", "-i", open.keyFile, "-o", "StrictHostKeyChecking=no"];
    const more = ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes"];
    const ran = spawnSync("ssh", [...options, ...more, "-p", String(open.port), ...words], {
      encoding: "utf8",
      input: "",
    });
    return ran.stdout + ran.stderr;
  }

  const whole = (): string => `/${stage.origin.slice("ssh://".length)}${stage.project}`;

  describe("words that become options or commands", () => {
    test("do so where a helper hands them on", () => {
      const [proxied, quoted, spaced] = ["proxied", "quoted", "spaced"].map((name) => join(folder, name));
      naive([`-oProxyCommand=touch ${proxied}`, "localhost", "git-upload-pack '/x'"]);
      expect(existsSync(proxied ?? "")).toBe(true);
      naive([`${open.user}@localhost`, `git-upload-pack '/x'; touch '${quoted}'`]);
      expect(existsSync(quoted ?? "")).toBe(true);
      // What git asks a helper to run when it is told --upload-pack.
      const program = `touch ${spaced}; git-upload-pack`;
      spawnSync("git", ["ls-remote", `--upload-pack=${program}`, `ssh://${open.user}@localhost:${open.port}/x`], {
        env: {
          PATH: process.env["PATH"],
          GIT_SSH_COMMAND: `ssh -F /dev/null -i ${open.keyFile} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null`,
        },
      });
      expect(existsSync(spaced ?? "")).toBe(true);
    });

    test.each([
      ["another command", () => `git-upload-archive ${whole()}\0host=x\0`],
      ["a command with an option", () => `git-upload-pack --strict ${whole()}\0host=x\0`],
      ["a command after it", () => `git-upload-pack ${whole()}; touch x\0host=x\0`],
      ["a quote in a path", () => `git-upload-pack ${whole()}'; touch x; '\0host=x\0`],
      ["a line break in a path", () => `git-upload-pack ${whole()}\ntouch x\0host=x\0`],
      ["a dollar in a path", () => `git-upload-pack ${whole()}/$(touch x)\0host=x\0`],
      ["a path that is an option", () => `git-upload-pack /u@localhost:22/--upload-pack=x\0host=x\0`],
      ["a path that climbs", () => `git-upload-pack ${whole()}/../other.git\0host=x\0`],
      ["a user that is an option", () => `git-upload-pack /-oProxyCommand=x@localhost:22/x\0host=x\0`],
      ["a host that is an option", () => `git-upload-pack /u@-oProxyCommand=x:22/x\0host=x\0`],
      ["an address for a host", () => `git-upload-pack /u@127.0.0.1:22/x\0host=x\0`],
      ["a version that nobody has", () => `git-upload-pack ${whole()}\0host=x\0\0version=2;x\0`],
    ])("are refused here: %s", async (_what, words) => {
      const before = stage.server.asked().length;
      const { stdout, instance } = await say(words());
      expect(stdout).toMatch(
        /^[0-9a-f]{4}ERR aios: this is no repository that is reached over SSH \(network-request\)\n$/,
      );
      expect(await stage.refused(instance)).toEqual(["network-request"]);
      expect(await stage.records(instance, "intent")).toEqual([]);
      expect(stage.server.asked().length).toBe(before);
    });

    test("are refused as git itself would say them, and the plain words next to them work", async () => {
      const { origin, project } = stage;
      const ran = await stage.run(
        "agent",
        `git ls-remote --upload-pack='touch /tmp/x; git-upload-pack' ${origin}${project}
         git -c core.sshCommand='touch /tmp/y' ls-remote ${origin}${project} | wc -l
         git ls-remote '${origin}${project};touch x'
         git ls-remote "ssh://-oProxyCommand=touch@localhost/x"
         ls /tmp`,
      );
      expect(ran.stdout).toBe("2\n");
      expect(ran.stderr.match(/this is no repository that is reached over SSH/g)).toHaveLength(2);
      expect(ran.stderr).toContain("strange");
    });

    test.each([
      [
        "push options",
        `0000000000000000000000000000000000000000 ${"1".repeat(40)} refs/heads/agent/x\0 report-status push-options`,
      ],
      ["a signed push", `push-cert\0 report-status`],
      ["a ref that climbs", `${"0".repeat(40)} ${"1".repeat(40)} refs/heads/agent/../main\0 report-status`],
      ["a ref with an escape", `${"0".repeat(40)} ${"1".repeat(40)} refs/heads/agent/\u001b[2J\0 report-status`],
      ["no ref", `${"0".repeat(40)} ${"1".repeat(40)} HEAD\0 report-status`],
    ])("are refused in a push: %s", async (_what, command) => {
      const hello = packet(`git-receive-pack ${whole()}\0host=x\0`);
      const script = `exec 3<>/dev/tcp/127.0.0.1/3130; printf '${hello}' >&3; printf '${packet(command)}0000' >&3; timeout 20 cat <&3 | tail -c 120`;
      const before = stage.server.asked().length;
      const { stdout, instance } = await stage.run("agent", script);
      expect(stdout).toMatch(/ERR aios: Cannot push: it holds [a-z ,]+ \(network-request\)\n$/);
      expect((await stage.records(instance, "intent")).map(({ record }) => record["what"])).toEqual(["git-ssh/refs"]);
      expect(stage.server.asked().slice(before)).toEqual([`git-receive-pack '${stage.project}'`]);
    });
  });

  describe("the key", () => {
    test("is in no environment, file or process of the agent, nor in its face, while a courier has it", async () => {
      // Within one line of its file, and far enough behind its beginning to be of this key alone.
      const part = stage.server.key.slice(215, 255);
      expect(part).toHaveLength(40);
      const shown = mkdtempSync(join(tmpdir(), "aios-shown-"));
      chmodSync(shown, 0o755); // the monitor's user reads in it
      const agent = stage.run(
        "agent",
        `git ls-remote -q ${stage.origin}${stage.project} | wc -l; until [ -e ${shown}/go ]; do sleep 0.05; done
         env | grep -c ${part}; cat /proc/[0-9]*/environ | grep -c ${part}
         grep -rlF ${part} / --exclude-dir=proc --exclude-dir=sys --exclude-dir=usr 2> /dev/null | wc -l; ls -a ~ /run/aios; ls -a /tmp | grep -vx ${basename(shown)}`,
        { code: [shown] },
      );
      await until(() => pidsOf("git-courier", stage.aios.pid).length > 0, "a courier");
      if (MAY_LOOK)
        await until(() => pidsOf("git-courier", stage.aios.pid).some((pid) => memoryHolds(pid, [part])), "its key");
      const faces = pidsOf("face", stage.aios.pid);
      expect(faces.length).toBeGreaterThan(0);
      expect(faces.map((pid) => memoryHolds(pid, [part]))).toEqual(faces.map(() => false));
      writeFileSync(join(shown, "go"), "");
      const { stdout } = await agent;
      rmSync(shown, { recursive: true });
      expect(stdout).toMatch(/^2\n0\n0\n0\n/);
      expect(stdout).not.toMatch(/key|known_hosts|ssh/);
    });

    test("is in no record and no file of the home but where it is sealed", async () => {
      const part = stage.server.key.slice(215, 255);
      const found = spawnSync("grep", ["-rlF", part, stage.aios.home], { encoding: "utf8" });
      expect([found.status, found.stdout]).toEqual([1, ""]);
    });

    test.runIf(MAY_LOOK)("is removed from its courier's folder when a session is over", async () => {
      const agent = stage.run("agent", `git ls-remote -q ${stage.origin}${stage.project} | wc -l; sleep 60`);
      await until(() => pidsOf("git-courier", stage.aios.pid).length > 0, "a courier");
      const [pid = 0] = pidsOf("git-courier", stage.aios.pid);
      const tmp = `/proc/${pid}/root/tmp`;
      const files = (): string => execFileSync("find", [tmp, "-name", "key"], { encoding: "utf8" });
      await until(() => files() !== "", "the file of the key");
      await until(() => files() === "", "its end");
      await stage.aios.client.request("kill", { instance: null });
      expect((await agent).why).toBe("killed");
    });
  });
});
