import { createCrypto } from "../../src/platform/keys/crypto.ts";
import type { Signer } from "../../src/platform/powers.ts";
import type { TreeFile } from "../../src/protocol/extension-table.ts";
import { digestOfSigned, PUBLISHER_FILE, sealPublication, type SignedExtension } from "../../src/protocol/publisher.ts";
import type { TarPart } from "./archives.ts";

const PACKED = "package/";

/** The parts of an npm package, and the file in which its publisher signs them. */
export function signedBy(
  signer: Signer,
  parts: readonly TarPart[],
  about: Omit<SignedExtension, "digest">,
): readonly TarPart[] {
  const crypto = createCrypto();
  const files = parts.map(({ name, body = "", mode = 0o644 }): TreeFile => ({
    path: String(name).slice(PACKED.length),
    executable: (mode & 0o111) !== 0,
    bytes: Buffer.byteLength(body),
    sha256: crypto.digest(body).slice("sha256:".length),
  }));
  files.sort((left, right) => Buffer.compare(Buffer.from(left.path), Buffer.from(right.path)));
  const body = sealPublication({ ...about, digest: digestOfSigned(files, crypto) }, signer, crypto);
  return [...parts, { name: `${PACKED}${PUBLISHER_FILE}`, body }];
}
