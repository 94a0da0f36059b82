import { canonicalize } from "../kernel/canonical.ts";
import { KernelFault } from "../kernel/fault.ts";
import { isObject, parseJson, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { createUtf8Scratch, decodeUtf8 } from "./bytes.ts";

/** Largest body of a frame from or to a face or a driver, in bytes. */
export const MAX_FRAME = 4_194_304;
/** Largest body of a frame from or to the command line, in bytes. */
export const MAX_CLI_FRAME = 16_777_216;
/** Nested levels and values of one frame: a few bytes of text must not become a multiple of them in memory. */
export const FRAME_BOUNDS: { readonly maxDepth: number; readonly maxValues: number } = Object.freeze({
  maxDepth: 64,
  maxValues: 200_000,
});

/** Why bytes are no frame, or a value cannot be one. Closed; docs/formats/frame.md. */
export type FrameFaultCode = "frame-too-large" | "frame-not-utf8" | "frame-not-json" | "frame-not-object";

/** Bytes that are no frame. The channel has lost its place: there is nothing to do but to end the peer. */
export class FrameFault extends Error {
  override readonly name = "FrameFault";
  readonly code: FrameFaultCode;

  constructor(code: FrameFaultCode, message: string) {
    super(message);
    this.code = code;
  }
}

const HEADER = 4;

/** A body lies here until it is copied behind its length: a frame is the only thing that is allocated for it. */
const scratch = createUtf8Scratch();

/**
 * One frame: 4 bytes big-endian length, then RFC 8785 JSON in UTF-8. docs/formats/frame.md.
 * Throws FrameFault for what a `FrameReader` with the same `max` would refuse, so that nobody ends a peer by accident.
 */
export function encodeFrame(value: JsonObject, max: number = MAX_FRAME): Uint8Array<ArrayBuffer> {
  countValues(value, { depth: 0, values: 0 });
  const body = scratch(canonical(value));
  if (body.length > max) throw new FrameFault("frame-too-large", `the frame has ${body.length} bytes, over ${max}`);
  const frame = new Uint8Array(HEADER + body.length);
  writeLength(frame, body.length);
  frame.set(body, HEADER);
  return frame;
}

/**
 * Cuts a stream of bytes into frames, whatever the pieces it arrives in. Every byte is copied at most twice, and memory
 * follows what was received, not what was announced.
 */
export class FrameReader {
  readonly #max: number;
  readonly #header = new Uint8Array(HEADER);
  #headerFilled = 0;
  /** Length of the body under way; meaningful once the header is full. */
  #length = 0;
  #body = new Uint8Array(0);
  #bodyFilled = 0;
  #fault: FrameFault | null = null;

  /** `max` bounds the body of a frame in bytes. */
  constructor(max: number = MAX_FRAME) {
    this.#max = max;
  }

  /**
   * Takes the next bytes and hands every frame that they complete to `deliver`, in order.
   * Throws FrameFault at the first frame that is none; those before it were delivered, however the bytes were cut.
   * After a fault every call throws it again. `deliver` must not throw.
   */
  push(chunk: Uint8Array, deliver: (frame: JsonObject) => void): void {
    if (this.#fault !== null) throw this.#fault;
    try {
      let at = 0;
      while (at < chunk.length) at = this.#take(chunk, at, deliver);
    } catch (error) {
      if (error instanceof FrameFault) this.#fault = error;
      throw error;
    }
  }

  /** Takes one header or one piece of a body; answers how far the chunk is used up. */
  #take(chunk: Uint8Array, at: number, deliver: (frame: JsonObject) => void): number {
    if (this.#headerFilled < HEADER) {
      const piece = chunk.subarray(at, at + HEADER - this.#headerFilled);
      this.#header.set(piece, this.#headerFilled);
      this.#headerFilled += piece.length;
      if (this.#headerFilled === HEADER) this.#length = this.#announced();
      return at + piece.length;
    }
    const missing = this.#length - this.#bodyFilled;
    const end = Math.min(chunk.length, at + missing);
    const whole = end - at === missing;
    if (whole && this.#bodyFilled === 0) {
      this.#headerFilled = 0;
      deliver(readBody(chunk.subarray(at, end), this.#max));
      return end;
    }
    this.#gather(chunk.subarray(at, end));
    if (whole) {
      const body = this.#body.subarray(0, this.#length);
      this.#headerFilled = 0;
      this.#bodyFilled = 0;
      this.#body = new Uint8Array(0);
      deliver(readBody(body, this.#max));
    }
    return end;
  }

  #announced(): number {
    const [first = 0, second = 0, third = 0, fourth = 0] = this.#header;
    const length = first * 0x1000000 + (second << 16) + (third << 8) + fourth;
    if (length > this.#max) {
      throw new FrameFault("frame-too-large", `a frame of ${length} bytes was announced, over ${this.#max}`);
    }
    // No JSON object is shorter than "{}"; without this an empty body would wait for a byte that is not its own.
    if (length < 2)
      throw new FrameFault("frame-not-json", `a frame of ${length} bytes was announced, which holds no object`);
    return length;
  }

  /** Doubles the buffer as bytes come in, so that announcing 16 MiB and sending one byte costs little. */
  #gather(piece: Uint8Array): void {
    const needed = this.#bodyFilled + piece.length;
    if (needed > this.#body.length) {
      const grown = new Uint8Array(Math.min(this.#length, Math.max(needed, this.#body.length * 2, 4096)));
      grown.set(this.#body.subarray(0, this.#bodyFilled));
      this.#body = grown;
    }
    this.#body.set(piece, this.#bodyFilled);
    this.#bodyFilled = needed;
  }
}

function readBody(body: Uint8Array, max: number): JsonObject {
  const text = decodeUtf8(body);
  if (text === null) throw new FrameFault("frame-not-utf8", "the frame is not UTF-8");
  const parsed = parseJson(text, { maxLength: max, ...FRAME_BOUNDS });
  if (parsed.kind === "refused") {
    const code = parsed.code === "too-large" ? "frame-too-large" : "frame-not-json";
    throw new FrameFault(code, `the frame is refused: ${parsed.message}`);
  }
  if (!isObject(parsed.value)) throw new FrameFault("frame-not-object", "the frame is not a JSON object");
  return parsed.value;
}

function canonical(value: JsonObject): string {
  try {
    return canonicalize(value);
  } catch (error) {
    if (error instanceof KernelFault) throw new FrameFault("frame-not-json", error.message);
    throw error;
  }
}

/** Holds a value to FRAME_BOUNDS as `parseJson` counts them: every value, keys not. */
function countValues(value: JsonValue, so: { depth: number; values: number }): void {
  so.values += 1;
  if (so.values > FRAME_BOUNDS.maxValues) {
    throw new FrameFault("frame-too-large", `the frame has more than ${FRAME_BOUNDS.maxValues} values`);
  }
  if (typeof value !== "object" || value === null) return;
  so.depth += 1;
  if (so.depth > FRAME_BOUNDS.maxDepth) {
    throw new FrameFault("frame-too-large", `the frame is nested deeper than ${FRAME_BOUNDS.maxDepth} levels`);
  }
  for (const item of Object.values(value)) countValues(item, so);
  so.depth -= 1;
}

function writeLength(frame: Uint8Array, length: number): void {
  frame[0] = length >>> 24;
  frame[1] = length >>> 16;
  frame[2] = length >>> 8;
  frame[3] = length;
}
