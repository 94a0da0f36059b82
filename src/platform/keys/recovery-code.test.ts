import { expect, test } from "vitest";
import { makeRecoveryCodes, openRecoveryCode } from "./recovery-code.ts";

test("a code opens its own key, however it is typed, and under no other salt", async () => {
  const [first, second] = await makeRecoveryCodes(2);
  if (first === undefined || second === undefined) throw new Error("two were made");
  expect(first.text).toMatch(/^1(?:-[0-9a-hjkmnp-tv-z]{4}){5}$/);
  expect(second.text).toMatch(/^2-/);
  const salts = [first.salt, second.salt];
  const typed = ` ${first.text.toUpperCase().replaceAll("-", " ").replaceAll("0", "O").replaceAll("1", "I")} `.replace(
    "I",
    "1",
  );
  expect((await openRecoveryCode(typed, salts))?.publicKey).toEqual(first.signer.publicKey);
  expect((await openRecoveryCode(first.text, [second.salt]))?.publicKey).not.toEqual(first.signer.publicKey);
});

test.each([
  "",
  "1",
  "0-0000-0000-0000-0000-0000",
  "1-0000-0000-0000-0000",
  "3-0000-0000-0000-0000-0000",
  "2-0000-0000-0000-0000-0000",
])("%j is no code that is left", async (typed) => {
  expect(await openRecoveryCode(typed, ["00".repeat(16), null])).toBeNull();
});
