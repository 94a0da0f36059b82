import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, readlinkSync } from "node:fs";
import { ReadStream } from "node:tty";
import { afterEach, describe, expect, it } from "vitest";
import { openPty } from "./pty.ts";

const terminal = JSON.stringify(new URL("terminal.ts", import.meta.url).href);

interface Session {
  readonly child: ChildProcess;
  seen(): string;
  type(keys: string): void;
  until(words: string): Promise<void>;
  /** What the program said beside the terminal. */
  readonly said: Promise<string>;
  close(): void;
}

const sessions: ChildProcess[] = [];
afterEach(() => {
  for (const child of sessions.splice(0)) child.kill("SIGKILL");
});

/** Runs a script in a session of its own, on a terminal of its own, with nothing on standard input. */
function startSession(script: string): Session {
  const pty = openPty();
  const name = readlinkSync(`/proc/self/fd/${pty.slave}`);
  // The first terminal that the leader of a session opens becomes its controlling one, which /dev/tty then means.
  const whole = `import fs from "node:fs"; fs.openSync(${JSON.stringify(name)}, "r+");
    const { readPassphrase, askChoice, hasTerminal } = await import(${terminal});
    const say = (value) => fs.writeSync(1, JSON.stringify(value));
    ${script}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", whole], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const screen = new ReadStream(pty.master);
  sessions.push(child);
  let seen = "";
  let said = "";
  screen.on("data", (bytes) => (seen += bytes.toString()));
  screen.on("error", () => screen.destroy());
  child.stdout?.on("data", (bytes: Buffer) => (said += bytes.toString()));
  child.stderr?.on("data", (bytes: Buffer) => (said += bytes.toString()));
  return {
    child,
    seen: () => seen,
    type: (keys) => void screen.write(keys),
    until: async (words) => {
      const end = performance.now() + 60_000;
      while (!seen.includes(words)) {
        if (performance.now() > end) throw new Error(`never seen: ${words}; seen: ${JSON.stringify(seen)} ${said}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    said: new Promise((resolve) => child.once("close", () => resolve(said))),
    close: () => {
      child.kill("SIGKILL");
      screen.destroy();
      closeSync(pty.slave);
    },
  };
}

const READ = `try { say({ got: await readPassphrase("Passphrase: ") }); } catch (error) { say({ code: error.code }); }
  fs.writeSync(fs.openSync("/dev/tty", "w"), "AFTER" + String.fromCharCode(10)); process.exitCode = 0;`;

async function typed(keys: string): Promise<{ said: unknown; seen: string }> {
  const session = startSession(READ);
  await session.until("Passphrase: ");
  session.type(keys);
  const said: unknown = JSON.parse(await session.said);
  await session.until("AFTER"); // what the terminal shows arrives in its own time
  const seen = session.seen();
  session.close();
  return { said, seen };
}

describe("a passphrase", () => {
  it("is read from the terminal and never shown", async () => {
    const { said, seen } = await typed("open sésame\r");
    expect(said).toEqual({ got: "open sésame" });
    expect(seen.replaceAll("\r", "")).toBe("Passphrase: \nAFTER\n");
  });

  it("can be corrected by characters, also by those of several bytes, and by line", async () => {
    expect((await typed("xy\u007f\u007f\u007fgrü\u007füß\b\u0015right🔑\u007f\u007ft!\r")).said).toEqual({
      got: "right!",
    });
  });

  it("ends at the first end of line of a paste", async () => {
    expect((await typed("first\nsecond\n")).said).toEqual({ got: "first" });
  });

  it("is bounded", async () => {
    expect((await typed(`${"x".repeat(1025)}\r`)).said).toEqual({ code: "too-long" });
    expect((await typed(`${"x".repeat(1024)}\r`)).said).toEqual({ got: "x".repeat(1024) });
  });

  it.each(["\u0003", "half\u0003", "\u0004", "half\u0004"])("is cancelled by %j", async (keys) => {
    expect((await typed(keys)).said).toEqual({ code: "cancelled" });
  });
});

