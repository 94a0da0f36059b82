import { readdirSync, readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { createDesk } from "../fakes/cli-powers.ts";
import { COMMAND } from "../fakes/command.ts";
import { openShell, type ShellSession } from "../fakes/shell-session.ts";
import { until } from "../fakes/busy-instances.ts";
import { scriptSource } from "../e2e/sources.ts";
import { startSubstrate, type Substrate } from "../e2e/substrate.ts";

/*
 * `aios top` at a real terminal with a person's shell around it, over a real monitor with agents that wait and agents that run.
 */
const ENTER = "\u001b[?1049h";
const LEAVE = "\u001b[?1049l";
let aios: Substrate;
let shell: ShellSession;

beforeAll(async () => {
  aios = await startSubstrate();
  await aios.grant({
    id: "notes",
    agents: ["asker", "runner"],
    drivers: {
      notes: {
        source: scriptSource("test/fakes/notes-server.ts", { args: ["/tmp/notes.txt"], workspace: "none" }),
        tools: { burn: { risk: "reserved", fields: { text: "string" } } },
      },
    },
    allow: ["notes/burn"],
    limits: { uses: 50 },
  });
  shell = openShell(aios.workspace, {});
  shell.resize(110, 30);
});
afterAll(async () => {
  shell.close();
  await aios.stop();
});

function top(variables = ""): void {
  shell.clear();
  shell.type(`${variables} ${COMMAND} top --home ${aios.home}; echo "exit"=$?\r`);
}

/** The process of the screen. */
function findTop(): number {
  const found = readdirSync("/proc").find((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      return words.includes("top") && words.includes(aios.home);
    } catch {
      return false;
    }
  });
  return Number(found);
}

/** That the shell is a person's again: what they type is echoed, and nothing of ours is on. */
async function expectShell(): Promise<void> {
  shell.clear();
  shell.type("stty -a | tr ';' '\\n' | grep -ow -e '-*icanon' -e '-*echo' -e '-*isig'; echo all\"=\"said\r");
  await shell.see("all=said");
  expect(shell.shown()).not.toMatch(/-icanon|-echo|-isig/);
}

describe("where there is no terminal for it", () => {
  test("it is refused with what says the same", async () => {
    const desk = createDesk();
    expect(await runProgram(["top"], desk.powers)).toBe(5);
    expect(desk.err()).toBe(
      "aios: Cannot show a live screen: there is no terminal, or it cannot move its cursor (no-terminal)\n" +
        "hint: aios ps and aios approvals list say the same\n",
    );
  });

  test("a dumb one is left alone", async () => {
    top("TERM=dumb");
    await shell.see("exit=5");
    expect(shell.shown()).not.toContain("\u001b[?1049h");
    expect(shell.shown()).toContain("aios ps and aios approvals list say the same");
  });
});

