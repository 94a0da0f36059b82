import { describe, expect, it } from "vitest";
import { createNameBook, isNameQuery } from "./names.ts";

function query(name: string, type: number): Uint8Array {
  const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Uint8Array.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, type, 0, 1]);
}

describe("names of a network that is not there", () => {
  it("have an address each, of a range that is routed nowhere, and are known by it again", () => {
    const book = createNameBook();
    const addressOf = (name: string): string => (book.answer(query(name, 1))?.message.slice(-4) ?? []).join(".");
    const [one, two] = [addressOf("a.example"), addressOf("B.example")];
    expect(one).toMatch(/^198\.1[89]\./u);
    expect(two).not.toBe(one);
    expect(addressOf("A.EXAMPLE")).toBe(one);
    expect([book.nameOf(one), book.nameOf(two)]).toEqual(["a.example", "b.example"]);
    expect(book.nameOf("93.184.216.34")).toBeNull();
    // Of any other type there is none: who asks for both goes on with the one.
    expect(book.answer(query("a.example", 28))?.message.slice(6, 8)).toEqual(Uint8Array.from([0, 0]));
  });

  it("are not made of nonsense", () => {
    const book = createNameBook();
    for (const bytes of [
      new Uint8Array(),
      new Uint8Array(12),
      query("a.example", 1).slice(0, 20),
      Buffer.alloc(600, 63),
    ])
      expect(book.answer(bytes)).toBeNull();
  });

  it("are told from other streams by their first bytes", () => {
    const asked = query("a.example", 1);
    expect(isNameQuery(Uint8Array.from([0, asked.length, ...asked]))).toBe(true);
    expect(isNameQuery(Buffer.from("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"))).toBe(false);
  });
});
