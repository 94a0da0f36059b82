import { toHex } from "../protocol/bytes.ts";
import type { ProofPowers } from "../protocol/log-proof.ts";
import { sha256 } from "./sha256.ts";

/** Hashes and signatures that one check may take: more is no proof of ours. */
const MOST = 512;

/**
 * Runs a check that wants hashes and signatures at once with those of the browser, which takes its time: the check is begun
 * anew whenever an answer has come, and sees the same answers again. It must be pure. Throws what it throws, and when the
 * browser has no Ed25519.
 */
export async function byBrowser<T>(check: (powers: ProofPowers) => T): Promise<T> {
  const digests = new Map<string, Uint8Array>();
  const verdicts = new Map<string, boolean>();
  for (let round = 0; round < MOST; round += 1) {
    const wanted: (() => Promise<void>)[] = [];
    const missing = (find: () => Promise<void>): never => {
      wanted.push(find);
      throw new Missing();
    };
    try {
      return check({
        sha256(data) {
          const key = toHex(data);
          // What is handed in may be scratch space of the check.
          const copy = Uint8Array.from(data);
          return digests.get(key) ?? missing(async () => void digests.set(key, await sha256(copy)));
        },
        verify(publicKey, message, signature) {
          const key = [publicKey, message, signature].map(toHex).join(" ");
          return (
            verdicts.get(key) ??
            missing(async () => void verdicts.set(key, await verify(publicKey, message, signature)))
          );
        },
      });
    } catch (error) {
      const [find] = wanted;
      if (!(error instanceof Missing) || find === undefined) throw error;
      await find();
    }
  }
  throw new Error("The proof takes more hashes than any proof does.");
}

/** An answer of the browser is not there yet. */
class Missing extends Error {}

async function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const key = await crypto.subtle.importKey("raw", Uint8Array.from(publicKey), "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", key, Uint8Array.from(signature), Uint8Array.from(message));
}
