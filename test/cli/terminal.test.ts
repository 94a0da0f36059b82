import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COMMAND } from "../fakes/command.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { openShell, type ShellSession } from "../fakes/shell-session.ts";

/*
 * The real command line at a real terminal, with a person's shell around it and an agent inside that tries what it can with
 * the terminal it was lent.
 */
const PASSPHRASE = "correct horse battery staple";

/** Answers keys with what it got; paints, asks and stops itself on request. */
const AGENT = String.raw`
process.stdin.setRawMode(true);
const say = (text) => process.stdout.write(text + "\r\n");
process.stdout.on("resize", () => say("SIZE " + process.stdout.columns + "x" + process.stdout.rows));
process.stdin.on("data", (bytes) => {
  const keys = bytes.toString("latin1").replace(/^t.*/s, "t");
  if (keys === "q") { say("BYE"); process.exit(7); }
  if (keys === "c") say("<\x1b[38;5;200mA\x1b[38;2;1;2;3mB\x1b[48:2::4:5:6mC\x1b[0m\x1b[?2004h>");
  else if (keys === "x") say("<\x1b]52;c;QUFB\x07\x1b]0;title\x07\x1b]2;title\x1b\\\x1b[c\x1b[>c\x1b[6n\x1b[5n\x1bP\$qm\x1b\\\x1bP+q544e\x1b\\\x1b[>q\x1b[21t\x1b[?u\x1b[?1004h\x1bZ\x05>");
  else if (keys === "l") setInterval(() => say("NOISE"), 50);
  else if (keys === "\x1a") { say("STOPPING"); process.kill(process.pid, "SIGSTOP"); setTimeout(() => say("GOES ON"), 50); }
  else if (keys === "t") {
    // As Claude Code does it: SIGTSTP, which the kernel ignores in a group without a shell.
    process.once("SIGCONT", () => { process.stdin.setRawMode(true); say("CONTINUED"); });
    process.stdin.setRawMode(false);
    process.kill(process.pid, "SIGTSTP");
  }
  else say("GOT " + bytes.toString("hex"));
});
say("READY");
`;

describe("at a terminal", () => {
  const base = realpathSync(makeTemporaryFolder());
  const home = join(base, "home");
  let shell: ShellSession;

  beforeAll(() => {
    chmodSync(base, 0o755);
    mkdirSync(join(base, "work"));
    shell = openShell(join(base, "work"), { AIOS_HOME: home, AGENT });
  });
  afterAll(() => {
    spawnSync(COMMAND, ["serve", "--stop", "--home", home]);
    shell.close();
  });

  /** Types a command; resolves when the shell asks for the next, with what was shown meanwhile. */
  async function command(words: string): Promise<string> {
    shell.clear();
    shell.type(`${words}; echo "exit"=$?\r`);
    await shell.see("exit=");
    return shell.shown();
  }

  test("aios init that is broken off leaves no monitor behind", async () => {
    shell.type(`${COMMAND} init; echo "exit"=$?\r`);
    await shell.see("passphrase");
    shell.type("\u0003");
    await shell.see("exit=130");
    expect(await command(`${COMMAND} serve --stop`)).toContain("(no-home)");
  });

  test("a passphrase is shown nowhere, at its own prompt and at a question", async () => {
    shell.clear();
    shell.type(`${COMMAND} init; echo "exit"=$?\r`);
    for (const prompt of ["passphrase", "again"]) {
      await shell.see(prompt);
      shell.type(`${PASSPHRASE}\r`);
    }
    await shell.see("exit=0");
    shell.clear();
    shell.type(`${COMMAND} run --profile mcp-client -- node -e 0; echo "exit"=$?\r`);
    await shell.see("[y/N] ");
    shell.type(`${PASSPHRASE}\r`);
    await shell.see("a passphrase is asked for by its name: ");
    shell.type("n\r");
    await shell.see("exit=1");
    expect(shell.shown()).not.toMatch(/correct|horse|battery/);
  });

  describe("an agent", () => {
    beforeAll(async () => {
      shell.clear();
      shell.type(`${COMMAND} run --agent keys -- node -e "$AGENT"; echo "exit"=$?\r`);
      await shell.see("READY");
    });

    test("hears of a new size", async () => {
      shell.resize(120, 40);
      await shell.see("SIZE 120x40");
    });

    test("shows 256 and true colours, and modes for pasting", async () => {
      shell.clear();
      shell.type("c");
      await shell.see(">");
      expect(shell.shown()).toContain(
        "<\u001b[38;5;200mA\u001b[38;2;1;2;3mB\u001b[48:2::4:5:6mC\u001b[0m\u001b[?2004h>",
      );
    });

    test("gets what the person pastes, images too", async () => {
      for (const pasted of [
        "\u001b[200~two\nlines\u001b[201~",
        "\u001b_Ga=T,f=100;iVBORw0KGgo=\u001b\\",
        "\u001b]1337;File=inline=1:iVBORw0KGgo=\u0007",
      ]) {
        shell.clear();
        shell.type(pasted);
        await shell.see(`GOT ${Buffer.from(pasted, "latin1").toString("hex")}`);
      }
    });

    test("writes no clipboard and no title, and asks the terminal nothing", async () => {
      shell.clear();
      shell.type("x");
      await shell.see(">");
      expect(shell.shown()).toContain("<>");
      for (const control of ["\u001b", "\u0005"]) expect(shell.shown()).not.toContain(control);
    });

    test("that stops itself on Ctrl-Z gives the person their shell back, and fg brings both on", async () => {
      shell.clear();
      shell.type("\u001a");
      await shell.see("STOPPING");
      await shell.see("the agent has stopped itself");
      await shell.see("Stopped");
      shell.type("echo in the $((40 + 2))nd shell\r");
      await shell.see("in the 42nd shell");
      shell.clear();
      shell.type("fg\r");
      await shell.see("GOES ON");
      shell.type("k");
      await shell.see("GOT 6b");
    });

    test("that would stop, and cannot, is not left at a dead screen", async () => {
      shell.clear();
      shell.type("t\u001a");
      await shell.see("the agent has stopped itself");
      await shell.see("Stopped");
      shell.clear();
      shell.type("fg\r");
      await shell.see("CONTINUED");
      shell.type("k");
      await shell.see("GOT 6b");
    });

    test("is silent while the panel behind Ctrl-] is open, and gets no key of it", async () => {
      shell.type("l");
      await shell.see("NOISE");
      shell.clear();
      shell.type("\u001d");
      await shell.see("nothing is held");
      await shell.see("NOISE");
      expect(shell.shown()).not.toContain("GOT 1d");
    });

    test("ends with its own exit code, and the terminal is as it was", async () => {
      shell.clear();
      shell.type("q");
      await shell.see("BYE");
      await shell.see("shell>");
      // The stop ended the list of commands that the shell had.
      shell.type('echo "code"=$?\r');
      await shell.see("code=7");
      expect(await command("stty -a")).toMatch(/ icanon .* echo /s);
    });
  });
});
