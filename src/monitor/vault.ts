import { isObject, parseJson } from "../kernel/json.ts";
import { SHA256 } from "../kernel/names.ts";
import { concatBytes, decodeUtf8, encodeUtf8, toHex } from "../protocol/bytes.ts";
import { committedText, SALT, secretProblem } from "../protocol/commitment.ts";
import type { LogFiles } from "../platform/log/log-powers.ts";
import type { Crypto, Random, Timer } from "../platform/powers.ts";

/** What the vault is made of. */
export interface VaultPowers {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly timer: Timer;
  /** 32 bytes from a file of the home that backups can leave out: without it nothing that is sealed opens again. */
  readonly key: Uint8Array;
  /** Sealed values. */
  readonly values: Pick<LogFiles, "read" | "list" | "write" | "remove">;
  /** Wrapped keys, one for each value, in another folder. */
  readonly slots: Pick<LogFiles, "read" | "list" | "write" | "writeRange" | "remove">;
}

/**
 * Values of secrets, sealed (SECRETS-OUTSIDE). Each is named by the commitment that its owner signed, and what does not
 * fit its commitment does not open: whoever can write the home cannot put another value into it.
 */
export interface Vault {
  /** Keeps a value in memory until a statement over its commitment comes, for five minutes. The commitment, or null. */
  deposit(given: { readonly salt: string; readonly value: string }): string | null;
  isDeposited(commitment: string): boolean;
  /** Seals what was deposited, durably; false when nothing was. */
  keep(commitment: string): Promise<boolean>;
  /** Seals a value that the monitor itself got, durably; its commitment, or null when it cannot be one. */
  seal(given: { readonly salt: string; readonly value: string }): Promise<string | null>;
  /** The value; null when it is not there, damaged, or its key destroyed. */
  open(commitment: string): Promise<string | null>;
  /** Destroys the key of a value, and then removes both. */
  destroy(commitment: string): Promise<void>;
  /** Destroys everything that no statement names: what a crash left between sealing and recording. */
  keepOnly(commitments: ReadonlySet<string>): Promise<void>;
  /** What stands for a secret inside one agent's sandboxes. The same in every run, so that a kept home can hold it. */
  placeholder(agent: string, secret: string): string;
}

const DEPOSIT_MS = 5 * 60_000;
const DEPOSITS = 16;
const NONCE_BYTES = 12;
const KEY_BYTES = 32;
const FOLDER = "kept";

/** Makes the vault of one home. */
export function createVault({ crypto, random, timer, key, values, slots }: VaultPowers): Vault {
  const deposits = new Map<string, string>();
  const wrap = derive("wrap");
  const naming = derive("placeholder");

  function derive(purpose: string): Uint8Array {
    return crypto.sha256(concatBytes([encodeUtf8(`aios secret ${purpose} v1\n`), key]));
  }

  function seal(under: Uint8Array, plain: Uint8Array, what: string): Uint8Array {
    const nonce = random.bytes(NONCE_BYTES);
    return concatBytes([nonce, crypto.seal(under, nonce, plain, encodeUtf8(what))]);
  }

  function unseal(under: Uint8Array, sealed: Uint8Array, what: string): Uint8Array | null {
    try {
      return crypto.open(under, sealed.subarray(0, NONCE_BYTES), sealed.subarray(NONCE_BYTES), encodeUtf8(what));
    } catch {
      return null; // ERRORS-DENY: what does not open is not there
    }
  }

  async function sealText(commitment: string, text: string): Promise<boolean> {
    const name = nameOf(commitment);
    if (name === null) return false;
    const dataKey = random.bytes(KEY_BYTES);
    await slots.write([{ path: pathOf(name), bytes: seal(wrap, dataKey, `slot ${name}`) }], { durable: true });
    await values.write([{ path: pathOf(name), bytes: seal(dataKey, encodeUtf8(text), `value ${name}`) }], {
      durable: true,
    });
    dataKey.fill(0);
    return true;
  }

  async function destroyNamed(name: string): Promise<void> {
    const path = pathOf(name);
    const slot = await slots.read(path);
    if (slot !== null) {
      // Over the key first, in place: to unlink a file does not overwrite it.
      await slots.writeRange(path, { offset: 0, bytes: new Uint8Array(slot.length) });
      await slots.remove([path], { durable: true });
    }
    if ((await values.read(path)) !== null) await values.remove([path], { durable: true });
  }

  return Object.freeze({
    deposit({ salt, value }: { readonly salt: string; readonly value: string }) {
      if (!SALT.test(salt) || secretProblem(value) !== null) return null;
      const text = committedText({ salt, value });
      const commitment = crypto.digest(text);
      if (deposits.size >= DEPOSITS && !deposits.has(commitment)) return null;
      deposits.set(commitment, text);
      timer.after(DEPOSIT_MS, () => deposits.delete(commitment));
      return commitment;
    },

    isDeposited: (commitment: string) => deposits.has(commitment),

    async keep(commitment: string) {
      const text = deposits.get(commitment);
      if (text === undefined || !(await sealText(commitment, text))) return false;
      deposits.delete(commitment);
      return true;
    },

    async seal(given: { readonly salt: string; readonly value: string }) {
      if (!SALT.test(given.salt) || secretProblem(given.value) !== null) return null;
      const text = committedText(given);
      const commitment = crypto.digest(text);
      return (await sealText(commitment, text)) ? commitment : null;
    },

    async open(commitment: string) {
      const name = nameOf(commitment);
      if (name === null) return null;
      const [slot, sealed] = await Promise.all([slots.read(pathOf(name)), values.read(pathOf(name))]);
      const dataKey = slot === null ? null : unseal(wrap, slot, `slot ${name}`);
      const plain = dataKey === null || sealed === null ? null : unseal(dataKey, sealed, `value ${name}`);
      const text = plain === null ? null : decodeUtf8(plain);
      return text === null || crypto.digest(text) !== commitment ? null : valueIn(text);
    },

    async destroy(commitment: string) {
      const name = nameOf(commitment);
      if (name !== null) await destroyNamed(name);
    },

    async keepOnly(commitments: ReadonlySet<string>) {
      const names = new Set([...(await slots.list(FOLDER)), ...(await values.list(FOLDER))]);
      for (const name of names) {
        if (/^[0-9a-f]{64}$/.test(name) && !commitments.has(`sha256:${name}`)) await destroyNamed(name);
      }
    },

    placeholder(agent: string, secret: string) {
      const drawn = crypto.sha256(concatBytes([naming, encodeUtf8(`${agent} ${secret}`)]));
      return `aios-secret-${secret}-${toHex(drawn).slice(0, 32)}`;
    },
  });
}

/** Name of the files of a commitment. */
function nameOf(commitment: string): string | null {
  return SHA256.test(commitment) ? commitment.slice("sha256:".length) : null;
}

function pathOf(name: string): string {
  return `${FOLDER}/${name}`;
}

function valueIn(text: string): string | null {
  const parsed = parseJson(text);
  if (parsed.kind !== "ok" || !isObject(parsed.value)) return null;
  const { value } = parsed.value;
  return typeof value === "string" && secretProblem(value) === null ? value : null;
}
