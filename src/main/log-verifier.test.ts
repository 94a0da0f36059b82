import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { makeTemporaryFolder } from "../../test/fakes/temporary-folder.ts";
import { foldersOf, openTestLog, ORIGIN, SIGNER } from "../../test/fakes/open-log.ts";
import { makeVisible } from "../showing/visible.ts";
import { createCrypto } from "../platform/crypto.ts";
import { noteKeyText } from "../protocol/note.ts";
import { createLogVerifier } from "./log-verifier.ts";

const crypto = createCrypto();
const sha256 = (data: Uint8Array): Uint8Array => crypto.sha256(data);
const verifier = createLogVerifier(crypto, { read: (path) => Promise.resolve(readFileSync(path, "utf8")) });

describe("the verifier of the command line", () => {
  test("says that payloads were not read", async () => {
    const home = makeTemporaryFolder();
    const log = await openTestLog(home);
    await log.append({ kind: "stop", why: "test" }, { secret: "erased later" });
    await log.close();
    const key = { kind: "text", text: noteKeyText(sha256, { name: ORIGIN, publicKey: SIGNER.publicKey }) } as const;
    const verified = await verifier.verify({ folder: foldersOf(home).log, key, against: [], witnesses: null });
    expect(verified).toMatchObject({
      kind: "verified",
      facts: { size: 1, payloads: "not-read" },
      lines: ["1 records", expect.any(String), expect.any(String), "payloads, which may be erased, were not read"],
    });
  });

  test("tells what a key looks like in characters that every screen shows", async () => {
    const given = { folder: "/absent", key: { kind: "text", text: "bad" } as const, against: [], witnesses: null };
    const error = await verifier.verify(given).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "usage", hint: expect.stringContaining("AbCd...=") });
    const { hint } = error as { hint: string }; // as just seen
    expect(makeVisible(hint)).toBe(hint);
  });
});
