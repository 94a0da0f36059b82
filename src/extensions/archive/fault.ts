import { decodeUtf8 } from "../../protocol/bytes.ts";
import type { ArchiveCode } from "../../protocol/extension-order.ts";

/** An archive that is not unpacked, and why; what was unpacked of it until then is thrown away with its folder. */
export class ArchiveFault extends Error {
  readonly code: ArchiveCode;

  constructor(code: ArchiveCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Refuses an archive. */
export function refuse(code: ArchiveCode, message: string): never {
  throw new ArchiveFault(code, message);
}

/** The text of a name's bytes: UTF-8, exactly. */
export function nameText(bytes: Uint8Array): string {
  return decodeUtf8(bytes) ?? refuse("archive-name", "a name of it is no UTF-8");
}
