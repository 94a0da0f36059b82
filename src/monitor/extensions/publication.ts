import type { Crypto } from "../../platform/powers.ts";
import type { TreeFile } from "../../protocol/extension-table.ts";
import {
  digestOfSigned,
  MOST_PUBLISHER,
  PUBLISHER_FILE,
  readPublication,
  type Publication,
  type SignedExtension,
} from "../../protocol/publisher.ts";

/**
 * What a sealed tree's publisher signed. `text` is what a process that reads strangers' bytes found in the file, so it must be
 * what was sealed; where there is such a file and nothing that holds in it, that is `refused` and never as if there were none.
 */
export function judgePublication(
  { kind, name, version }: Omit<SignedExtension, "digest">,
  { files, text }: { readonly files: readonly TreeFile[]; readonly text: string | null },
  crypto: Pick<Crypto, "sha256" | "digest" | "verify">,
): Publication | null {
  const file = files.find(({ path }) => path === PUBLISHER_FILE);
  if (file === undefined) return null;
  if (text === null) return { kind: "refused", why: `it is no text of at most ${MOST_PUBLISHER} characters` };
  if (crypto.digest(text) !== `sha256:${file.sha256}`)
    return { kind: "refused", why: "what was read of it is not what lies in the extension" };
  return readPublication(text, { kind, name, version, digest: digestOfSigned(files, crypto) }, crypto);
}
