import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { makeTemporaryFolder } from "../../test/fakes/temporary-folder.ts";
import { createCrypto } from "../platform/keys/crypto.ts";
import { openLogFiles } from "../platform/log/log-files.ts";
import { createRandom } from "../platform/keys/random.ts";
import { createVault, type Vault } from "./vault.ts";

const VALUE = "sk-a-value-that-is-kept";
const SALT = "0".repeat(64);
let folder: string;
let timers: (() => void)[];
const key = randomBytes(32);

beforeEach(() => {
  folder = makeTemporaryFolder();
  timers = [];
});

function open(wrap: Uint8Array = key): Vault {
  return createVault({
    crypto: createCrypto(),
    random: createRandom(),
    timer: {
      after: (_ms, callback) => {
        timers.push(callback);
        return () => {};
      },
    },
    key: wrap,
    values: openLogFiles(join(folder, "values")),
    slots: openLogFiles(join(folder, "slots")),
  });
}

async function keep(vault: Vault, value: string = VALUE): Promise<string> {
  const commitment = vault.deposit({ salt: SALT, value }) ?? "";
  expect(await vault.keep(commitment)).toBe(true);
  return commitment;
}

function allBytes(): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
    .join("\n");
}

test("a value that was deposited is sealed, opens again after a restart, and is in no file", async () => {
  const commitment = await keep(open());
  expect(await open().open(commitment)).toBe(VALUE);
  expect(allBytes()).not.toContain(VALUE);
  expect(allBytes()).not.toContain(Buffer.from(VALUE).toString("base64").slice(0, -4));
});

test("nothing is kept that was not deposited, and a deposit lasts a while only", async () => {
  const vault = open();
  expect(await vault.keep(`sha256:${"0".repeat(64)}`)).toBe(false);
  const commitment = vault.deposit({ salt: SALT, value: VALUE }) ?? "";
  expect(vault.isDeposited(commitment)).toBe(true);
  for (const timer of timers) timer();
  expect(vault.isDeposited(commitment)).toBe(false);
  expect(await vault.keep(commitment)).toBe(false);
  expect(vault.deposit({ salt: "short", value: VALUE })).toBeNull();
  expect(vault.deposit({ salt: SALT, value: "short" })).toBeNull();
});

test("deposits are bounded", () => {
  const vault = open();
  const made = Array.from({ length: 20 }, (_, index) => vault.deposit({ salt: SALT, value: `value number ${index}` }));
  expect(made.filter((each) => each !== null)).toHaveLength(16);
});

test("without its key file, with its slot destroyed, or damaged, nothing opens", async () => {
  const commitment = await keep(open());
  expect(await open(randomBytes(32)).open(commitment)).toBeNull();
  const sealed = join(folder, "values", "kept", commitment.slice(7));
  const bytes = readFileSync(sealed);
  writeFileSync(sealed, Buffer.concat([bytes.subarray(0, 20), Buffer.of((bytes[20] ?? 0) ^ 1), bytes.subarray(21)]));
  expect(await open().open(commitment)).toBeNull();
  writeFileSync(sealed, bytes);
  expect(await open().open(commitment)).toBe(VALUE);
  await open().destroy(commitment);
  expect(await open().open(commitment)).toBeNull();
  expect(allBytes()).toBe("");
  // A copy of the sealed value that somebody kept is of no use without its key.
  writeFileSync(sealed, bytes);
  expect(await open().open(commitment)).toBeNull();
});

test("whoever writes the home cannot put another value, sealed by the same keys, in the place of one", async () => {
  const vault = open();
  const [good, other] = [await keep(vault), await keep(vault, "another value of the same home")];
  for (const part of ["values", "slots"]) {
    const from = join(folder, part, "kept", other.slice(7));
    writeFileSync(join(folder, part, "kept", good.slice(7)), readFileSync(from));
  }
  expect(await vault.open(good)).toBeNull();
  expect(await vault.open(other)).toBe("another value of the same home");
});

test("what no statement names is destroyed", async () => {
  const vault = open();
  const [kept, left] = [await keep(vault), await keep(vault, "left by a crash before its record")];
  await vault.keepOnly(new Set([kept]));
  expect(await vault.open(kept)).toBe(VALUE);
  expect(await vault.open(left)).toBeNull();
  expect(readdirSync(join(folder, "slots", "kept"))).toEqual([kept.slice(7)]);
});

test("a placeholder is the same in every run, and another for every agent, secret and home", () => {
  const [vault, again] = [open(), open()];
  expect(vault.placeholder("notes", "bank")).toBe(again.placeholder("notes", "bank"));
  const others = [
    vault.placeholder("other", "bank"),
    vault.placeholder("notes", "lamp"),
    open(randomBytes(32)).placeholder("notes", "bank"),
  ];
  expect(new Set([vault.placeholder("notes", "bank"), ...others]).size).toBe(4);
});