describe("a live screen", () => {
  afterEach(async () => {
    const { instances, allFrozen } = await aios.client.request("ps", { all: false });
    for (const { instance } of instances) await aios.client.request("kill", { instance });
    // What one test leaves frozen is no fault of the next.
    if (allFrozen !== null) await aios.sign("thaw-all", { frozen: allFrozen });
  });

  /** Resolves when a program runs inside: a stop ends what is still starting, and freezes what runs. */
  async function begun(): Promise<void> {
    const kinds = ["programs-started"];
    const runs = async (): Promise<boolean> => {
      const [view] = (await aios.client.request("ps", { all: false })).instances;
      if (view === undefined) return false;
      const query = { from: 0, limit: 1, instance: view.instance, kinds };
      return (await aios.client.request("log-show", query)).entries.length > 0;
    };
    await until(runs, "a program inside");
  }

  test("shows what is asked within 200 ms of its record, and gives the terminal back", async () => {
    top();
    await shell.see("Nothing is held.");
    expect(shell.shown()).toContain(ENTER);
    const took: number[] = [];
    for (let round = 0; round < 4; round++) {
      const plan = [{ method: "tools/call", params: { name: "notes__burn", arguments: { text: `t${round}` } } }];
      void aios.follow("asker", plan).catch(() => null);
      await until(async () => (await aios.held()).length > round, "a held action");
      const view = (await aios.held()).toSorted((one, other) => other.since - one.since)[0];
      await shell.see(view?.request.slice(0, 8) ?? "");
      took.push(shell.seenAt(view?.request.slice(0, 8) ?? "") - (view?.since ?? 0));
    }
    expect(shell.shown()).toContain("\u0007"); // once a minute: hold-bell.test.ts
    // The machine may be busy with others: one of them is enough to show that nothing waits longer by itself.
    expect(Math.min(...took)).toBeLessThanOrEqual(200);
    shell.type("q");
    await shell.see("exit=0");
    expect(shell.shown().lastIndexOf(LEAVE)).toBeGreaterThan(shell.shown().lastIndexOf(ENTER));
    await expectShell();
  });

  test("has one key that freezes everything at once, and says that it was confirmed", async () => {
    const running = aios.run({ agent: "runner", command: ["sleep", "300"] }).catch(() => null);
    await begun();
    top();
    await shell.see("runner");
    shell.type("S");
    await shell.see("every part confirmed");
    await shell.see("EVERYTHING IS FROZEN");
    const { allFrozen, instances } = await aios.client.request("ps", { all: false });
    expect(instances).toMatchObject([{ state: "frozen", why: "all-frozen" }]);
    // A key by mistake ends nothing.
    shell.type("kx");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await aios.client.request("ps", { all: false })).instances).toHaveLength(1);
    shell.type("ky");
    await running;
    shell.type("q");
    await shell.see("exit=0");
    await aios.sign("thaw-all", { frozen: allFrozen ?? -1 });
  });

  test("fits a narrow terminal when it is made so, and shows no colour where none is wanted", async () => {
    const running = aios.run({ agent: "runner", command: ["sleep", "300"] }).catch(() => null);
    top("NO_COLOR=1");
    await shell.see("runner");
    // oxlint-disable-next-line no-control-regex -- colours are what is looked for
    expect(shell.shown()).not.toMatch(/\u001b\[[1-9][0-9]*m/u);
    shell.clear();
    shell.resize(40, 12);
    await shell.see("runner");
    const frame =
      shell
        .shown()
        .split("\u001b[H")
        .findLast((each) => each.includes("\u001b[J")) ?? "";
    // oxlint-disable-next-line no-control-regex -- what is ours is taken out
    const rows = Buffer.from(frame, "latin1")
      .toString()
      // oxlint-disable-next-line no-control-regex -- what is ours is taken out
      .replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/gu, "")
      .split("\r\n");
    expect(rows.length).toBeLessThanOrEqual(12);
    expect(rows.filter((row) => row.length > 40)).toEqual([]);
    shell.resize(110, 30);
    shell.type("q");
    await shell.see("exit=0");
    await aios.client.request("kill", { instance: null });
    await running;
  });

  test("stops on Ctrl-Z as a job of the shell and comes back whole", async () => {
    top();
    await shell.see("No instance runs.");
    shell.type("\u001a");
    await shell.see("Stopped");
    expect(shell.shown()).toContain(LEAVE);
    await expectShell();
    shell.clear();
    shell.type("fg\r");
    await shell.see(ENTER);
    await shell.see("No instance runs.");
    shell.type("\u0003");
    await shell.see("shell> ");
    expect(shell.shown()).toContain(LEAVE);
    await expectShell();
  });

  test.each(["SIGTERM", "SIGHUP", "SIGINT"] as const)("gives the terminal back on %s", async (signal) => {
    top();
    await shell.see("No instance runs.");
    process.kill(findTop(), signal);
    await shell.see("exit=0");
    expect(shell.shown()).toContain(LEAVE);
    await expectShell();
  });

  /** Opens the question about one held action. */
  async function openQuestion(): Promise<void> {
    const plan = [{ method: "tools/call", params: { name: "notes__burn", arguments: { text: "asked" } } }];
    void aios.follow("asker", plan).catch(() => null);
    await until(async () => (await aios.held()).length > 0, "a held action");
    top();
    await shell.see("notes/burn");
    shell.type("\ta");
    await shell.see("Let this run, once?");
  }

  test("gives the terminal back on SIGTERM at a question too, with one clear line", async () => {
    await openQuestion();
    process.kill(findTop(), "SIGTERM");
    await shell.see("exit=130");
    expect(shell.shown()).toMatch(/\r\naios: aios top was ended while it asked \(interrupted\)\r\n/);
    await expectShell();
  });

  test("when the monitor falls at a question it ends that first, and what is typed on stays there", async () => {
    await openQuestion();
    shell.type("correct horse");
    await aios.crash();
    await shell.see("Enter goes on.");
    shell.type(" battery\r");
    await shell.see("exit=4");
    expect(shell.shown()).toMatch(/\(monitor-lost\)/);
    expect(shell.shown()).not.toMatch(/correct|horse|battery/);
    await expectShell();
    await aios.restart();
  });

  test("gives the terminal back when the monitor falls, and says so", async () => {
    top();
    await shell.see("No instance runs.");
    await aios.crash();
    await shell.see("exit=4");
    expect(shell.shown()).toMatch(/\(monitor-lost\)/);
    await expectShell();
    await aios.restart();
  });
});
