import { canonicalize } from "../../kernel/canonical.ts";
import type { Crypto } from "../../platform/powers.ts";
import { asJson } from "../../protocol/as-json.ts";
import { decodeUtf8, fromBase64, toBase64 } from "../../protocol/bytes.ts";
import { decode } from "../../protocol/decode.ts";
import { CONTENT, type Content } from "../../protocol/memory-content.ts";
import { openPayload, SALT_DIGITS, sealPayload } from "../../protocol/sealed.ts";
import type { ShelfRow } from "./shelf-orders.ts";

/** Which seal this is, so that no payload of the log and no other entry opens as this one. */
const ORIGIN = "aios memory";

/** Seals an entry under a key of its own; the digest commits to salt and content. */
export function sealContent(
  content: Content,
  options: { readonly crypto: Crypto; readonly key: Uint8Array; readonly salt: Uint8Array; readonly entry: number },
): { readonly sealed: string; readonly digest: string } {
  const { sealed, commitment } = sealPayload(canonicalize(asJson(content)), {
    powers: options.crypto,
    key: options.key,
    salt: options.salt,
    place: { origin: ORIGIN, seq: options.entry },
  });
  return { sealed: toBase64(sealed), digest: commitment.digest };
}

/** Salt and text of a row, as its digest is of them, or null when the key does not open it. */
export function openSalted(
  row: ShelfRow,
  { crypto, key }: { readonly crypto: Crypto; readonly key: Uint8Array },
): string | null {
  const sealed = fromBase64(row.sealed);
  if (sealed === null) return null;
  const place = { origin: ORIGIN, seq: row.entry };
  // The length is inside the seal; what the seal opens to has the length that it has.
  const bytes = openPayload(sealed, {
    powers: crypto,
    key,
    place,
    commitment: { digest: row.digest, bytes: lengthOf(sealed) },
  });
  return bytes === null ? null : decodeUtf8(bytes);
}

/** What a row holds, or null when the key does not open it, or it is not what stands beside it. */
export function openContent(
  row: ShelfRow,
  opening: { readonly crypto: Crypto; readonly key: Uint8Array },
): Content | null {
  const salted = openSalted(row, opening);
  if (salted === null) return null;
  const decoded = decode(CONTENT, JSON.parse(salted.slice(SALT_DIGITS)));
  if (decoded.kind !== "ok") return null;
  const { agent, plane, expires } = decoded.value;
  return agent === row.agent && plane === row.plane && expires === row.expires ? decoded.value : null;
}

/** Length of the text: the salt is in front, the tag of 16 bytes behind. */
function lengthOf(sealed: Uint8Array): number {
  return sealed.length - SALT_DIGITS - 16;
}
