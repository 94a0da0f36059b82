import { checkpointText, signNote } from "../../protocol/note.ts";
import type { Checkpoint } from "./log.ts";
import type { AuditLogParts } from "./parts.ts";

/** Signs the tree as it is in memory. */
export function signTree({ origin, signer, crypto, tiles }: AuditLogParts): Checkpoint {
  const [size, root] = [tiles.size, tiles.root()];
  const note = signNote(checkpointText({ origin, size, root }), {
    key: { name: origin, publicKey: signer.publicKey },
    sha256: (data) => crypto.sha256(data),
    sign: (message) => signer.sign(message),
  });
  return { origin, size, root, note };
}
