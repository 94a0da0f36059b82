import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { FLUSH, packet, readPackets } from "./packets.ts";

async function read(bytes: Buffer, most = 1000): Promise<{ lines: (string | null)[]; rest: string }> {
  const stream = new PassThrough();
  const lines: (string | null)[] = [];
  const reading = readPackets(stream, most, (line) => {
    lines.push(line);
    return line === null;
  });
  // One byte at a time: nothing depends on how they come.
  for (const byte of bytes) stream.write(Buffer.from([byte]));
  stream.end();
  await reading;
  const rest: Buffer[] = [];
  for await (const chunk of stream) rest.push(chunk as Buffer);
  return { lines, rest: Buffer.concat(rest).toString("latin1") };
}

test("packets are read up to a flush, and what follows stays for the next reader", async () => {
  const bytes = Buffer.concat([packet("one\n"), packet(""), packet("\xff"), FLUSH, Buffer.from("PACK")]);
  expect(bytes.toString("latin1")).toBe("0008one\n00040005\xff0000PACK");
  expect(await read(bytes)).toEqual({ lines: ["one\n", "", "\xff", null], rest: "PACK" });
});

test.each([["zzzz"], ["0001"], ["0003"], ["ffffx"], ["0008on"], [""], ["-001"]])("%j is refused", async (text) => {
  await expect(read(Buffer.from(text))).rejects.toThrow(Error);
});

test("more than was agreed is refused", async () => {
  await expect(read(Buffer.concat([packet("x".repeat(100)), FLUSH]), 50)).rejects.toThrow(RangeError);
  expect(() => packet("x".repeat(65_517))).toThrow(RangeError);
});
