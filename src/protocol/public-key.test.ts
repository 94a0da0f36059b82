import { describe, expect, test } from "vitest";
import { createSigner } from "../platform/keys/signer.ts";
import { toHex } from "./bytes.ts";
import { faultOfPublicKey } from "./public-key.ts";

const P = 2n ** 255n - 19n;
const D = (-121665n * power(121666n, P - 2n)) % P;

function power(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, base % P];
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

const mod = (value: bigint): bigint => ((value % P) + P) % P;

/** A number as it stands in a key, with or without its sign bit. */
function encode(y: bigint, sign: 0 | 1): Uint8Array {
  const bytes = new Uint8Array(32);
  for (let [at, left] = [0, y]; at < 32; at += 1, left >>= 8n) bytes[at] = Number(left & 0xffn);
  bytes[31] = (bytes[31] ?? 0) | (sign << 7);
  return bytes;
}

/** Whether eight times the point with this y is the identity, by the curve's own arithmetic; null: no point has it. */
function isSmall(y: bigint): boolean | null {
  const square = mod((y * y - 1n) * power(D * y * y + 1n, P - 2n));
  let x = power(square, (P + 3n) / 8n);
  if (mod(x * x) !== square) x = mod(x * power(2n, (P - 1n) / 4n));
  if (mod(x * x) !== square) return null;
  let point = [x, mod(y)] as const;
  for (let times = 0; times < 3; times += 1) {
    const [px, py] = point;
    const both = mod(D * px * px * py * py);
    point = [mod(2n * px * py * power(1n + both, P - 2n)), mod((py * py + px * px) * power(mod(1n - both), P - 2n))];
  }
  return point[0] === 0n && point[1] === 1n;
}

/** The y of the points of order eight, as they stand in a key. */
const EIGHT = [
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
].map((hex) => BigInt(`0x${toHex(Uint8Array.from(Buffer.from(hex, "hex")).toReversed())}`));

const ENCODING = "is not in the one encoding of its point";

describe("a public key that is nobody's", () => {
  test.each([0n, 1n, P - 1n, ...EIGHT].flatMap((y) => [[y, 0] as const, [y, 1] as const]))(
    "is refused: y = %s, sign %s",
    (y, sign) => {
      expect(isSmall(y)).toBe(true);
      expect(faultOfPublicKey(encode(y, sign))).toContain("small order");
    },
  );

  test("is refused in each of its encodings that are too large", () => {
    for (let y = P; y < 2n ** 255n; y += 1n)
      for (const sign of [0, 1] as const) expect([y, faultOfPublicKey(encode(y, sign))]).toEqual([y, ENCODING]);
    expect(faultOfPublicKey(encode(P - 2n, 0))).toBeNull();
  });

  test("is none that a private key made", () => {
    for (let at = 0; at < 64; at += 1)
      expect(faultOfPublicKey(createSigner(new Uint8Array(32).fill(at)).publicKey)).toBeNull();
  });
});
