import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, Socket } from "node:net";
import { join } from "node:path";
import { Writable } from "node:stream";
import { expect, it } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import type { Channel } from "../powers.ts";
import { carryOn } from "../network/carry-on.ts";
import { inheritedBulkChannel, pairChannel, socketChannel } from "./channel.ts";
import { createMuxClient, serveMux } from "../network/mux.ts";
import { makeSocketPair } from "./socket-pair.ts";
import { connectUnix } from "./unix-server.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

async function openPair(): Promise<{ near: Channel; far: Socket; close: () => void }> {
  const path = join(makeTemporaryFolder(), "s");
  const server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const near = await connectUnix(path);
  return { near, far: await accepted, close: () => void server.close() };
}

const received = (channel: Channel, count: number): Promise<string> =>
  new Promise((resolve) => {
    let all = "";
    channel.onData((chunk) => {
      all += text(chunk);
      if (all.length >= count) resolve(all);
    });
  });

it("carries bytes both ways, and keeps those that came before anybody listened", async () => {
  const { near, far, close } = await openPair();
  const other = socketChannel(far);
  near.write(Buffer.from("early"));
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(await received(other, 5)).toBe("early");
  other.write(Buffer.from("back"));
  expect(await received(near, 4)).toBe("back");
  near.destroy();
  close();
});

it("delivers in order what was written in one turn, also when the channel is destroyed in the same turn", async () => {
  const { near, far, close } = await openPair();
  const whole = Array.from({ length: 2000 }, (_, index) => `${index} is a line of its own\n`);
  let got = "";
  const ended = new Promise((resolve) => far.once("close", resolve));
  far
    .setEncoding("utf8")
    .on("data", (chunk: string) => (got += chunk))
    .resume();
  // More than waits for the end of a turn, so that some was written before.
  for (const line of whole) near.write(Buffer.from(line));
  near.destroy();
  expect(near.write(Buffer.from("late"))).toBe(false);
  await ended;
  expect(got).toBe(whole.join(""));
  close();
});

it("joins the two streams of a child, and is gone when the child is", async () => {
  const child = spawn("cat", { stdio: ["pipe", "pipe", "ignore"] });
  const { stdin, stdout } = child;
  if (!(stdin instanceof Socket) || !(stdout instanceof Socket)) throw new Error("a child's streams are not sockets");
  const channel = pairChannel(stdout, stdin);
  let closed = 0;
  channel.onClose(() => closed++);
  channel.write(Buffer.from("one "));
  channel.write(Buffer.from("two"));
  expect(await received(channel, 7)).toBe("one two");
  child.kill("SIGKILL");
  await new Promise<void>((resolve) => channel.onClose(resolve));
  expect(closed).toBe(1);
  expect(stdin.destroyed && stdout.destroyed).toBe(true);
  expect(channel.write(Buffer.from("x"))).toBe(false);
});

it("says once that the other side is gone, also to those who ask late", async () => {
  const { near, far, close } = await openPair();
  let closed = 0;
  near.onClose(() => closed++);
  near.onData(() => undefined);
  far.destroy();
  await new Promise<void>((resolve) => near.onClose(resolve));
  await new Promise<void>((resolve) => near.onClose(resolve));
  expect(closed).toBe(1);
  expect(near.write(Buffer.from("x"))).toBe(false);
  close();
});

it("ends when the peer only stops sending", async () => {
  const { near, far, close } = await openPair();
  near.onData(() => undefined);
  const gone = new Promise<void>((resolve) => near.onClose(resolve));
  far.end();
  await gone;
  far.destroy();
  close();
});

it("asks its writer to wait while the peer does not read, and says when it may go on", async () => {
  const { near, far, close } = await openPair();
  const piece = new Uint8Array(64 * 1024);
  let pieces = 1;
  while (near.write(piece)) pieces++;
  expect(pieces).toBeLessThan(1000);
  const drained = new Promise<void>((resolve) => near.onDrain(resolve));
  far.resume();
  await drained;
  near.destroy();
  far.destroy();
  close();
});

it("survives a write to a peer that has just died", async () => {
  const { near, far, close } = await openPair();
  const gone = new Promise<void>((resolve) => near.onClose(resolve));
  far.destroy();
  near.write(new Uint8Array(1024));
  near.write(new Uint8Array(1024));
  near.onData(() => undefined);
  await gone;
  close();
});

/** A body that differs everywhere, through streams of a channel whose memory is used again, to a reader that makes them wait. */
it("carries large bodies over memory that is used again, whole, as slowly as they are read", async () => {
  const [near, far] = makeSocketPair();
  const bodies = Array.from({ length: 3 }, (_, index) => randomBytes(2 * 1024 * 1024 + index));
  serveMux(socketChannel(new Socket({ fd: far })), (stream) => {
    stream.on("data", ([index = 0]: Buffer) => stream.end(bodies[index]));
  });
  const channel = inheritedBulkChannel(near);
  const client = createMuxClient(channel);
  const copies = await Promise.all(
    bodies.map(async (_, index) => {
      const stream = client.connect();
      stream.end(Buffer.of(index));
      const parts: Buffer[] = [];
      const slow = new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          // Looked at only when others were read meanwhile.
          setTimeout(() => {
            parts.push(Buffer.from(chunk));
            done();
          }, 1);
        },
      });
      carryOn(stream, slow);
      await once(slow, "finish");
      return Buffer.concat(parts);
    }),
  );
  channel.destroy();
  for (const [index, body] of bodies.entries()) expect(copies[index]?.equals(body)).toBe(true);
});

it("keeps what comes over such a channel before anybody listened", async () => {
  const [near, far] = makeSocketPair();
  const other = socketChannel(new Socket({ fd: far }));
  other.write(Buffer.from("early"));
  const channel = inheritedBulkChannel(near);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(await received(channel, 5)).toBe("early");
  const gone = new Promise<void>((resolve) => channel.onClose(resolve));
  other.destroy();
  await gone;
});

it("opens a socketpair that a child inherited by number", async () => {
  const script = `import { inheritedChannel } from ${JSON.stringify(new URL("channel.ts", import.meta.url).href)};
    const channel = inheritedChannel(3);
    channel.onData((bytes) => channel.write(Buffer.from(Buffer.from(bytes).toString().toUpperCase())));
    channel.onClose(() => process.exit(7));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  const end = child.stdio[3];
  if (!(end instanceof Socket)) throw new Error("place 3 of a child is not a socket");
  const channel = socketChannel(end);
  channel.write(Buffer.from("hello"));
  expect(await received(channel, 5)).toBe("HELLO");
  channel.destroy();
  expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(7);
});
