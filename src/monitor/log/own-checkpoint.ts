import { decodeUtf8 } from "../../protocol/bytes.ts";
import { openNote, parseCheckpoint, type CheckpointBody } from "../../protocol/note.ts";
import type { LogReader } from "../../platform/log/log-powers.ts";
import type { Crypto, Signer } from "../../platform/powers.ts";
import { LogError } from "./error.ts";

/** The log's own checkpoint; null when there is none. Throws LogError `log-forked` for one of another key. */
export async function readCheckpoint({
  files,
  crypto,
  signer,
  origin,
}: {
  readonly files: LogReader;
  readonly crypto: Crypto;
  readonly signer: Pick<Signer, "publicKey">;
  readonly origin: string;
}): Promise<CheckpointBody | null> {
  const bytes = await files.read("checkpoint");
  if (bytes === null) return null;
  const text = openNote(decodeUtf8(bytes) ?? "", {
    key: { name: origin, publicKey: signer.publicKey },
    sha256: (data) => crypto.sha256(data),
    verify: (publicKey, message, signature) => crypto.verify(publicKey, message, signature),
  });
  const checkpoint = text === null ? null : parseCheckpoint(text);
  if (checkpoint?.origin === origin) return checkpoint;
  throw new LogError("log-forked", `Cannot open the log: its checkpoint is not signed by the key of ${origin}`);
}
