import { canonicalize } from "../../kernel/canonical.ts";
import type { Label } from "../../kernel/grant.ts";
import type { PlaneOf } from "../../kernel/memory.ts";
import { PLANES } from "../../kernel/memory.ts";
import type { Crypto } from "../../platform/powers.ts";
import { asJson } from "../../protocol/as-json.ts";
import { decodeUtf8, fromBase64, toBase64 } from "../../protocol/bytes.ts";
import { decode, list, literal, nullable, object, oneOf, text } from "../../protocol/decode.ts";
import { agentName, instanceId, labels, moment } from "../../protocol/fields.ts";
import { openPayload, SALT_DIGITS, sealPayload } from "../../protocol/sealed.ts";
import type { ShelfRow } from "./shelf-orders.ts";

/** All that is known of an entry, as it is sealed: its text, and where that comes from. */
export interface Content extends PlaneOf {
  readonly v: 1;
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  readonly expires: number | null;
  /** Who wrote it: an agent, and the instance of it. */
  readonly by: string;
  readonly instance: string;
  /** What that instance had taken in by then. */
  readonly labels: readonly Label[];
  /** What it had read by then: `driver/tool` and the like, at most 64. */
  readonly sources: readonly string[];
  readonly text: string;
}

/** Most sources of one entry; with more it has all of them as `MANY`. */
export const MOST_SOURCES = 64;

const CONTENT = object<Content>({
  v: literal(1),
  agent: agentName,
  plane: oneOf(PLANES),
  at: moment,
  expires: nullable(moment),
  by: agentName,
  instance: instanceId,
  labels,
  sources: list(text({ max: 400 }), { max: MOST_SOURCES }),
  text: text({ max: 65_536 }),
});

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

/** What a row holds, or null when the key does not open it, or it is not what stands beside it. */
export function openContent(
  row: ShelfRow,
  { crypto, key }: { readonly crypto: Crypto; readonly key: Uint8Array },
): Content | null {
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
  const plain = bytes === null ? null : decodeUtf8(bytes.subarray(SALT_DIGITS));
  if (plain === null) return null;
  const decoded = decode(CONTENT, JSON.parse(plain));
  if (decoded.kind !== "ok") return null;
  const { agent, plane, expires } = decoded.value;
  return agent === row.agent && plane === row.plane && expires === row.expires ? decoded.value : null;
}

/** Length of the text: the salt is in front, the tag of 16 bytes behind. */
function lengthOf(sealed: Uint8Array): number {
  return sealed.length - SALT_DIGITS - 16;
}
