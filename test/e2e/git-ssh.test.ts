import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GIT_TOOLS } from "../../src/kernel/git-ssh.ts";
import { gitAllows } from "../../src/protocol/short-git.ts";
import { hasSshServer, NO_SSH_SERVER, strangerKeys } from "../fakes/ssh-server.ts";
import { startGitStage, until, type GitStage } from "./git-ssh-stage.ts";

if (!hasSshServer()) console.warn(NO_SSH_SERVER);

// One monitor, real git in a real sandbox, and a real server of OpenSSH on loopback with throw-away keys.
// Each step of git is one or two connections with their handshakes, and each test has several.
describe.skipIf(!hasSshServer())("git over SSH", { timeout: 120_000 }, () => {
  let stage: GitStage;
  /** A clone of the project in a folder of its own, as the agent's working directory. */
  const clone = (): string => `git clone -q ${stage.origin}${stage.project} work && cd work`;
  const commit = (branch: string): string =>
    `git switch -qc ${branch} && echo ${branch} >> a.txt && git commit -qam new`;
  const refs = (): string => stage.server.git(stage.project, "for-each-ref", "--format=%(refname)");

  beforeAll(async () => {
    stage = await startGitStage();
  });
  afterAll(() => stage?.stop());

  test("a granted repository is cloned and fetched with plain git, and each session is on record", async () => {
    await stage.grant("reader");
    const ran = await stage.run("reader", `${clone()} && cat a.txt && git fetch -q && git config remote.origin.url`);
    expect(ran.stderr).toBe("");
    // Git's own files say what they always said.
    expect(ran.stdout).toBe(`one of project.git\n${stage.origin}${stage.project}\n`);
    const outcomes = await stage.records(ran.instance, "outcome");
    expect(outcomes.map(({ record }) => [record["what"], record["risk"], record["result"]])).toEqual([
      ["git-ssh/fetch", "reach", "ok"],
      ["git-ssh/fetch", "reach", "ok"],
    ]);
    expect(outcomes[0]?.payload).toMatch(
      /"address\\":\\"127\.0\.0\.1.*"key\\":\\"deploy.*received\\":[1-9].*sent\\":[1-9]/,
    );
    const [intent] = await stage.records(ran.instance, "intent");
    expect(intent?.payload).toContain(stage.project);
    expect((await stage.records(ran.instance, "labelled"))[0]?.record).toMatchObject({ labels: ["untrusted"] });
  });

  test("what came of a session is on record when its agent's end is told, also where the agent did not wait for it", async () => {
    await stage.grant("hasty");
    for (let round = 0; round < 2; round++) {
      const ran = await stage.run("hasty", "exec git ls-remote -q " + stage.origin + stage.project);
      const outcomes = await stage.records(ran.instance, "outcome");
      expect(outcomes.map(({ record }) => record["result"])).toEqual(["ok"]);
      const left = await stage.run("hasty", talking(stage, "head -c 4 <&3"));
      expect(await stage.records(left.instance, "outcome")).toHaveLength(1);
    }
  });

  test("a branch that a lease names is pushed, moved and, where it says so, removed, and no other", async () => {
    await stage.grant("pusher", { push: ["refs/heads/agent"], lease: true });
    const ran = await stage.run(
      "pusher",
      `${clone()} && ${commit("agent/one")} && git push -q origin agent/one && git commit -q --amend -m other &&
       git push -qf origin agent/one && echo pushed
       git push -q origin HEAD:main; git push -q origin :agent/one; git push -q origin HEAD:refs/heads/agents`,
    );
    expect(ran.stdout).toBe("pushed\n");
    expect(ran.stderr.match(/\[remote rejected\] \S+ (?:-> )?.*no grant allows this/g)?.length ?? 0).toBe(3);
    expect(refs()).toBe("refs/heads/agent/one\nrefs/heads/main");
    expect(stage.server.git(stage.project, "log", "--format=%s", "agent/one", "--")).toBe("other\nfirst");
    const denied = await stage.records(ran.instance, "denied");
    expect(denied.map(({ record }) => [record["what"], record["code"]])).toEqual([
      ["git-ssh/push", "no-grant"],
      ["git-ssh/push", "no-grant"],
      ["git-ssh/push", "no-grant"],
    ]);
    await stage.grant("remover", { push: ["refs/heads/agent"], remove: true, lease: true });
    const removed = await stage.run("remover", `${clone()} && git push -q origin :agent/one && echo removed`);
    expect([removed.stdout, removed.stderr]).toEqual(["removed\n", ""]);
    expect(refs()).toBe("refs/heads/main");
  });

  test("many refs go in one push when all of them lie below what is granted", async () => {
    await stage.grant("many", { push: ["refs/heads/many", "refs/tags/many"], remove: true, lease: true });
    const ran = await stage.run(
      "many",
      `${clone()} && git branch many/a && git branch many/b && git tag many/t && git push -q origin many/a many/b && echo both
       git push -q origin many/a many/t; git push -q origin many/t && echo tag`,
    );
    expect(ran.stdout).toBe("both\ntag\n");
    expect(refs()).toBe("refs/heads/main\nrefs/heads/many/a\nrefs/heads/many/b\nrefs/tags/many/t");
    expect(ran.stderr).toBe("");
  });

  test("a push waits for its owner, who is shown the refs before anything of it leaves", async () => {
    await stage.grant("asker", { push: ["refs/heads/asked"] });
    for (const decision of ["deny", "allow"] as const) {
      const before = stage.server.asked().length;
      const running = stage.run("asker", `${clone()} && ${commit("asked/x")} && git push origin asked/x 2>&1`);
      await until(async () => (await stage.aios.held()).length > 0, "a push that is held");
      const [held] = await stage.aios.held();
      const detail = await stage.aios.client.request("held-show", { request: held?.request ?? "" });
      expect(JSON.parse(detail.action)).toMatchObject({
        arguments: {
          ref: "/refs/heads/asked/x",
          removes: false,
          updates: [{ ref: "refs/heads/asked/x", old: "0".repeat(40), new: expect.stringMatching(/^[0-9a-f]{40}$/) }],
        },
      });
      // The clone, and a look at the refs: the push itself has not begun.
      const asked = stage.server.asked().slice(before);
      expect(asked.map((command) => command.split(" ")[0])).toEqual(["git-upload-pack", "git-receive-pack"]);
      await stage.aios.answer(held?.request ?? "", decision);
      const { stdout } = await running;
      if (decision === "deny") expect(stdout).toMatch(/\[remote rejected\].*denied-by-owner/);
      expect(refs().includes("refs/heads/asked/x")).toBe(decision === "allow");
    }
  });

  test("a repository beside the granted one, and an agent without a grant, have nothing", async () => {
    const other = stage.server.makeRepository("other.git");
    await stage.grant("narrow");
    const before = stage.server.accepted();
    const ran = await stage.run("narrow", `git clone -q ${stage.origin}${other} there; ls`);
    expect(ran.stderr).toMatch(/remote error: aios: .*no grant allows this \(none of narrow's\) \(no-grant\)/);
    expect(ran.stdout).toBe("");
    const { stdout } = await stage.run("narrow", `env | grep -c GIT_CONFIG`);
    expect(Number(stdout)).toBeGreaterThan(0);
    await stage.aios.grant({ id: "nobody", agents: ["nobody"], allow: ["files/nothing"], programs: "any" });
    const without = await stage.run("nobody", `${clone()}; env | grep -c GIT_CONFIG`);
    expect(without.stdout).toBe("0\n");
    expect(without.exit).not.toBe(null);
    expect(stage.server.accepted()).toBe(before);
  });

  test("a delegate has what it and its parent were granted", async () => {
    await stage.grant("family", { agents: ["child", "able-elder"] });
    await stage.aios.grant({ id: "elder", agents: ["elder"], allow: ["files/nothing"], programs: "any" });
    for (const elder of ["able-elder", "elder"]) {
      const above = stage.run(elder, "sleep 60");
      let parent = "";
      await until(async () => {
        const { instances } = await stage.aios.client.request("ps", { all: false });
        parent = instances.find(({ agent, state }) => agent === elder && state === "running")?.instance ?? "";
        return parent !== "";
      }, "the parent");
      const ran = await stage.run("child", `${clone()} && cat a.txt`, { parent });
      expect(ran.stdout).toBe(elder === "elder" ? "" : "one of project.git\n");
      if (elder === "elder") expect(ran.stderr).toContain("ancestor-denied");
      await stage.aios.client.request("kill", { instance: parent });
      await above;
    }
  });

  test("a session is cut when its grant is revoked, when its agent is killed or frozen, and with the first byte too many", async () => {
    await stage.grant("revoked");
    // An agent ends with the grant by which it starts programs.
    await stage.aios.grant({ id: "shell", agents: ["revoked"], allow: ["files/nothing"], programs: "any" });
    const talk = talking(stage, 'head -c 4 <&3; cat <&3 > /dev/null; echo " over"');
    const running = stage.run("revoked", talk);
    await until(() => stage.server.asked().length > 0 && isServing(stage), "a session");
    await stage.aios.sign("revoke-grant", { grant: "revoked" });
    const ran = await running;
    expect(ran.stdout).toMatch(/^[0-9a-f]{4} over\n$/);
    expect((await stage.records(ran.instance, "outcome"))[0]?.payload).toContain('\\"end\\":\\"cut\\"');
    await until(() => !isServing(stage), "the end over there");
    await stage.grant("killed");
    const another = stage.run("killed", talk);
    await until(() => isServing(stage), "another session");
    const { instances } = await stage.aios.client.request("ps", { all: false });
    await stage.aios.client.request("kill", { instance: instances[0]?.instance ?? "" });
    expect((await another).why).toBe("killed");
    await until(() => !isServing(stage), "its end over there");
    await stage.grant("frozen");
    const third = stage.run("frozen", talk);
    await until(() => isServing(stage), "a third session");
    const [last] = (await stage.aios.client.request("ps", { all: false })).instances;
    const instance = last?.instance ?? "";
    const [report] = (await stage.aios.client.request("freeze", { instance })).instances;
    expect(report).toMatchObject({ confirmed: true, network: expect.any(Number) });
    expect(report?.parts).toContainEqual(
      expect.objectContaining({ part: "courier", state: expect.stringMatching(/^(?:still|gone)$/) }),
    );
    await until(() => !isServing(stage), "the end of the third");
    await stage.aios.client.request("kill", { instance });
    await third;
    await stage.grant("counted", { limits: { bytes: 300 } });
    const counted = await stage.run("counted", `${clone()}; ls`);
    expect(counted.stdout).toBe("");
    expect((await stage.records(counted.instance, "outcome"))[0]?.payload).toContain("limit-bytes");
  });

  test("a machine with another key is not spoken to, and one that is not there says so", async () => {
    await stage.grant("pinned");
    await stage.bind({ hostKeys: [strangerKeys().hostKey] });
    const before = stage.server.accepted();
    const ran = await stage.run("pinned", clone());
    expect(ran.stderr).toContain("remote error: aios: The session did not begin (host-key-refused)");
    expect((await stage.records(ran.instance, "outcome"))[0]?.payload).toContain("host-key-refused");
    expect(stage.server.accepted()).toBe(before);
    await stage.bind();
    expect((await stage.run("pinned", `${clone()} && cat a.txt`)).stdout).toBe("one of project.git\n");
    await stage.bind({ secret: "deploy", to: "ssh://git@localhost:1" });
    await stage.aios.grant({
      id: "gone",
      agents: ["gone"],
      drivers: { "git-ssh": { source: { kind: "git-ssh" }, tools: GIT_TOOLS } },
      allow: gitAllows({ to: `ssh://git@localhost:1${stage.project}`, push: [], remove: false }),
      programs: "any",
    });
    const gone = await stage.run("gone", `git clone -q ssh://git@localhost:1${stage.project}`);
    expect(gone.stderr).toContain("The session did not begin (unreachable)");
  });

  test("a key that is rotated is used from the next session on, and one that is removed no more", async () => {
    await stage.grant("rotated");
    await stage.aios.keepSecret("deploy", strangerKeys().key, "rotate-secret");
    expect((await stage.run("rotated", clone())).stderr).toContain("(key-refused)");
    await stage.aios.keepSecret("deploy", "no key at all, but a value", "rotate-secret");
    expect((await stage.run("rotated", clone())).stderr).toContain("the key cannot be used");
    await stage.aios.keepSecret("deploy", stage.server.key, "rotate-secret");
    expect((await stage.run("rotated", `${clone()} && cat a.txt`)).stdout).toBe("one of project.git\n");
    await stage.aios.sign("remove-secret", { secret: "deploy" });
    expect((await stage.run("rotated", clone())).stderr).toContain("no key, or more than one, is bound");
    await expect(stage.grant("late")).rejects.toMatchObject({ code: "secret-use" });
    await stage.aios.keepSecret("deploy", stage.server.key);
    await stage.bind();
  });

  test("two keys for one repository are refused when the second is bound", async () => {
    await stage.aios.keepSecret("second", stage.server.key);
    await expect(stage.bind({ secret: "second" })).rejects.toMatchObject({ code: "secret-use" });
    await stage.bind({ secret: "second", paths: [`${stage.server.folder}/elsewhere`] });
    await expect(stage.bind({ secret: "second", hostKeys: [] })).rejects.toMatchObject({ code: "bad-document" });
  });
});

/** A script that opens a session as git does, by descriptor 3, and goes on with what is given. */
function talking({ origin, project }: GitStage, then: string): string {
  const path = `/${origin.slice("ssh://".length)}${project}`;
  const first = `git-upload-pack ${path}\0host=x\0`;
  const hex = (first.length + 4).toString(16).padStart(4, "0");
  return `exec 3<>/dev/tcp/127.0.0.1/3130; printf '${hex}git-upload-pack ${path}\\0host=x\\0' >&3; ${then}`;
}

/** Whether git runs at the server: there its path stands without quotes. */
function isServing({ server }: GitStage): boolean {
  try {
    return execFileSync("pgrep", ["-f", `upload-pack ${server.folder}`], { encoding: "utf8" }) !== "";
  } catch {
    return false;
  }
}
