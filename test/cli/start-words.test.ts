import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { CliFailure } from "../../src/cli/failure.ts";
import { runProgram } from "../../src/cli/program.ts";
import { createProgramFinder } from "../../src/main/agent-streams.ts";
import { createDesk } from "../fakes/cli-powers.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";

const telemetry = () => ({ on: false, runs: false, size: 0, deliveries: [], missing: null });
const hello = () => ({
  version: "0.1.0",
  start: "0",
  home: "/h",
  owners: 1,
  policy: "p",
  limits: "watch" as const,
});

describe("the home before the command", () => {
  test.each([
    [["--home", "/elsewhere", "doctor"]],
    [["--home=/elsewhere", "doctor"]],
    [["doctor", "--home", "/elsewhere"]],
  ])("is the command's (%s)", async (words) => {
    const pace = () => ({ millis: 0, waiting: 0, slow: false });
    const owners = () => ({
      owners: [],
      recovery: { wait: 0, by: null, codes: [], pending: null },
      second: "nothing" as const,
    });
    const witnesses = () => ({ quorum: 0, before: "nothing" as const, size: 0, witnesses: [] });
    const alerts = () => ({ receivers: [] });
    const retention = () => ({ days: {}, record: null, next: {}, waits: false });
    const planes = () => ({ planes: [], snapshots: [], quarantines: [], waits: false, damage: null });
    const ps = () => ({ instances: [], allFrozen: null, log: null });
    const asked = { ps, "log-pace": pace, "memory-planes": planes };
    const desk = createDesk({ answers: { hello, telemetry, witnesses, owners, alerts, retention, ...asked } });
    await runProgram(words, desk.powers);
    expect(desk.out()).toContain("/elsewhere");
  });

  test("is taken once, needs a value, and is refused by a command that has none", async () => {
    for (const [words, said] of [
      [["--home", "/a", "doctor", "--home", "/b"], "--home was given twice (usage)"],
      [["--home"], "--home needs a value: --home DIR (usage)"],
      [["--home", "--json", "doctor"], "--home needs a value: --home DIR (usage)"],
      [["--home", "/a", "scan"], "aios scan has no flag --home (unknown-flag)"],
    ] as const) {
      const desk = createDesk();
      expect(await runProgram(words, desk.powers)).toBe(EXIT.usage);
      expect(desk.err()).toContain(said);
    }
  });

  test("is the only flag that may stand there", async () => {
    const desk = createDesk();
    expect(await runProgram(["--json", "ps"], desk.powers)).toBe(EXIT.usage);
    expect(desk.err()).toBe(
      "aios: aios has no flag --json of its own (usage)\nhint: flags follow the command: aios COMMAND --flag\n",
    );
  });
});

describe("a fault that both the command line and the monitor find", () => {
  test("ends in one exit code; every other of the monitor's in 4", () => {
    const exit = (code: string): number => CliFailure.fromMonitor({ code, message: "m", hint: null }).exit;
    expect([exit("no-owner"), exit("owner-exists"), exit("unknown-grant")]).toEqual([3, 3, 4]);
    expect(CliFailure.of("no-owner", "m").exit).toBe(3);
  });
});

describe("a program to run", () => {
  const base = makeTemporaryFolder();
  const find = createProgramFinder({ path: join(base, ".pyenv", "shims"), cwd: base, closure: () => [] });
  mkdirSync(join(base, ".pyenv", "shims"), { recursive: true });
  mkdirSync(join(base, "shims"));
  for (const path of [join(base, ".pyenv", "shims", "python3"), join(base, "shims", "tool")]) {
    writeFileSync(path, "#!/bin/sh\n");
    chmodSync(path, 0o755);
  }

  test("that is a stand-in of a manager of versions is refused, with the words that find the real one", async () => {
    await expect(find(["python3", "x.py"])).rejects.toMatchObject({
      code: "not-found",
      hint: "name the program that it stands for: pyenv which python3",
    });
  });

  test("that a manager of versions keeps comes with all of its version", async () => {
    const version = join(base, ".pyenv", "versions", "3.12.1");
    const python = join(version, "bin", "python3");
    mkdirSync(join(version, "bin"), { recursive: true });
    writeFileSync(python, "#!/bin/sh\n");
    chmodSync(python, 0o755);
    expect(await find([python, "x.py"])).toEqual({ command: [python, "x.py"], code: [version] });
  });

  test("that is not there, or cannot be executed, ends as a shell would", async () => {
    writeFileSync(join(base, "text"), "words\n");
    const faults = await Promise.all(
      ["none", "./none", "./text", "./shims"].map((word) => find([word]).catch((error: unknown) => error)),
    );
    expect(faults.map((fault) => fault instanceof CliFailure && [fault.exit, fault.code, fault.message])).toEqual([
      [127, "no-program", 'Cannot start "none": there is no such program'],
      [127, "no-program", 'Cannot start "./none": there is no such program'],
      [126, "bad-program", 'Cannot start "./text": it may not be executed'],
      [126, "bad-program", 'Cannot start "./shims": it is a folder'],
    ]);
  });

  test("that was named by a path from here and is not there says where it was looked for", async () => {
    const hint = `looked for from the folder where you stand: ${join(base, "none")}`;
    await expect(find(["./none"])).rejects.toMatchObject({ code: "no-program", hint });
    await expect(find(["none"])).rejects.toMatchObject({ hint: expect.stringContaining("name it with its path") });
  });

  test("in the agent's workspace is left for its sandbox to find", async () => {
    expect(await find(["/workspace/x", "y"])).toEqual({ command: ["/workspace/x", "y"], code: [] });
    await expect(find(["/workspaces/x"])).rejects.toMatchObject({ code: "no-program" });
  });

  test("in a folder that is only called so is one", async () => {
    const tool = join(base, "shims", "tool");
    expect(await find([tool, "x"])).toEqual({ command: [tool, "x"], code: [tool] });
  });
});
