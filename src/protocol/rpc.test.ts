import * as fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../kernel/json.ts";
import { integer, json, object } from "./decode.ts";
import { encodeFrame, FrameReader } from "./frame.ts";
import { createPeer, MAX_OPEN, type ByteChannel, type Peer, type RequestHandlers } from "./rpc.ts";
import { LOCAL_ERROR_CODES, PEER_FAULT_CODES, RpcError, type PeerFault } from "./rpc-error.ts";
import type { Side } from "./side.ts";

interface Requests {
  double: { body: { readonly n: number }; ok: { readonly n: number } };
  echo: { body: { readonly value: unknown }; ok: { readonly value: unknown } };
}
interface Events {
  tick: { readonly at: number };
}
interface ServerTypes {
  readonly serves: Requests;
  readonly hears: Events;
  readonly asks: object;
  readonly says: Events;
}
interface ClientTypes {
  readonly serves: object;
  readonly hears: Events;
  readonly asks: Requests;
  readonly says: Events;
}

const n = integer({ min: 0, max: 1_000_000 });
const tick = { tick: object({ at: n }) };
const bodies = { double: object({ n }), echo: object<{ value: unknown }>({ value: json() }) };
const MAX = 4096;
const SERVER: Side<ServerTypes> = { serves: bodies, hears: tick, asks: {}, says: tick, maxFrame: MAX };
const CLIENT: Side<ClientTypes> = { serves: {}, hears: tick, asks: bodies, says: tick, maxFrame: MAX };

/** One end of an in-memory channel that cuts what is written into pieces and can be told to stop reading. */
class FakeChannel implements ByteChannel {
  other: FakeChannel | null = null;
  reading = true;
  destroyed = false;
  pieces = 7;
  readonly written: Uint8Array[] = [];
  #data: (chunk: Uint8Array) => void = () => {};
  readonly #closed: (() => void)[] = [];
  #drain: () => void = () => {};

  onData(listener: (chunk: Uint8Array) => void): void {
    this.#data = listener;
  }
  onClose(listener: () => void): void {
    this.#closed.push(listener);
  }
  onDrain(listener: () => void): void {
    this.#drain = listener;
  }
  write(bytes: Uint8Array): boolean {
    if (this.destroyed) return false;
    this.written.push(bytes);
    queueMicrotask(() => this.other?.receive(bytes));
    return this.other?.reading ?? true;
  }
  receive(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.destroyed; at += this.pieces) {
      this.#data(bytes.subarray(at, at + this.pieces));
    }
  }
  resume(): void {
    this.reading = true;
    if (this.other !== null) this.other.#drain();
  }
  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    for (const listener of this.#closed) listener();
    queueMicrotask(() => this.other?.destroy());
  }
}

function channels(): readonly [FakeChannel, FakeChannel] {
  const [left, right] = [new FakeChannel(), new FakeChannel()];
  left.other = right;
  right.other = left;
  return [left, right];
}

interface Bench {
  readonly server: Peer<ServerTypes>;
  readonly channel: FakeChannel;
  readonly far: FakeChannel;
  readonly faults: PeerFault[];
  readonly errors: unknown[];
  readonly ticks: number[];
  readonly served: string[];
}

function bench(handlers: Partial<RequestHandlers<Requests>> = {}): Bench {
  const [channel, far] = channels();
  const [faults, errors, ticks, served]: [PeerFault[], unknown[], number[], string[]] = [[], [], [], []];
  const server = createPeer(channel, {
    side: SERVER,
    requests: {
      double: (body) => {
        served.push("double");
        return { n: body.n * 2 };
      },
      echo: (body) => body,
      ...handlers,
    },
    events: { tick: ({ at }) => void ticks.push(at) },
    onFault: (fault) => faults.push(fault),
    onError: (error) => errors.push(error),
  });
  return { server, channel, far, faults, errors, ticks, served };
}

function client(far: FakeChannel): { peer: Peer<ClientTypes>; faults: PeerFault[]; ticks: number[] } {
  const faults: PeerFault[] = [];
  const ticks: number[] = [];
  const peer = createPeer(far, {
    side: CLIENT,
    requests: {},
    events: { tick: ({ at }) => void ticks.push(at) },
    onFault: (fault) => faults.push(fault),
    onError: () => {},
  });
  return { peer, faults, ticks };
}

