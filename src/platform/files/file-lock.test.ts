import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { inTurn, lockFile } from "./file-lock.ts";

const folder = mkdtempSync(join(tmpdir(), "aios-lock-"));
const path = join(folder, "turns");
writeFileSync(path, "");
const [one, other] = [openSync(path, "r"), openSync(path, "r")];
afterAll(() => {
  closeSync(one);
  closeSync(other);
  rmSync(folder, { recursive: true });
});

describe("a turn", () => {
  it("is nobody else's while it lasts, and the next one's after", () => {
    expect(inTurn(one, () => lockFile(other))).toBe(false);
    expect(inTurn(other, () => "done")).toBe("done");
    expect(inTurn(one, () => lockFile(one))).toBe(true);
  });

  it("ends when the action fails", () => {
    expect(() =>
      inTurn(one, () => {
        throw new Error("it failed");
      }),
    ).toThrow("it failed");
    expect(inTurn(other, () => "done")).toBe("done");
  });
});
