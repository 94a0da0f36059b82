import {
  brotliCompressSync,
  brotliDecompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  inflateRawSync,
  unzipSync,
} from "node:zlib";
import { describe, expect, it } from "vitest";
import { findMarkers } from "./markers.ts";

const MARKER = "k7QwZ3mXb9RtYp5LsV2nHf8D";
const OTHER = "aaaaBBBBccccDDDDeeeeFFFF";
const tools = {
  inflate: (bytes: Uint8Array, most: number): Uint8Array | null => {
    try {
      return unzipSync(bytes, { maxOutputLength: most });
    } catch {
      return null;
    }
  },
  unmarked: (bytes: Uint8Array, most: number): readonly Uint8Array[] =>
    [inflateRawSync, brotliDecompressSync].flatMap((open) => {
      try {
        return [open(bytes, { maxOutputLength: most })];
      } catch {
        return [];
      }
    }),
};
const find = (bytes: Uint8Array | string): readonly string[] => [
  ...findMarkers(Buffer.from(bytes), [MARKER, OTHER], tools),
];
const text = `key = ${MARKER}\n`;
const escaped = Array.from(text, (letter) => `%${letter.charCodeAt(0).toString(16).padStart(2, "0")}`).join("");

describe("a marker is found", () => {
  const forms: readonly (readonly [name: string, bytes: Uint8Array | string])[] = [
    ["as it is", text],
    ["in another case", text.toLowerCase()],
    ["backwards", Array.from(text).toReversed().join("")],
    ["in hex", Buffer.from(text).toString("hex")],
    ["in percent escapes", escaped],
    ["in gzip behind a head", Buffer.concat([Buffer.from("POST /x\n\n"), gzipSync(text)])],
    ["in zlib", deflateSync(text)],
    ["in deflate", deflateRawSync(text)],
    ["in Brotli", brotliCompressSync(text)],
    ["in Brotli behind a head", Buffer.concat([Buffer.from("POST /x HTTP/1.1\r\n\r\n"), brotliCompressSync(text)])],
    ["in deflate in base64", deflateRawSync(`${"x".repeat(40)}${text}`).toString("base64")],
    ["in base64 of Brotli in hex", Buffer.from(brotliCompressSync(text).toString("hex")).toString("base64")],
    ["in base64 of hex of gzip", Buffer.from(gzipSync(text).toString("hex")).toString("base64")],
    [
      "in lines of base64",
      (
        Buffer.from(`${"x".repeat(40)}${text}`)
          .toString("base64")
          .match(/.{1,20}/gu) ?? []
      ).join("\r\n"),
    ],
    ...[0, 1, 2, 3].flatMap((shift) =>
      (["base64", "base64url"] as const).map(
        (form) =>
          [
            `in ${form} at ${shift}`,
            `d=${"?".repeat(shift)}${Buffer.from("ab".repeat(shift) + text).toString(form)}&`,
          ] as const,
      ),
    ),
  ];
  for (const [name, bytes] of forms) it(name, () => expect(find(bytes)).toEqual([MARKER]));
});

describe("nothing is found", () => {
  it("in what holds a part of it, or is random", () => {
    expect(find(MARKER.slice(0, 20))).toEqual([]);
    expect(find(Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 7919) % 251)))).toEqual([]);
  });

  it("beyond the bounds, and in time", () => {
    expect(find(gzipSync(Buffer.alloc(64 * 1024 * 1024)))).toEqual([]);
    expect(find("QUJD".repeat(60_000))).toEqual([]);
  });
});
