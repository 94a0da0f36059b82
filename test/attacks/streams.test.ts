import { randomBytes } from "node:crypto";
import {
  chownSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makePipe } from "../../src/platform/channels/pipe.ts";
import { sendDescriptors } from "../../src/platform/channels/stream-handover.ts";
import { REPO, startSubstrate, type Substrate } from "../e2e/substrate.ts";
import { readUser } from "../e2e/user.ts";

/*
 * THREATS, "inherited descriptor, working directory, /proc/self/fd": what a process holds open it can open again with
 * other rights, and from a folder it can walk to everything that its user may reach. So an agent never gets a person's
 * own streams: the command line relays them through pipes, and the monitor takes nothing else.
 */
let aios: Substrate;
let folder: string;

beforeAll(async () => {
  aios = await startSubstrate();
  folder = realpathSync(mkdtempSync(join(tmpdir(), "aios-streams-")));
  mkdirSync(join(folder, "outside"));
  writeFileSync(join(folder, "outside", "secret"), "host-secret");
  writeFileSync(join(folder, "words"), "the words\n");
  spawnSync("/usr/bin/mkfifo", [join(folder, "fifo")]);
  if (process.geteuid?.() === 0) {
    const { uid, gid } = readUser("aios");
    for (const name of [".", "outside", "outside/secret", "words"]) chownSync(join(folder, name), uid, gid);
  }
});
afterAll(async () => {
  await aios.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a shell line as an agent without any grant, through the real command line with these streams. */
function run(
  script: string,
  stdio: { readonly in?: string; readonly out?: string },
  command: readonly string[] = ["/bin/bash", "-c", script],
) {
  const input = openSync(stdio.in ?? "/dev/null", "r");
  const output = stdio.out === undefined ? "pipe" : openSync(stdio.out, "a");
  try {
    return spawnSync(join(REPO, "bin", "aios"), ["run", "--home", aios.home, "--agent", "nobody", "--", ...command], {
      stdio: [input, output, "pipe"],
      encoding: "utf8",
      timeout: 60_000,
    });
  } finally {
    closeSync(input);
    if (typeof output === "number") closeSync(output);
  }
}

describe("a person's streams", () => {
  test("twin: what is in a file arrives, and what is said comes out", () => {
    const ran = run("read line; echo got $line; echo warned >&2; exit 7", { in: join(folder, "words") });
    expect(ran.stdout).toBe("got the words\n");
    expect(ran.stderr).toContain("warned\n");
    expect(ran.status).toBe(7);
  });

  test("twin: nothing of much is lost, from a file to a file and from a pipe to a pipe", () => {
    const [from, to] = [join(folder, "much"), join(folder, "as-much")];
    writeFileSync(from, randomBytes(3_000_000));
    expect(run("", { in: from, out: to }, ["/usr/bin/cat"]).status).toBe(0);
    expect(readFileSync(to).equals(readFileSync(from))).toBe(true);
    const line = `cat "$1" | "$2" run --home "$3" --agent nobody -- /usr/bin/cat | cat`;
    const piped = spawnSync("/bin/bash", ["-c", line, "-", from, join(REPO, "bin", "aios"), aios.home], {
      maxBuffer: 1e8,
    });
    expect(piped.stdout.equals(readFileSync(from))).toBe(true);
  });

  test("a folder as input is no way into it, nor up from it", () => {
    const attack = `(echo $(< /proc/self/fd/0/secret); echo x > /proc/self/fd/0/planted; echo $(< /proc/self/fd/0/../words)) 2>/dev/null; echo end`;
    expect(
      run(attack, { in: join(folder, "outside") })
        .stdout.trim()
        .split("\n")
        .at(-1),
    ).toBe("end");
    const reached = run(attack, { in: join(folder, "outside") }).stdout;
    expect(reached).not.toContain("host-secret");
    expect(reached).not.toContain("the words");
    expect(() => readFileSync(join(folder, "outside", "planted"))).toThrow(/ENOENT/);
  });

  test("a file as input cannot be written, and one as output can be neither read nor emptied", () => {
    run("echo overwritten > /proc/self/fd/0", { in: join(folder, "words") });
    expect(readFileSync(join(folder, "words"), "utf8")).toBe("the words\n");
    const log = join(folder, "log");
    writeFileSync(log, "earlier lines\n");
    run('exec 5>&1; read -t 1 x < /proc/self/fd/5; : > /proc/self/fd/5; echo "read: $x" >&5', { out: log });
    expect(readFileSync(log, "utf8")).toMatch(/^earlier lines\nread: (?!earlier)/);
  });
});

describe("the monitor takes from a command line", () => {
  const hand = async (open: () => number): Promise<void> => {
    const pipe = makePipe();
    const fds = [open(), ...pipe];
    try {
      await sendDescriptors(join(aios.home, "run", "streams.sock"), randomBytes(16).toString("hex"), fds);
    } finally {
      for (const fd of fds) closeSync(fd);
    }
  };

  test("twin: pipes", async () => {
    const [read, write] = makePipe();
    await expect(hand(() => read)).resolves.toBeUndefined();
    closeSync(write);
  });

  test.each([
    ["a folder", () => openSync(folder, "r")],
    ["a file", () => openSync(join(folder, "words"), "r")],
    ["a device", () => openSync("/dev/zero", "r")],
    ["a named pipe", () => openSync(join(folder, "fifo"), constants.O_RDONLY | constants.O_NONBLOCK)],
  ])("not %s", async (_name, open) => {
    await expect(hand(open)).rejects.toMatchObject({ code: "streams-refused" });
  });
});
