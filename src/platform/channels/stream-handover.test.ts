import { spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, readSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import { sendMessage } from "./fd-passing.ts";
import { descriptorOf } from "./peer-credentials.ts";
import { receiveDescriptors, sendDescriptors, type Handover } from "./stream-handover.ts";
import { connectSocket, type UnixServer } from "./unix-server.ts";

const TICKET = "00112233445566778899aabbccddeeff";
let path: string;
let server: UnixServer;
let taken: Handover[];
let accept: boolean;

beforeEach(async () => {
  path = join(makeTemporaryFolder(), "streams.sock");
  taken = [];
  accept = true;
  server = await receiveDescriptors(path, {
    stale: "refuse",
    onHandover: (handover) => {
      if (accept) taken.push(handover);
      return accept;
    },
  });
});
afterEach(() => {
  for (const handover of taken) for (const fd of handover.fds) closeSync(fd);
  server.close();
});

const openCount = (): number => readdirSync("/proc/self/fd").length;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends a raw message and waits until the other side has closed the connection. */
async function sendRaw(bytes: string, fds: readonly number[]): Promise<void> {
  const socket = await connectSocket(path);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  sendMessage(descriptorOf(socket), { bytes: Buffer.from(bytes, "latin1"), fds });
  socket.resume();
  await closed;
}

describe("handing streams over", () => {
  it("brings working descriptors, in order, with ticket and peer", async () => {
    const file = join(path, "..", "file");
    writeFileSync(file, "");
    const fds = [openSync("/etc/passwd", "r"), openSync(file, "w"), openSync("/dev/null", "w")];
    await sendDescriptors(path, TICKET, fds);
    for (const fd of fds) closeSync(fd);
    expect(taken).toHaveLength(1);
    expect(taken[0]).toMatchObject({ ticket: TICKET, peer: { uid: process.geteuid?.(), pid: process.pid } });
    const [input = -1, output = -1] = taken[0]?.fds ?? [];
    const start = Buffer.alloc(5);
    readSync(input, start);
    expect(start.toString()).toBe("root:");
    writeSync(output, "through");
    expect(readFileSync(file, "utf8")).toBe("through");
  });

  it("works from another process, whose copies may end before they are used", async () => {
    const script = `import { sendDescriptors } from ${JSON.stringify(new URL("stream-handover.ts", import.meta.url).href)};
      await sendDescriptors(${JSON.stringify(path)}, "${TICKET}", [0, 1, 2]);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const said = new Promise<string>((resolve) =>
      child.stdout.once("data", (bytes: Buffer) => resolve(bytes.toString())),
    );
    expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(0);
    writeSync(taken[0]?.fds[1] ?? -1, "after its end");
    expect(await said).toBe("after its end");
  });

  it("marks what it receives close-on-exec, so that no sandbox inherits it by accident", async () => {
    await sendDescriptors(path, TICKET, [0]);
    const flags = readFileSync(`/proc/self/fdinfo/${taken[0]?.fds[0]}`, "utf8").match(/flags:\s*(\d+)/)?.[1];
    expect(Number.parseInt(flags ?? "0", 8) & 0o2000000).toBe(0o2000000);
  });
});

describe("what is not a handover", () => {
  it("leaves no descriptor open when the ticket is unknown", async () => {
    accept = false;
    const before = openCount();
    await expect(sendDescriptors(path, TICKET, [0, 1])).rejects.toMatchObject({ code: "streams-refused" });
    await pause(50);
    expect(openCount()).toBe(before);
  });

  it.each([
    ["a malformed ticket", "Z".repeat(32), 2],
    ["a ticket that goes on", `${TICKET}0`, 2],
    ["a short ticket", "00", 1],
    ["no descriptor", TICKET, 0],
    ["one descriptor too many", TICKET, 4],
    ["a flood of descriptors", TICKET, 200],
  ])("closes the connection and everything it brought: %s", async (_what, ticket, count) => {
    const before = openCount();
    await sendRaw(
      ticket,
      Array.from({ length: count }, () => 0),
    );
    await pause(50);
    expect(taken).toEqual([]);
    expect(openCount()).toBe(before);
  });

  it("waits for a silent client one second and serves others meanwhile", async () => {
    const silent = await connectSocket(path);
    silent.resume();
    const began = performance.now();
    let waited = true;
    const closed = new Promise((resolve) => silent.once("close", resolve)).then(() => (waited = false));
    await sendDescriptors(path, TICKET, [0]);
    expect(waited).toBe(true);
    await closed;
    expect(performance.now() - began).toBeGreaterThan(900);
    expect(taken).toHaveLength(1);
  });

  it("is refused by the sender for a ticket of another form, before anything is sent", async () => {
    await expect(sendDescriptors(path, "../../etc", [0])).rejects.toMatchObject({ code: "streams-refused" });
    await expect(sendDescriptors(join(path, "..", "absent"), TICKET, [0])).rejects.toMatchObject({
      code: "unreachable",
    });
  });
});
