/** The few parts of DER (X.690) that a certificate is made of. */

/** One element: tag, length, contents. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag), lengthOf(body.length), body]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.of(0x80 | bytes.length, ...bytes);
}

export const SEQUENCE = 0x30;
export const SET = 0x31;
export const BOOLEAN = 0x01;
export const OCTET_STRING = 0x04;
export const UTF8_STRING = 0x0c;

/** An object identifier in dotted form. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left % 128) | 0x80);
    bytes.push(...groups);
  }
  return der(0x06, Buffer.from(bytes));
}

/** A non-negative integer from its big-endian bytes. */
export function unsigned(bytes: Uint8Array): Buffer {
  let at = 0;
  while (at < bytes.length - 1 && bytes[at] === 0) at += 1;
  const plain = bytes.subarray(at);
  // A first bit that is set would make it negative.
  return (plain[0] ?? 0) >= 0x80 ? der(0x02, Buffer.of(0), plain) : der(0x02, plain);
}

/** A bit string; `unused` are the bits of the last byte that do not count. */
export function bitString(bytes: Uint8Array, unused: number = 0): Buffer {
  return der(0x03, Buffer.of(unused), bytes);
}

/** A moment before 2050 (RFC 5280 section 4.1.2.5.1), in milliseconds since 1970 UTC. */
export function utcTime(at: number): Buffer {
  const digits = new Date(at)
    .toISOString()
    .replace(/\.\d{3}/, "")
    .replace(/[-:T]/g, "");
  return der(0x17, Buffer.from(digits.slice(2)));
}
