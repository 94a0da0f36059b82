import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, readlinkSync } from "node:fs";
import { ReadStream } from "node:tty";
import { afterEach, expect, it } from "vitest";
import { openPty, type Pty } from "./pty.ts";

const moduleOf = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);

/** Text of a terminal's master, as it comes; waits for words. */
class Screen {
  text = "";
  readonly #stream: ReadStream;
  constructor(pty: Pty) {
    this.#stream = new ReadStream(pty.master);
    this.#stream.on("data", (bytes) => (this.text += bytes.toString()));
    this.#stream.on("error", () => this.#stream.destroy());
  }
  type(keys: string): void {
    this.#stream.write(keys);
  }
  async see(words: string): Promise<void> {
    const end = performance.now() + 60_000;
    while (!this.text.includes(words)) {
      if (performance.now() > end) throw new Error(`never seen: ${words}; seen: ${JSON.stringify(this.text)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  close(): void {
    this.#stream.destroy();
  }
}

// Runs a pump whose agent is a shell on the inner terminal, with the person's terminal as its standard streams.
const pumps: ChildProcess[] = [];
afterEach(() => {
  for (const pump of pumps.splice(0)) pump.kill("SIGKILL"); // its agent's terminal hangs up with it
});
function startPump(pty: Pty, options: { agent: string; more: string }): ChildProcess {
  const script = `import { openPty } from ${moduleOf("pty.ts")}; import { pumpTerminal } from ${moduleOf("terminal-pump.ts")};
    import { spawn } from "node:child_process"; import fs from "node:fs";
    const pty = openPty();
    const agent = spawn("/bin/sh", ["-c", ${JSON.stringify(options.agent)}], { stdio: [pty.slave, pty.slave, pty.slave] });
    fs.closeSync(pty.slave);
    const text = (bytes) => Buffer.from(bytes).toString();
    const pump = pumpTerminal({ pty, input: 0, output: 1,
      fromPerson: (bytes) => Buffer.from(text(bytes).replace("\\u001d", "")),
      fromAgent: (bytes) => Buffer.from(text(bytes).replaceAll("\\u001b", "ESC")) });
    ${options.more}
    await pump.ended; console.log("PUMP OVER "); process.exit(0);`;
  const pump = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: [pty.slave, pty.slave, pty.slave],
  });
  pumps.push(pump);
  return pump;
}

it("opens a terminal that is one, with the size that was set", async () => {
  const pty = openPty();
  pty.resize(132, 43);
  expect(readlinkSync(`/proc/self/fd/${pty.slave}`)).toMatch(/^\/dev\/pts\/\d+$/);
  const child = spawn("/bin/sh", ["-c", "test -t 0 && stty size"], { stdio: [pty.slave, "pipe", "inherit"] });
  const said = await new Promise<string>((resolve) =>
    child.stdout?.once("data", (bytes: Buffer) => resolve(bytes.toString())),
  );
  expect(said).toBe("43 132\n");
  closeSync(pty.slave);
  closeSync(pty.master);
});

it("carries keys and output through both filters, with the person's size, until the agent ends", async () => {
  const pty = openPty();
  pty.resize(100, 30);
  const screen = new Screen(pty);
  const agent = "read go; stty size; printf '\\033]52;c;AAAA\\007'; read line; echo got:$line";
  const child = startPump(pty, { agent, more: "" });
  const ended = new Promise((resolve) => child.once("exit", resolve)); // before it can have happened
  closeSync(pty.slave);
  screen.type("\r"); // waits in the terminal until the pump is there
  await screen.see("30 100");
  await screen.see("ESC]52");
  expect(screen.text).not.toContain("\u001b]52");
  screen.type("wo\u001drds\r");
  await screen.see("got:words");
  await screen.see("PUMP OVER");
  expect(await ended).toBe(0);
  screen.close();
});

it("gives the terminal back its own mode while paused, holds the agent's output, and shows it afterwards", async () => {
  const pty = openPty();
  const screen = new Screen(pty);
  const more = `setTimeout(() => { pump.pause(); process.stdout.write("OUR PROMPT"); }, 400);
    process.on("SIGUSR2", () => pump.resume());`;
  const child = startPump(pty, { agent: "sleep 1; echo painted; read line", more });
  await screen.see("OUR PROMPT");
  screen.type("echoed by the terminal itself");
  await screen.see("echoed by the terminal itself");
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(screen.text).not.toContain("painted");
  child.kill("SIGUSR2");
  await screen.see("painted");
  screen.type("\r");
  await screen.see("PUMP OVER");
  closeSync(pty.slave);
  screen.close();
});

it("tells the agent when the person's terminal changes its size", async () => {
  const pty = openPty();
  pty.resize(80, 24);
  const screen = new Screen(pty);
  const child = startPump(pty, { agent: "echo ready; read line; stty size; read line", more: "" });
  closeSync(pty.slave);
  await screen.see("ready");
  pty.resize(90, 25);
  child.kill("SIGWINCH"); // the kernel sends it to those who have the terminal as their controlling one
  await new Promise((resolve) => setTimeout(resolve, 100));
  screen.type("\r");
  await screen.see("25 90");
  screen.type("\r");
  await screen.see("PUMP OVER");
  screen.close();
});
