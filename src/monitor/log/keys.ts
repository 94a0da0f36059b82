import type { Crypto } from "../../platform/powers.ts";
import { concatBytes, encodeUtf8 } from "../../protocol/bytes.ts";
import type { LogFiles } from "../../platform/log/log-powers.ts";

/** The keys of one home's log. They live outside the log's folder, so that a copy of that folder opens no payload. */
export interface LogKeys {
  /** Number of the epoch whose key wraps new data keys; 1 to 2^32 - 1. */
  readonly epoch: number;
  /** The 32-byte key of an epoch, or null when it was destroyed. */
  key(epoch: number): Uint8Array | null;
  /** Where the wrapped data keys are kept: another folder than the log's. */
  readonly files: Pick<LogFiles, "readRange" | "writeRange" | "remove">;
  /** Makes the key of an epoch after all others, durably, and gives its number. The current epoch stays what it is. */
  advance(): number;
  /**
   * Makes this epoch the current one and destroys the keys of all others for good: what was wrapped with them opens
   * never again, wherever a copy of it lies. That is why no backup may have these keys.
   * Until it resolves the older keys are there and the current epoch is what it was.
   */
  retire(epoch: number): Promise<void>;
}

/** What a derived key is for; part of its derivation, so that no key serves two purposes. */
export type KeyPurpose = "slots" | "journal" | "index" | "state";

/** SHA-256 over a label and the epoch key: 32 bytes. The input has one length per purpose, so it cannot be extended. */
export function deriveKey(crypto: Crypto, { purpose, key }: { purpose: KeyPurpose; key: Uint8Array }): Uint8Array {
  return crypto.sha256(concatBytes([encodeUtf8(`aios log ${purpose} v1\n`), key]));
}
