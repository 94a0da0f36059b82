import { once } from "node:events";
import type { Duplex } from "node:stream";
import { duplexPair } from "node:stream";
import { expect, test } from "vitest";
import type { Channel } from "../powers.ts";
import { createMuxClient, serveMux, STREAMS, type MuxClient } from "./mux.ts";

function channelOf(stream: Duplex): Channel {
  stream.on("error", () => undefined);
  return {
    onData: (listener) => void stream.on("data", listener),
    onClose: (listener) => void stream.once("close", listener),
    write: (bytes) => !stream.destroyed && stream.write(bytes),
    onDrain: (listener) => void stream.on("drain", listener),
    destroy: () => void stream.destroy(),
  };
}

function join(onStream: (stream: Duplex) => void): { client: MuxClient; raw: Duplex } {
  const [near, far] = duplexPair();
  far.once("close", () => near.destroy());
  near.once("close", () => far.destroy());
  serveMux(channelOf(far), onStream);
  return { client: createMuxClient(channelOf(near)), raw: near };
}

function quiet(stream: Duplex): Duplex {
  return stream.on("error", () => undefined);
}

async function readAll(stream: Duplex): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

test("carries what is sent on one stream and no other, both ways, with ends", async () => {
  const { client } = join((stream) => stream.pipe(stream));
  const texts = Array.from({ length: 20 }, (_, index) => Buffer.alloc(300_000 + index, index));
  const echoes = texts.map((text) => {
    const stream = client.connect();
    stream.end(text);
    return readAll(stream);
  });
  for (const [index, echo] of (await Promise.all(echoes)).entries())
    expect(echo.equals(texts[index] ?? Buffer.alloc(0))).toBe(true);
});

/** Two channels that deliver at once, inside the call of `write`, as a channel may. */
function immediatePair(): readonly [Channel, Channel] {
  const listeners: [((chunk: Uint8Array) => void)[], ((chunk: Uint8Array) => void)[]] = [[], []];
  const end = (own: 0 | 1, other: 0 | 1): Channel => ({
    onData: (listener) => void listeners[own].push(listener),
    onClose: () => undefined,
    write: (bytes) => {
      for (const listener of listeners[other]) listener(bytes);
      return true;
    },
    onDrain: () => undefined,
    destroy: () => {
      throw new Error("the channel was ended");
    },
  });
  return [end(0, 1), end(1, 0)];
}

test("sends every byte once when credit comes back while a frame is being written", async () => {
  const [near, far] = immediatePair();
  let received: Promise<Buffer> = Promise.resolve(Buffer.alloc(0));
  serveMux(far, (stream) => {
    received = readAll(stream);
  });
  const stream = createMuxClient(near).connect();
  const sent = Buffer.from(Array.from({ length: 2_000_000 }, (_, index) => index % 251));
  // Longer than a frame, so that what is left of it waits while the first part is on its way.
  for (let at = 0; at < sent.length; at += 200_000) stream.write(sent.subarray(at, at + 200_000));
  stream.end();
  expect((await received).equals(sent)).toBe(true);
});

test("gives a reader what came in one piece with the break behind it", async () => {
  const [near, far] = immediatePair();
  serveMux(far, (stream) => {
    stream.write("head");
    stream.destroy();
  });
  const stream = quiet(createMuxClient(near).connect());
  let got = "";
  stream.on("data", (chunk: Buffer) => (got += chunk.toString()));
  await new Promise((resolve) => stream.once("close", resolve));
  expect(got).toBe("head");
});

test("has room for the next stream in the turn in which one broke", async () => {
  const [near, far] = immediatePair();
  serveMux(far, quiet, 1);
  const client = createMuxClient(near, 1);
  for (let each = 0; each < 3; each += 1) {
    const stream = quiet(client.connect());
    stream.destroy();
    await new Promise((resolve) => process.nextTick(resolve));
  }
});

test("holds back a sender whose reader does not read, and no other", async () => {
  const streams: Duplex[] = [];
  const { client } = join((stream) => streams.push(quiet(stream)));
  const slow = quiet(client.connect());
  const quick = client.connect();
  let written = 0;
  const fill = (): void => {
    while (written < 4_000_000 && slow.write(Buffer.alloc(50_000))) written += 50_000;
  };
  slow.on("drain", fill);
  fill();
  quick.end("through");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(written).toBeLessThan(500_000);
  const [, second] = streams;
  expect(String(await readAll(second ?? quick))).toBe("through");
  streams[0]?.resume();
  await once(slow, "drain");
  expect(written).toBeGreaterThan(500_000);
});

test("opens at most 64 streams, and again when one is over", () => {
  const { client } = join((stream) => quiet(stream));
  const open = Array.from({ length: STREAMS }, () => quiet(client.connect()));
  expect(() => client.connect()).toThrow(/64 are open/);
  open[0]?.destroy();
  return once(open[0] ?? client.connect(), "close").then(() => expect(client.connect()).toBeDefined());
});

test("destroys the other end of a stream that was destroyed", async () => {
  const seen: Duplex[] = [];
  const { client } = join((stream) => seen.push(quiet(stream)));
  const stream = quiet(client.connect());
  stream.write("x");
  await new Promise((resolve) => setTimeout(resolve, 10));
  stream.destroy();
  const [other = stream] = seen;
  await new Promise((resolve) => other.once("close", resolve));
  expect(other.destroyed).toBe(true);
});

test("destroys all streams when the channel goes", async () => {
  const { client, raw } = join((stream) => quiet(stream));
  const stream = client.connect();
  raw.destroy();
  const [error] = await once(stream, "error");
  expect(String(error)).toMatch(/gone/);
  expect(() => client.connect()).toThrow(/gone/);
});

function frame(id: number, kind: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUInt32BE(5 + payload.length, 0);
  header.writeUInt32BE(id, 4);
  header.writeUInt8(kind, 8);
  return Buffer.concat([header, payload]);
}

const open = frame(1, 0);
test.each<[string, Buffer]>([
  ["data for a stream that was never opened", frame(1, 1, Buffer.from("x"))],
  ["a stream id that was left out", frame(2, 0)],
  ["a stream opened twice", Buffer.concat([open, open])],
  ["an unknown kind", Buffer.concat([open, frame(1, 9)])],
  [
    "more data than the window",
    Buffer.concat([open, ...Array.from({ length: 5 }, () => frame(1, 1, Buffer.alloc(65_536)))]),
  ],
  ["more credit than the window", Buffer.concat([open, frame(1, 4, Buffer.from([0, 0, 0, 1]))])],
  ["data after the end", Buffer.concat([open, frame(1, 2), frame(1, 1, Buffer.from("x"))])],
  ["a frame that is too long", Buffer.from([0, 1, 0, 6])],
  ["a frame that is too short", Buffer.from([0, 0, 0, 4])],
  ["a 65th stream", Buffer.concat(Array.from({ length: 65 }, (_, index) => frame(index + 1, 0)))],
])("ends the channel for %s", async (_what, bytes) => {
  const { raw } = join((stream) => quiet(stream));
  raw.write(bytes);
  await once(raw, "close");
  expect(raw.destroyed).toBe(true);
});
