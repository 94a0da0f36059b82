import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../kernel/json.ts";
import { concatBytes } from "./bytes.ts";
import { encodeFrame, FRAME_BOUNDS, FrameFault, FrameReader } from "./frame.ts";

/** A frame around any bytes, true or not. */
function raw(body: string | Uint8Array, announced?: number): Uint8Array {
  const bytes = typeof body === "string" ? Buffer.from(body, "utf8") : Buffer.from(body);
  const header = Buffer.alloc(4);
  header.writeUInt32BE(announced ?? bytes.length);
  return Uint8Array.from(Buffer.concat([header, bytes]));
}

function readAll(chunks: readonly Uint8Array[], max?: number): { frames: JsonObject[]; fault: FrameFault | null } {
  const reader = new FrameReader(max);
  const frames: JsonObject[] = [];
  try {
    for (const chunk of chunks) reader.push(chunk, (frame) => frames.push(frame));
    return { frames, fault: null };
  } catch (error) {
    if (error instanceof FrameFault) return { frames, fault: error };
    throw error;
  }
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const objects = fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 5 });
const messages = objects.map((value): JsonObject => JSON.parse(JSON.stringify(value)));
/** JSON that keeps its value in every I-JSON reader. */
const kept = messages.filter((value) => {
  try {
    encodeFrame(value);
    return true;
  } catch {
    return false;
  }
});

function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [0, ...at.map((place) => place % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

/** Milliseconds to take one frame of `size` characters in pieces of 64 bytes. */
function timeInPieces(size: number): number {
  const bytes = encodeFrame({ text: "x".repeat(size) });
  const reader = new FrameReader();
  let frames = 0;
  const start = performance.now();
  for (let at = 0; at < bytes.length; at += 64) reader.push(bytes.subarray(at, at + 64), () => (frames += 1));
  expect(frames).toBe(1);
  return performance.now() - start;
}

describe("encodeFrame", () => {
  it("writes the length and RFC 8785 JSON", () => {
    expect(Buffer.from(encodeFrame({ event: "changed", body: {} })).toString("latin1")).toBe(
      '\0\0\0\u001d{"body":{},"event":"changed"}',
    );
    expect([...encodeFrame({ text: "x".repeat(70_000) }).subarray(0, 4)]).toEqual([0, 1, 0x11, 0x7b]);
  });

  it("refuses what a reader would refuse", () => {
    let deep: JsonObject = {};
    for (let level = 1; level < FRAME_BOUNDS.maxDepth; level += 1) deep = { deep };
    expect(readAll([encodeFrame(deep)]).frames).toHaveLength(1);
    expect(() => encodeFrame({ deep })).toThrow(FrameFault);

    const most = { list: Array.from({ length: FRAME_BOUNDS.maxValues - 2 }, () => 1) };
    expect(readAll([encodeFrame(most)]).frames).toHaveLength(1);
    expect(() => encodeFrame({ list: [...most.list, 1] })).toThrow(FrameFault);

    expect(encodeFrame({ a: "é" }, 10)).toHaveLength(14);
    expect(() => encodeFrame({ a: "éa" }, 10)).toThrow(FrameFault);
    expect(() => encodeFrame({ lone: "\ud800" })).toThrow(FrameFault);
    expect(() => encodeFrame({ unsafe: 2 ** 60 })).toThrow(FrameFault);
  });
});

describe("FrameReader", () => {
  it("reads what was written, however the bytes are cut and joined", () => {
    fc.assert(
      fc.property(fc.array(kept, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 12 }), (sent, cuts) => {
        const bytes = concatBytes(sent.map((message) => encodeFrame(message)));
        const { frames, fault } = readAll(cut(bytes, cuts));
        expect(fault).toBeNull();
        expect(frames.map(plain)).toEqual(sent.map(plain));
      }),
    );
  });

  it("reads frames that come byte by byte", () => {
    const bytes = concatBytes([encodeFrame({ id: 1 }), encodeFrame({ id: 2, text: "ü" })]);
    const { frames } = readAll(Array.from(bytes, (byte) => Uint8Array.of(byte)));
    expect(frames.map(plain)).toEqual([{ id: 1 }, { id: 2, text: "ü" }]);
  });

  it("refuses what is no frame, with a code, in one piece and byte by byte", () => {
    const cases: readonly (readonly [Uint8Array, string])[] = [
      [raw(""), "frame-not-json"],
      [raw("1"), "frame-not-json"],
      [raw("[]"), "frame-not-object"],
      [raw("null"), "frame-not-object"],
      [raw("{}", 4_194_305), "frame-too-large"],
      [raw("", 0xffff_ffff), "frame-too-large"],
      [raw("{} "), "accepted"],
      [raw("{}x"), "frame-not-json"],
      [raw('{"a":1,"a":1}'), "frame-not-json"],
      [raw('\ufeff{"a":1}'), "frame-not-json"],
      [raw('{"a":"\\ud800"}'), "frame-not-json"],
      [raw('{"a":1e999}'), "frame-not-json"],
      [raw(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), "frame-not-utf8"],
      [raw(`{"a":${"[".repeat(64)}${"]".repeat(64)}}`), "frame-too-large"],
      [raw(`{"a":[${"1,".repeat(FRAME_BOUNDS.maxValues)}1]}`), "frame-too-large"],
    ];
    for (const [bytes, code] of cases) {
      expect(readAll([bytes]).fault?.code ?? "accepted").toBe(code);
      if (bytes.length > 1000) continue;
      expect(readAll(Array.from(bytes, (byte) => Uint8Array.of(byte))).fault?.code ?? "accepted").toBe(code);
    }
  });

  it("delivers what came before the fault, and nothing after it", () => {
    const bytes = concatBytes([encodeFrame({ id: 1 }), raw("[]"), encodeFrame({ id: 2 })]);
    for (const cuts of [[], [3], [9, 12], Array.from(bytes.keys())]) {
      const { frames, fault } = readAll(cut(bytes, cuts));
      expect(frames.map(plain)).toEqual([{ id: 1 }]);
      expect(fault?.code).toBe("frame-not-object");
    }
  });

  it("stays at its fault", () => {
    const reader = new FrameReader();
    const frames: JsonObject[] = [];
    const push = (bytes: Uint8Array): void => reader.push(bytes, (frame) => frames.push(frame));
    expect(() => push(raw("x!"))).toThrow(FrameFault);
    expect(() => push(encodeFrame({ id: 1 }))).toThrow(FrameFault);
    expect(frames).toEqual([]);
  });

  it("refuses an oversized frame at its header, before any body", () => {
    expect(readAll([raw("", 11)], 10).fault?.code).toBe("frame-too-large");
    expect(readAll([raw("", 10)], 10).fault).toBeNull();
  });

  it("never fails otherwise on random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.array(fc.nat(), { maxLength: 4 }), (bytes, cuts) => {
        const { frames, fault } = readAll(cut(bytes, cuts), 32);
        const again = readAll([bytes], 32);
        expect(frames.map(plain)).toEqual(again.frames.map(plain));
        expect(fault?.code).toBe(again.fault?.code);
      }),
    );
  });

  it("takes a large frame in small pieces in linear time", () => {
    timeInPieces(100_000);
    // Copying everything again for each of the 62,500 pieces would move 125 GB.
    expect(timeInPieces(4_000_000)).toBeLessThan(1_500);
  });
});
