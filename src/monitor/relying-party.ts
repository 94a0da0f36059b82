import { toHex } from "../protocol/bytes.ts";

/** Where a home's console is found, and to what its passkeys are bound (WebAuthn: relying party id and origin). */
export interface RelyingParty {
  /** `aios-<16 hex>.localhost`: a name of the home's own, since a passkey for `localhost` signs on every port of this machine. */
  readonly rpId: string;
  /** `http://<rpId>:<port>`. */
  readonly origin: string;
  readonly port: number;
}

/** Below the ports that Linux hands to programs that ask for any. */
const PORTS = { from: 20_000, count: 10_000 };

/** The relying party of a home, for ever the same. @param seed 32 bytes, drawn once. */
export function relyingPartyOf(seed: Uint8Array, sha256: (data: Uint8Array) => Uint8Array): RelyingParty {
  const drawn = sha256(seed);
  const [high = 0, low = 0] = drawn.subarray(8);
  const rpId = `aios-${toHex(drawn.subarray(0, 8))}.localhost`;
  const port = PORTS.from + ((high * 256 + low) % PORTS.count);
  return Object.freeze({ rpId, origin: `http://${rpId}:${port}`, port });
}
