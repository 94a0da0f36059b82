/**
 * The powers that programs receive. Interfaces only: `main/` makes them from this folder's implementations and hands
 * them down, each as narrow as its user needs. Nothing outside `platform/` and `main/` imports a Node module.
 */

import type { CoseKey } from "../protocol/cose-key.ts";

export interface Clock {
  /** Wall time, milliseconds since 1970 UTC. */
  wall(): number;
  /** CLOCK_BOOTTIME in milliseconds: counts suspend, cannot be set. */
  boot(): number;
  /** Monotonic microseconds, for durations only. */
  micros(): number;
}

export interface Timer {
  /** Calls back once after `ms`; the returned function cancels. Does not keep the process alive. */
  after(ms: number, callback: () => void): () => void;
}

export interface Random {
  bytes(count: number): Uint8Array;
  /** Lower-case hex of `count` random bytes. */
  hex(count: number): string;
}

export interface Crypto {
  /** SHA-256 of UTF-8 text or bytes as raw 32 bytes. */
  sha256(data: string | Uint8Array): Uint8Array;
  /** `sha256:` and lower-case hex. */
  digest(data: string | Uint8Array): string;
  /** Ed25519, raw 32-byte public key, 64-byte signature. Never throws: a malformed key or signature is false. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** ES256 (signature in DER), EdDSA or RS256, as passkeys sign. Never throws: a point off its curve is false. */
  verifyCose(key: CoseKey, message: Uint8Array, signature: Uint8Array): boolean;
  /** AES-256-GCM; 12-byte nonce; the 16-byte tag is appended. */
  seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, associated: Uint8Array): Uint8Array;
  /** Throws when the tag does not fit. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array;
}

/** Signs with one key that the holder never sees. */
export interface Signer {
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

/** A stream of bytes with one other process: an inherited socketpair end or an accepted connection. */
export interface Channel {
  onData(listener: (chunk: Uint8Array) => void): void;
  /** Called once, when the other side is gone or the channel was destroyed. */
  onClose(listener: () => void): void;
  /** Queues bytes; false asks the caller to wait for `onDrain`. */
  write(bytes: Uint8Array): boolean;
  onDrain(listener: () => void): void;
  destroy(): void;
}

/** A process that was started in a sandbox. */
export interface SandboxedProcess {
  /** Host process id of bubblewrap. */
  readonly pid: number;
  /** Inode number of its pid namespace. */
  readonly namespace: number;
  /** The channels asked for, in the order asked, less those that were made of given ends. */
  readonly channels: readonly Channel[];
  /** Resolves once, when the process and its namespace are gone. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** SIGKILL to bubblewrap; its pid namespace goes with it. */
  kill(): void;
  /** SIGSTOP / SIGCONT to every process of the sandbox. */
  suspend(): void;
  resume(): void;
  /** Whether any process of it may be left; from the end of the last on, `namespace` may be the number of another. */
  exists(): boolean;
  /** Whether its own program stands still, stopped by itself or by `suspend`. */
  stopped(): boolean;
  /** Last bytes of standard error when it was not passed on, at most 8 KiB. */
  errors(): string;
}