describe("the terminal", () => {
  it.each(["done\r", "\u0003"])("echoes again after %j", async (keys) => {
    const session = startSession(`${READ}; setTimeout(() => {}, 1500);`);
    await session.until("Passphrase: ");
    session.type(keys);
    await session.until("AFTER");
    session.type("visible");
    await session.until("visible");
    session.child.kill("SIGKILL");
    session.close();
  });

  it("echoes again after the program was told to end in the middle", async () => {
    const session = startSession(READ);
    await session.until("Passphrase: ");
    session.type("secret");
    await new Promise((resolve) => setTimeout(resolve, 100));
    session.child.kill("SIGTERM");
    await session.said;
    expect(session.seen()).not.toContain("secret");
    session.type("visible");
    await session.until("visible");
    session.close();
  });

  it("shows of an answer its letter", async () => {
    const session = startSession(`say({ got: await askChoice("Sign? ") });`);
    await session.until("Sign? ");
    session.type("yess\u007f\r");
    expect(JSON.parse(await session.said)).toEqual({ got: "yes" });
    await session.until("Sign? y");
    expect(session.seen()).not.toContain("yes");
    session.close();
  });

  it("shows nothing of a passphrase that is typed at a question, and lets it be taken back", async () => {
    const session = startSession(`say({ got: await askChoice("Sign? [y/N] ") });`);
    await session.until("Sign? [y/N] ");
    session.type("correct horse\u0015no horse\u007f\u0015y\r");
    expect(JSON.parse(await session.said)).toEqual({ got: "y" });
    await session.until("n\b \by");
    expect(session.seen().replaceAll("Sign? [y/N] ", "")).not.toMatch(/[corehs]/);
    session.close();
  });
});

const ASKER = `let question = null; const asker = {
    redraw: () => fs.writeSync(fs.openSync("/dev/tty", "w"), "ROWS" + String.fromCharCode(10)), attach: (it) => (question = it) };
  process.on("SIGUSR2", () => question.end("It is over"));`;

describe("a question", () => {
  it.each(["askChoice", "readPassphrase"])(
    "is not answered by what was typed before it stood there (%s)",
    async (ask) => {
      const session = startSession(`say({ got: await ${ask}("Sign? ") });`);
      session.type("y\r"); // long before the program reads
      await session.until("Sign? ");
      session.type("n\r");
      expect(JSON.parse(await session.said)).toEqual({ got: "n" });
      session.close();
    },
  );

  it("that ends while somebody types lets nothing of the rest be seen or read, as far as Enter", async () => {
    const after = `fs.writeSync(fs.openSync("/dev/tty", "w"), "AFTER" + String.fromCharCode(10));`;
    const session = startSession(`${ASKER} say({ got: await readPassphrase("Passphrase: ", asker) }); ${after}`);
    await session.until("Passphrase: ");
    session.type("correct hor");
    session.child.kill("SIGUSR2");
    await session.until("It is over. Enter goes on.");
    session.type("se battery");
    await new Promise((resolve) => setTimeout(resolve, 100)); // for an echo, were there one
    session.type("\r");
    expect(JSON.parse(await session.said)).toEqual({ got: null });
    await session.until("AFTER");
    expect(session.seen()).not.toMatch(/corr|hor|batt/);
    session.close();
  });

  it("is shown again with what it is about when the terminal has another width", async () => {
    const session = startSession(`${ASKER} say({ got: await askChoice("Sign? ", asker) });`);
    await session.until("Sign? ");
    session.type("y");
    await session.until("Sign? y");
    session.child.kill("SIGWINCH");
    await session.until("ROWS\r\nSign? y");
    session.type("\r");
    expect(JSON.parse(await session.said)).toEqual({ got: "y" });
    session.close();
  });
});

describe("without a terminal", () => {
  it("nothing is asked, whatever stands on standard input or in the environment", async () => {
    const script = `const { readPassphrase, askChoice, hasTerminal } = await import(${terminal});
      const codes = [];
      for (const ask of [readPassphrase, askChoice]) await ask("? ").catch((error) => codes.push(error.code));
      console.log(JSON.stringify({ codes, has: hasTerminal() }));`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      detached: true,
      stdio: ["pipe", "pipe", "inherit"],
      env: { PASSPHRASE: "guess", AIOS_PASSPHRASE: "guess" },
    });
    child.stdin.end("guess\n");
    let said = "";
    child.stdout.on("data", (bytes: Buffer) => (said += bytes.toString()));
    await new Promise((resolve) => child.once("close", resolve));
    expect(JSON.parse(said)).toEqual({ codes: ["no-terminal", "no-terminal"], has: false });
  });
});
