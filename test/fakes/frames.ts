import { randomBytes } from "node:crypto";

/** A whole text frame at the beginning (RFC 6455, 5.2), masked or not, or null when it is not all there. */
export function readFrame(
  bytes: Buffer,
): { readonly opcode: number; readonly text: string; readonly length: number } | null {
  if (bytes.length < 2) return null;
  const [opcode, second] = [bytes.readUInt8(0) & 0x0f, bytes.readUInt8(1)];
  const [short, masked] = [second & 0x7f, (second & 0x80) !== 0];
  const begin = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < begin) return null;
  const size = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  const at = begin + (masked ? 4 : 0);
  if (bytes.length < at + size) return null;
  const body = Buffer.from(bytes.subarray(at, at + size));
  if (masked)
    for (let index = 0; index < size; index++) body[index] = (body[index] ?? 0) ^ (bytes[begin + (index % 4)] ?? 0);
  return { opcode, text: body.toString("utf8"), length: at + size };
}

/** A text frame as a client sends it. */
export function writeFrame(text: string): Buffer {
  const body = Buffer.from(text);
  const mask = randomBytes(4);
  const head = Buffer.alloc(4);
  head.writeUInt8(0x81, 0);
  head.writeUInt8(0x80 | 126, 1);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, mask, body.map((byte, at) => byte ^ (mask[at % 4] ?? 0))]);
}