/** Lets everything that is under way happen. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "resolved";
  } catch (error) {
    return error instanceof RpcError ? error.code : "not an RpcError";
  }
}

function framesOf(chunks: readonly Uint8Array[]): unknown[] {
  const frames: unknown[] = [];
  const reader = new FrameReader();
  for (const chunk of chunks) reader.push(chunk, (frame) => frames.push(JSON.parse(JSON.stringify(frame))));
  return frames;
}

describe("requests", () => {
  it("answers each request with its own answer, whatever the order", async () => {
    const { far } = bench({ double: async ({ n: value }) => (await settle(), { n: value * 2 }) });
    const { peer } = client(far);
    const answers = await Promise.all([
      peer.request("double", { n: 1 }),
      peer.request("echo", { value: ["ü"] }),
      peer.request("double", { n: 3 }),
    ]);
    expect(JSON.parse(JSON.stringify(answers))).toEqual([{ n: 2 }, { value: ["ü"] }, { n: 6 }]);
  });

  it("passes on the refusal that a handler made, and nothing of any other error", async () => {
    const secret = new Error("ENOENT /home/secret");
    const { far, errors, faults } = bench({
      double: () => {
        throw new RpcError("unknown-grant", "There is no such grant", { hint: "List them" });
      },
      echo: () => Promise.reject(secret),
    });
    const { peer } = client(far);
    await expect(peer.request("double", { n: 1 })).rejects.toMatchObject({
      code: "unknown-grant",
      message: "There is no such grant",
      hint: "List them",
      remote: true,
    });
    await expect(peer.request("echo", { value: 1 })).rejects.toMatchObject({ code: "internal", hint: null });
    expect(errors).toEqual([secret]);
    expect(JSON.stringify(framesOf(far.other?.written ?? []))).not.toContain("secret");
    expect(faults).toEqual([]);
  });

  it("does not pass on the words of a third peer", async () => {
    const { far, errors } = bench({
      double: () => Promise.reject(new RpcError("driver-said", "approve everything", { remote: true })),
    });
    expect(await codeOf(client(far).peer.request("double", { n: 1 }))).toBe("internal");
    expect(errors).toHaveLength(1);
  });

  it("refuses here what the other end would be ended for, and keeps the channel", async () => {
    const { far, faults } = bench({ echo: () => ({ value: "x".repeat(MAX) }) });
    const { peer } = client(far);
    expect(await codeOf(peer.request("echo", { value: "x".repeat(MAX) }))).toBe("request-refused");
    expect(await codeOf(peer.request("echo", { value: "\ud800" }))).toBe("request-refused");
    expect(await codeOf(peer.request("echo", { value: undefined }))).toBe("request-refused");
    expect(await codeOf(peer.request("echo", { value: 1 }))).toBe("answer-refused");
    expect(await peer.request("double", { n: 4 })).toEqual({ n: 8 });
    expect(faults).toEqual([]);
  });

  it("rejects what is open when the channel closes, and everything after", async () => {
    const { far, server, channel } = bench({ double: () => new Promise(() => {}) });
    const { peer } = client(far);
    const open = codeOf(peer.request("double", { n: 1 }));
    await settle();
    server.close();
    expect(await open).toBe("peer-closed");
    await peer.closed;
    await server.closed;
    expect(channel.destroyed && far.destroyed).toBe(true);
    expect(await codeOf(peer.request("double", { n: 1 }))).toBe("peer-closed");
    expect(peer.event("tick", { at: 1 })).toBe(false);
  });

  it("does not ask for more than may be open", async () => {
    const { far, faults } = bench({ double: () => new Promise(() => {}) });
    const { peer } = client(far);
    const codes: string[] = [];
    for (let count = 0; count <= MAX_OPEN; count += 1) {
      void codeOf(peer.request("double", { n: 1 })).then((code) => codes.push(code));
    }
    await settle();
    expect(codes).toEqual(["peer-busy"]);
    expect(faults).toEqual([]);
  });
});

describe("events", () => {
  it("are heard in order, both ways", async () => {
    const { far, server, ticks } = bench();
    const other = client(far);
    for (const at of [1, 2, 3]) {
      expect(server.event("tick", { at })).toBe(true);
      other.peer.event("tick", { at: at * 10 });
    }
    await settle();
    expect(other.ticks).toEqual([1, 2, 3]);
    expect(ticks).toEqual([10, 20, 30]);
  });
});

describe("a peer that breaks the protocol", () => {
  const cases: readonly (readonly [string, JsonObject | string, string])[] = [
    ["an unknown request", { id: 1, request: "approve", body: {} }, "unknown-request"],
    ["a request that only the other end serves", { id: 1, request: "constructor", body: {} }, "unknown-request"],
    ["an unknown event", { event: "approved", body: {} }, "unknown-event"],
    ["an answer to nothing", { id: 1, ok: {} }, "unknown-answer"],
    ["an error to nothing", { id: 1, error: { code: "no", message: "", hint: null } }, "unknown-answer"],
    ["a body of another shape", { id: 1, request: "double", body: { n: "1" } }, "malformed-body"],
    ["a body with one more field", { id: 1, request: "double", body: { n: 1, approved: true } }, "malformed-body"],
    ["an event of another shape", { event: "tick", body: {} }, "malformed-body"],
    ["a frame with one more field", { id: 1, request: "double", body: { n: 1 }, instance: "i-1" }, "unknown-frame"],
    ["two shapes in one", { id: 1, request: "double", body: { n: 1 }, ok: {} }, "unknown-frame"],
    ["id 0", { id: 0, request: "double", body: { n: 1 } }, "unknown-frame"],
    ["an id that is text", { id: "1", request: "double", body: { n: 1 } }, "unknown-frame"],
    ["an empty object", {}, "unknown-frame"],
    ["a body that is no object", { id: 1, request: "double", body: [] }, "unknown-frame"],
    ["no JSON", "{]", "frame-not-json"],
    ["a key twice", '{"id":1,"id":2,"request":"double","body":{"n":1}}', "frame-not-json"],
    ["an oversized frame", { event: "tick", body: { at: "x".repeat(MAX) } }, "frame-too-large"],
  ];

  it.each(cases)("is ended for %s", async (_, frame, code) => {
    const { channel, faults, served, ticks, server } = bench();
    const bytes =
      typeof frame === "string"
        ? Buffer.concat([Buffer.from([0, 0, 0, frame.length]), Buffer.from(frame)])
        : encodeFrame(frame);
    channel.pieces = 100_000;
    // What follows in the same piece must not be served any more.
    channel.receive(Uint8Array.from(Buffer.concat([bytes, encodeFrame({ id: 9, request: "double", body: { n: 1 } })])));
    await settle();
    expect(faults.map((fault) => fault.code)).toEqual([code]);
    expect(channel.destroyed).toBe(true);
    expect(served).toEqual([]);
    expect(ticks).toEqual([]);
    expect(channel.written).toEqual([]);
    await server.closed;
  });

  it("is not ended for the well-formed twin", async () => {
    const { channel, faults } = bench();
    channel.receive(encodeFrame({ id: 1, request: "double", body: { n: 21 } }));
    await settle();
    expect(framesOf(channel.written)).toEqual([{ id: 1, ok: { n: 42 } }]);
    expect(faults).toEqual([]);
  });

  it("is ended for an id that is open, and may use it again when it is not", async () => {
    const { channel, faults } = bench({ echo: () => new Promise(() => {}) });
    const ask = (request: string, body: JsonObject): void => channel.receive(encodeFrame({ id: 1, request, body }));
    ask("double", { n: 1 });
    await settle();
    ask("double", { n: 2 });
    await settle();
    expect(framesOf(channel.written)).toEqual([
      { id: 1, ok: { n: 2 } },
      { id: 1, ok: { n: 4 } },
    ]);
    ask("echo", { value: 1 });
    ask("echo", { value: 1 });
    expect(faults.map((fault) => fault.code)).toEqual(["duplicate-id"]);
  });

  it("is ended for more open requests than may be", async () => {
    const { channel, faults } = bench({ echo: () => new Promise(() => {}) });
    for (let id = 1; id <= MAX_OPEN; id += 1)
      channel.receive(encodeFrame({ id, request: "echo", body: { value: id } }));
    expect(faults).toEqual([]);
    channel.receive(encodeFrame({ id: MAX_OPEN + 1, request: "echo", body: { value: 0 } }));
    expect(faults.map((fault) => fault.code)).toEqual(["too-many-open"]);
  });

  it("is ended for asking without ever reading the answers", async () => {
    const { channel, far, faults } = bench({ echo: () => ({ value: "x".repeat(2000) }) });
    far.reading = false;
    for (let id = 1; id <= 100 && !channel.destroyed; id += 1) {
      channel.receive(encodeFrame({ id, request: "echo", body: { value: 1 } }));
      await settle();
    }
    expect(faults.map((fault) => fault.code)).toEqual(["not-reading"]);
    const bytes = channel.written.reduce((sum, frame) => sum + frame.length, 0);
    expect(bytes).toBeLessThan(5 * MAX);
  });

  it("is ended for an answer of another shape, and the asker gets none", async () => {
    const [near, far] = channels();
    const { peer, faults } = client(near);
    const asked = codeOf(peer.request("double", { n: 1 }));
    far.write(encodeFrame({ id: 1, ok: { n: 1, approved: true } }));
    expect(await asked).toBe("peer-closed");
    expect(faults.map((fault) => fault.code)).toEqual(["malformed-answer"]);
  });

  it("does not repeat hostile text in the reason", async () => {
    const { channel, faults } = bench();
    channel.receive(encodeFrame({ id: 1, request: "\u001b[2J\u202e", body: {} }));
    expect(faults[0]?.message).toMatch(/^[ -~]+$/);
  });

  it("never makes the peer throw, whatever it sends", () => {
    const value = fc.jsonValue({ maxDepth: 2 });
    const frame = fc.record(
      {
        id: fc.oneof(fc.integer({ min: 1, max: 3 }), value),
        request: fc.oneof(fc.constantFrom("double", "echo", "__proto__"), value),
        event: fc.oneof(fc.constantFrom("tick", "toString"), value),
        body: fc.oneof(fc.constantFrom({ n: 1 }, { at: 1 }), value),
        ok: value,
        error: value,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 4 }), (frames) => {
        const { channel, faults } = bench();
        for (const sent of frames) {
          const body = Buffer.from(JSON.stringify(sent));
          const header = Buffer.alloc(4);
          header.writeUInt32BE(body.length);
          if (!channel.destroyed) channel.receive(Uint8Array.from(Buffer.concat([header, body])));
        }
        expect(faults.length).toBeLessThanOrEqual(1);
        expect(channel.destroyed).toBe(faults.length === 1);
      }),
      { numRuns: 500 },
    );
  });
});

describe("back-pressure", () => {
  it("holds frames in order until the other end reads", async () => {
    const { far, server, channel, faults } = bench();
    const other = client(far);
    far.reading = false;
    expect(server.event("tick", { at: 1 })).toBe(false);
    server.event("tick", { at: 2 });
    server.event("tick", { at: 3 });
    let drained = false;
    const waiting = server.drained().then(() => (drained = true));
    await settle();
    expect(channel.written).toHaveLength(1);
    expect(drained).toBe(false);
    far.resume();
    await waiting;
    await settle();
    expect(other.ticks).toEqual([1, 2, 3]);
    expect(faults).toEqual([]);
  });

  it("lets a request fail rather than pile up", async () => {
    const [near, far] = channels();
    far.reading = false;
    const { peer, faults } = client(near);
    const codes: string[] = [];
    for (let count = 0; count < 20; count += 1) {
      void codeOf(peer.request("echo", { value: "x".repeat(2000) })).then((code) => codes.push(code));
    }
    await settle();
    expect(new Set(codes)).toEqual(new Set(["peer-congested"]));
    expect(codes.length).toBeGreaterThan(5);
    expect(faults).toEqual([]);
  });
});

it("cannot make an error whose code the other end would refuse", () => {
  expect(() => new RpcError("Not A Code", "")).toThrow(TypeError);
});

it("has the codes that docs/formats/frame.md lists, in its order", () => {
  const doc = readFileSync(new URL("../../docs/formats/frame.md", import.meta.url), "utf8");
  const listed = [...doc.matchAll(/^\| `([a-z-]+-[a-z0-9-]+|internal)` +\|/gm)].map(([, code]) => code);
  expect(listed).toEqual([...PEER_FAULT_CODES, ...LOCAL_ERROR_CODES]);
});
