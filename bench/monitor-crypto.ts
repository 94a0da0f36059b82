import { createCrypto } from "../src/platform/keys/crypto.ts";
import { openDirectGcm } from "../src/platform/keys/direct-gcm.ts";
import { nodeGcm } from "../src/platform/keys/gcm.ts";
import type { Crypto } from "../src/platform/powers.ts";

/** The cryptography that the monitor has. */
export function createMonitorCrypto(): Crypto {
  return createCrypto(openDirectGcm() ?? nodeGcm);
}
