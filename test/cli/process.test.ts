import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { describeStart } from "../../src/main/monitor-start.ts";
import { COMMAND } from "../fakes/command.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { ROOT } from "../source-modules.ts";

/** The real program as a process: what its streams and its exit code are. */

test("a reader that stops reading ends the command quietly", async () => {
  const screen = pathToFileURL(join(ROOT, "src", "main", "screen.ts")).href;
  // Waits between its writes, as a command does for the monitor: that is when the fault of the first one arrives.
  const program = `import { createScreen } from "${screen}";
    const out = createScreen(process.stdout, {});
    for (let i = 0; i < 3; i++) { out.write("x"); await new Promise((done) => setTimeout(done, 20)); }
    process.exit(7);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    errors += part;
  });
  const exit = await new Promise((done) => child.once("close", done));
  expect({ exit, errors }).toEqual({ exit: 7, errors: "" });
});

describe("a file that cannot be read says why in words", () => {
  const folder = makeTemporaryFolder();
  writeFileSync(join(folder, "latin"), Buffer.of(0xff));
  mkdirSync(join(folder, "folder"));

  test.each([
    ["absent", "it does not exist"],
    ["folder", "it is a folder"],
    ["latin", "it is not UTF-8 text"],
  ])("%s", (name, why) => {
    const path = join(folder, name);
    const { status, stderr } = spawnSync(COMMAND, ["policy", "check", path], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 3, stderr: `aios: Cannot read ${path}: ${why} (file-unreadable)\n` });
  });
});

test("a home that others may enter is refused by name, with one code and how to repair it", () => {
  const home = makeTemporaryFolder();
  mkdirSync(join(home, "keys"));
  // As root the monitor runs as its own user, to whom this home does not belong.
  chmodSync(home, 0o755);
  const { status, stderr } = spawnSync(COMMAND, ["ps", "--home", home], { encoding: "utf8" });
  expect(stderr).toMatch(
    /^aios: Cannot use "[^"]+" for the home: [^()\n]+ \(bad-home\)\nhint: ch(?:mod|own) \d+ '[^']+'\n$/u,
  );
  expect(status).toBe(3);
});

test("a home that is a link is called one, with the folder to name instead", () => {
  const folder = realpathSync(makeTemporaryFolder());
  mkdirSync(join(folder, "real", "keys"), { recursive: true });
  symlinkSync("real", join(folder, "link"));
  const { status, stderr } = spawnSync(COMMAND, ["ps", "--home", join(folder, "link")], {
    encoding: "utf8",
  });
  expect({ status, stderr }).toEqual({
    status: 3,
    stderr: `aios: Cannot use ${folder}/link for the home: it is a link to ${folder}/real (bad-home)\nhint: name that folder itself: --home ${folder}/real\n`,
  });
});

test("what ended a monitor as it started has one code, and the monitor's own words and hint", () => {
  const told = (text: string): readonly unknown[] => {
    const { message, code, hint, exit } = describeStart("/h", text);
    return [message, code, hint, exit];
  };
  expect(told("aiosd: it is closed (home-permissions)\n  hint: open it\n")).toEqual([
    "it is closed",
    "bad-home",
    "open it",
    3,
  ]);
  expect(told("aiosd: it was cut (log-truncated)\n")).toEqual([
    "The monitor of /h ended as it started: it was cut",
    "monitor-unreachable",
    "aios doctor says what this machine lacks",
    4,
  ]);
  expect(told("aiosd: Cannot read journal segment 0: it was cut (log-damaged)\n").slice(0, 3)).toEqual([
    "The monitor of /h ended as it started: Cannot read journal segment 0: it was cut (in /h/log)",
    "monitor-unreachable",
    "nothing is repaired by guessing: aios log verify names what is damaged; put back log and keys together from one backup, or begin anew in another home (--home DIR)",
  ]);
  expect(told("file:1\nSyntaxError: odd\n")[0]).toBe("The monitor of /h ended as it started: SyntaxError: odd");
  expect(told("")[0]).toBe("The monitor of /h ended as it started: it said nothing");
});
