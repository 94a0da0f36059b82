import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { CliFailure } from "../cli/failure.ts";
import type { ReadSource } from "../cli/extension-powers.ts";
import { BOUNDS } from "../extensions/archive/bounds.ts";
import { unpack, type Target } from "../extensions/archive/unpack.ts";
import { crc32, inflate } from "../platform/files/inflate.ts";
import { packFolder } from "../platform/files/pack-folder.ts";
import type { ArchiveForm } from "../protocol/extension-order.ts";
import type { TreeFile } from "../protocol/extension-table.ts";

const MOST_TEXT = 1024 * 1024;

/**
 * Reads an archive, or a folder as the archive that is made of it, with what the store unpacks it with, into memory: so what is
 * signed is what will be added. It is for a publisher's own files. Throws `CliFailure` `file-unreadable`.
 */
export async function readSource({
  path,
  form,
}: {
  readonly path: string;
  readonly form: ArchiveForm;
}): Promise<ReadSource> {
  const files: TreeFile[] = [];
  const texts = new Map<string, Buffer>();
  const target: Target = {
    make(name, { executable }) {
      const hash = createHash("sha256");
      const start: Buffer[] = [];
      let bytes = 0;
      return {
        write(part) {
          hash.update(part);
          bytes += part.length;
          if (bytes <= MOST_TEXT) start.push(Buffer.from(part));
        },
        close() {
          files.push({ path: name, executable, bytes, sha256: hash.digest("hex") });
          if (bytes <= MOST_TEXT) texts.set(name, Buffer.concat(start));
        },
      };
    },
  };
  try {
    await unpack(await gather(form === "tar" ? packFolder(path) : createReadStream(path)), form, {
      target,
      inflate,
      crc32,
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : "it cannot be read";
    throw CliFailure.of("file-unreadable", `Cannot read ${path}: ${why}`, "what the store does not take is not signed");
  }
  files.sort((left, right) => Buffer.compare(Buffer.from(left.path), Buffer.from(right.path)));
  return {
    files,
    text(name) {
      const bytes = texts.get(name);
      return bytes === undefined || !isUtf8(bytes) || bytes.includes(0) ? null : bytes.toString("utf8");
    },
  };
}

/** Once over the bound no more is taken: it is refused for its size. */
async function gather(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of parts) {
    chunks.push(part);
    bytes += part.length;
    if (bytes > BOUNDS.archive) break;
  }
  return Buffer.concat(chunks);
}
