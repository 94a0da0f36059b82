import { execFile } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { COMMAND } from "../fakes/command.ts";
import { openShell, type ShellSession } from "../fakes/shell-session.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { startSubstrate, type Substrate } from "./substrate.ts";

/*
 * kill -9 of the monitor under `aios run`: nothing of the agent is left, and the command says which instance that was and what
 * to do next.
 */
let aios: Substrate;
let shell: ShellSession | null = null;
/** What only the agent of these tests is called. */
const LASTS = "86399.25";
const made = (): string => join(aios.workspace, "made");
const AGENT = `printf '\\033[?1049hat work\\n'; echo x > made; sleep ${LASTS}`;

beforeAll(async () => {
  aios = await startSubstrate();
  await aios.grant({ id: "work", agents: ["worker"], allow: [], workspace: "write", programs: "any" });
});
afterEach(async () => {
  shell?.close();
  shell = null;
  rmSync(made(), { force: true });
  await aios.restart();
});
afterAll(() => aios.stop());

/** The one instance that runs, when it has begun to work. */
async function atWork(): Promise<string> {
  await expect.poll(() => existsSync(made())).toBe(true);
  await expect.poll(agents).not.toEqual([]);
  const [view] = (await aios.client.request("ps", { all: false })).instances;
  return view?.instance ?? "none";
}

/** Processes of the agent, seen from outside. */
function agents(): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/u.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "latin1") === `sleep\0${LASTS}\0`;
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

const words = (): readonly string[] => ["run", "--agent", "worker", "--workspace", aios.workspace, "--home", aios.home];
const said = (instance: string): string =>
  `aios: The monitor ended, and instance ${instance} of agent worker ended with it (monitor-lost)`;

test("names the instance, that it is ended, and what to do next, which does it", async () => {
  const running = promisify(execFile)(COMMAND, [...words(), "--", "sh", "-c", AGENT]).catch((error: unknown) => error);
  const instance = await atWork();
  await aios.crash();
  const ended = await running;
  expect(ended).toMatchObject({ code: 4, stdout: expect.stringContaining("at work\n") });
  const { stderr } = ended as { readonly stderr: string };
  expect(stderr.slice(stderr.indexOf("aios: "))).toBe(
    `${said(instance)}\nhint: aios restart ${instance} starts it again, aios log show --instance ${instance} says what it did, aios undo ${instance} takes back what it changed in the workspace; each starts the monitor first\n`,
  );
  await expect.poll(agents).toEqual([]);

  const { stdout } = await promisify(execFile)(COMMAND, ["undo", instance, "--home", aios.home]);
  expect(stdout).toContain("made");
  expect(existsSync(made())).toBe(false);
  await promisify(execFile)(COMMAND, ["serve", "--stop", "--home", aios.home]);
});

test("gives the person's terminal back as it was", async () => {
  const folder = makeTemporaryFolder();
  chmodSync(folder, 0o755);
  shell = openShell(folder, {});
  shell.type(
    `${[COMMAND, ...words()].join(" ")} -- sh -c "${AGENT.replaceAll("\\", "\\\\")}"; stty -a; echo "exit"=$?\r`,
  );
  const instance = await atWork();
  await shell.see("at work");
  await aios.crash();
  await shell.see("exit=");
  const shown = shell.shown();
  const after = shown.slice(shown.indexOf("at work"));
  expect(after).toContain(said(instance));
  // The person's own screen comes back before anything is said on it.
  expect(after.indexOf("\u001b[?1049l")).toBeGreaterThan(0);
  expect(after.indexOf("\u001b[?1049l")).toBeLessThan(after.indexOf("(monitor-lost)"));
  expect(after).toMatch(/[^-]icanon/u);
  await expect.poll(agents).toEqual([]);
});
