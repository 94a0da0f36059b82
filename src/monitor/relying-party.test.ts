import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { CONSOLE_HOST, CONSOLE_ORIGIN } from "../protocol/console-entry.ts";
import { relyingPartyOf } from "./relying-party.ts";

const sha256 = (data: Uint8Array): Uint8Array => createHash("sha256").update(data).digest();

test("a home has one relying party for ever, and no other home has it", () => {
  const one = relyingPartyOf(new Uint8Array(32), sha256);
  expect(one).toEqual({
    rpId: "aios-66687aadf862bd77.localhost",
    origin: `http://aios-66687aadf862bd77.localhost:${one.port}`,
    port: 27_791,
  });
  expect(relyingPartyOf(new Uint8Array(32), sha256)).toEqual(one);
  expect(relyingPartyOf(new Uint8Array(32).fill(1), sha256).rpId).not.toBe(one.rpId);
});

test("its port is below those that Linux hands out, and its names are those of the formats", () => {
  for (let seed = 0; seed < 500; seed += 1) {
    const { rpId, origin, port } = relyingPartyOf(Uint8Array.of(seed & 255, seed >> 8), sha256);
    expect(port).toBeGreaterThanOrEqual(20_000);
    expect(port).toBeLessThan(30_000);
    expect([CONSOLE_HOST.test(rpId), CONSOLE_ORIGIN.test(origin)]).toEqual([true, true]);
  }
});
