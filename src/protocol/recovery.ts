import type { JsonValue } from "../kernel/json.ts";
import { RECOVERY_ID, RECOVERY_SALT } from "../kernel/names.ts";
import { fromBase64, toHex } from "./bytes.ts";
import { decode, integer, list, object, refine, text, type DecodeResult, type Decoder } from "./decode.ts";

/**
 * A recovery code is a bearer secret. What is kept of it is a salt and the public key of the key pair that scrypt makes of
 * code and salt: a salted hash that, unlike one, can be checked again in the log, and that the code itself never meets.
 */
export interface RecoveryCode {
  /** `recovery:` and 16 hex digits, as `recoveryKeyId` gives it. */
  readonly id: string;
  /** 32 lower-case hex digits. */
  readonly salt: string;
  /** Base64 of the raw Ed25519 public key. */
  readonly key: string;
}

/** What an owner signs to make recovery codes; no codes, and a wait of 0, switch recovery off. */
export interface RecoverySet {
  readonly codes: readonly RecoveryCode[];
  /** Milliseconds from the use of a code until its owner is enrolled. */
  readonly wait: number;
}

const MOST_CODES = 16;
const SECOND = 1000;
/** Milliseconds; longer than this nobody waits for a key. */
export const LONGEST_WAIT: number = 30 * 86_400 * SECOND;

const CODE: Decoder<RecoveryCode> = object<RecoveryCode>({
  id: text({ max: 25, pattern: RECOVERY_ID, is: "the id of a code" }),
  salt: text({ max: 32, pattern: RECOVERY_SALT, is: "a salt" }),
  key: refine(text({ max: 44 }), (key) => (fromBase64(key)?.length === 32 ? null : "is not 32 bytes in base64")),
});

const RECOVERY: Decoder<RecoverySet> = refine(
  object<RecoverySet>({
    codes: list(CODE, { max: MOST_CODES, unique: ({ id }) => id }),
    wait: integer({ min: 0, max: LONGEST_WAIT }),
  }),
  ({ codes, wait }) =>
    (codes.length === 0) === (wait === 0) && (wait === 0 || wait >= SECOND) ? null : "has no wait that fits its codes",
);

/** Reads the document of a `set-recovery`. */
export function decodeRecovery(value: JsonValue): DecodeResult<RecoverySet> {
  return decode(RECOVERY, value);
}

/** The id of a code's key, which signs nothing but a recovery. */
export function recoveryKeyId(key: string, sha256: (data: Uint8Array) => Uint8Array): string {
  const raw = fromBase64(key);
  if (raw === null) throw new RangeError("Cannot name a code that was not decoded");
  return `recovery:${toHex(sha256(raw)).slice(0, 16)}`;
}
