import { describe, expect, it } from "vitest";
import { assemble, scopeLabels } from "./bpf.ts";
import type { Instruction } from "./bpf.ts";

const STOP: Instruction = { op: "return", value: 0 };

function jumpOver(count: number): readonly Instruction[] {
  const filler = Array.from({ length: count }, (): Instruction => ({ op: "and", value: 1 }));
  return [{ op: "equal", value: 7, yes: "far" }, ...filler, { op: "label", name: "far" }, STOP];
}

describe("assemble", () => {
  it("writes the bytes of struct sock_filter", () => {
    const bytes = assemble([
      { op: "load", offset: 4 },
      { op: "at-least", value: 0xc000_003e, yes: "end", no: "end" },
      { op: "and", value: 0xff },
      { op: "any-bit", value: 2 },
      { op: "label", name: "end" },
      { op: "return", value: 0x7fff_0000 },
    ]);
    expect(Buffer.from(bytes).toString("hex").match(/.{16}/g)).toEqual([
      "2000000004000000",
      "350002023e0000c0",
      "54000000ff000000",
      "4500000002000000",
      "060000000000ff7f",
    ]);
  });

  it("jumps over 255 instructions and refuses 256", () => {
    expect(assemble(jumpOver(255))[2]).toBe(255);
    expect(() => assemble(jumpOver(256))).toThrow('Cannot jump 256 to "far"');
  });

  it("refuses to jump backwards, which could loop", () => {
    const backwards: readonly Instruction[] = [{ op: "label", name: "up" }, { op: "equal", value: 1, yes: "up" }, STOP];
    expect(() => assemble(backwards)).toThrow("Cannot jump -1");
  });

  it("refuses an unknown label and one that is placed twice", () => {
    expect(() => assemble([{ op: "equal", value: 1, no: "nowhere" }, STOP])).toThrow('unknown label "nowhere"');
    expect(() => assemble([{ op: "label", name: "a" }, { op: "label", name: "a" }, STOP])).toThrow('label "a" twice');
  });

  it("refuses a program that runs past its end, and one that is too long for the kernel", () => {
    expect(() => assemble([{ op: "load", offset: 0 }])).toThrow("past its end");
    expect(() => assemble([])).toThrow("past its end");
    expect(assemble(Array.from({ length: 4096 }, () => STOP))).toHaveLength(4096 * 8);
    expect(() => assemble(Array.from({ length: 4097 }, () => STOP))).toThrow("4097 instructions");
  });
});

describe("scopeLabels", () => {
  it("lets two pieces use the same label", () => {
    const piece: readonly Instruction[] = [{ op: "equal", value: 1, no: "next" }, STOP, { op: "label", name: "next" }];
    expect(() => assemble([...piece, ...piece, STOP])).toThrow("twice");
    expect(assemble([...scopeLabels("a", piece), ...scopeLabels("b", piece), STOP])).toHaveLength(40);
  });
});
