import { expect, test } from "vitest";
import { plainAddress, readForeign, readForeignText, readForeignTexts } from "./foreign-memory.ts";
import { addressOf } from "../libc.ts";

const bytes = Buffer.from("a word\0");
const TAG = 0xb4n << 56n;

test("an address of the kernel's half is nobody's to read, and of arm64 the top byte is no part of it", () => {
  const address = 0xffff_8123_4560n;
  for (const arch of ["x64", "arm64"]) {
    expect(plainAddress(address, arch)).toBe(address);
    expect(plainAddress(0n, arch)).toBe(null);
    expect(plainAddress(0xffff_8000_0000_0000n, arch)).toBe(null);
  }
  expect(plainAddress(address | TAG, "arm64")).toBe(address);
  expect(plainAddress(address | (1n << 56n), "arm64")).toBe(address);
  expect(plainAddress(TAG | (1n << 55n), "arm64")).toBe(null);
  expect(plainAddress(address | TAG, "x64")).toBe(null);
});

test("memory is read at its address, with a tag on arm64 alone, and a list of tagged addresses as well", () => {
  const address = addressOf(bytes);
  const read = (at: bigint): string | null => readForeignText(process.pid, { address: at, most: 100 })?.text ?? null;
  expect(read(address)).toBe("a word");
  expect(read(address | TAG)).toBe(process.arch === "arm64" ? "a word" : null);
  expect(readForeign(process.pid, { address: TAG, most: 8 })).toHaveLength(0);
  const list = Buffer.alloc(16);
  list.writeBigUInt64LE(process.arch === "arm64" ? address | TAG : address, 0);
  expect(readForeignTexts(process.pid, addressOf(list), { words: 4, bytes: 100 })).toEqual({
    texts: ["a word"],
    cut: false,
  });
});
