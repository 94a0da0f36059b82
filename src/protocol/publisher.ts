import { canonicalize } from "../kernel/canonical.ts";
import { parseJson } from "../kernel/json.ts";
import { decodeUtf8, encodeUtf8, fromBase64, toBase64 } from "./bytes.ts";
import { decode, literal, nullable, object, oneOf, refine, text, union, type Decoder } from "./decode.ts";
import { extensionName, type ExtensionKind } from "./extension.ts";
import type { TreeFile } from "./extension-table.ts";
import { digest, ownerKey, visibleLine } from "./fields.ts";
import { pae } from "./pae.ts";
import { faultOfPublicKey } from "./public-key.ts";
import { Refusal } from "./refusal.ts";
import { keyId } from "./statement.ts";

/** The file of an extension in which its publisher signs it, at the top of its tree (docs/formats/publisher.md). */
export const PUBLISHER_FILE = "aios-publisher.json";
/** Media type of what is signed. It is part of what is signed, so that no other signature passes for it. */
export const PUBLISHER_TYPE = "application/vnd.aios.publisher.v1+json";
/** Most characters of that file. */
export const MOST_PUBLISHER = 8192;

/** By which of its files an extension is read. A package is the same one in its folder and packed for npm. */
const SIGNED_KINDS = ["package", "skill", "bundle"] as const;
type SignedKind = (typeof SIGNED_KINDS)[number];
const SIGNED_AS: { readonly [kind in Exclude<ExtensionKind, "http">]: SignedKind } = {
  npm: "package",
  folder: "package",
  skill: "skill",
  mcpb: "bundle",
};

/** An extension as a signature is about it; `digest` is of its files without the one with the signature. */
export interface SignedExtension {
  readonly kind: Exclude<ExtensionKind, "http">;
  readonly name: string;
  readonly version: string | null;
  readonly digest: string;
}

/** What was verified of the signature in an extension. Whether an owner admitted that key is another matter. */
export type Publication =
  /** `key`: the whole public key, 32 bytes in base64; its short form is for eyes only. */
  { readonly kind: "signed"; readonly key: string } | { readonly kind: "refused"; readonly why: string };

interface Hashes {
  sha256(data: string | Uint8Array): Uint8Array;
  digest(data: string | Uint8Array): string;
}
interface Verifying extends Hashes {
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

interface Signed extends Omit<SignedExtension, "kind"> {
  readonly v: 1;
  readonly kind: SignedKind;
  readonly key: string;
}
interface PublisherEnvelope {
  readonly payloadType: typeof PUBLISHER_TYPE;
  readonly payload: string;
  readonly signatures: readonly [{ readonly keyid: string; readonly sig: string }];
}

const BOUNDS = { maxLength: MOST_PUBLISHER, maxDepth: 4, maxValues: 32 };
export const publisherKey: Decoder<string> = refine(text({ max: 44 }), (key) =>
  fromBase64(key)?.length === 32 ? null : "is no public key of 32 bytes in base64",
);
const SIGNED: Decoder<Signed> = object<Signed>({
  v: literal(1),
  kind: oneOf(SIGNED_KINDS),
  name: extensionName,
  version: nullable(visibleLine),
  digest,
  key: publisherKey,
});
export const PUBLICATION: Decoder<Publication> = union<Publication, "kind">("kind", {
  signed: object<Extract<Publication, { kind: "signed" }>>({ kind: literal("signed"), key: publisherKey }),
  refused: object<Extract<Publication, { kind: "refused" }>>({ kind: literal("refused"), why: visibleLine }),
});
const SIGNATURE = object<PublisherEnvelope["signatures"][0]>({ keyid: ownerKey, sig: text({ max: 88 }) });
const ENVELOPE: Decoder<PublisherEnvelope> = object<PublisherEnvelope>({
  payloadType: literal(PUBLISHER_TYPE),
  payload: text({ max: MOST_PUBLISHER }),
  // Exactly one: with several, who published it would depend on which one a reader looks at.
  signatures: (value, refusal) => {
    const [first, ...others] = Array.isArray(value) ? value : [];
    if (first === undefined || others.length > 0) return refusal.expected("a list of exactly one signature", value);
    const read = SIGNATURE(first, refusal);
    return read instanceof Refusal ? read.at(0) : [read];
  },
});

/** The digest that a signature is about: as a tree's own, without the file that holds the signature. */
export function digestOfSigned(files: readonly TreeFile[], hashes: Pick<Hashes, "digest">): string {
  const lines = files
    .filter(({ path }) => path !== PUBLISHER_FILE)
    .map(({ path, executable, bytes, sha256 }) => `${executable ? "x" : "-"} ${bytes} ${sha256} ${path}\n`);
  return hashes.digest(`aios-tree-v1\n${lines.join("")}`);
}

/** The text of the file with which a publisher signs an extension. */
export function sealPublication(
  { kind, name, version, digest: of }: SignedExtension,
  signer: { readonly publicKey: Uint8Array; sign(message: Uint8Array): Uint8Array },
  hashes: Pick<Hashes, "sha256">,
): string {
  const key = toBase64(signer.publicKey);
  const payload = encodeUtf8(canonicalize({ v: 1, kind: SIGNED_AS[kind], name, version, digest: of, key }));
  const sig = toBase64(signer.sign(pae(PUBLISHER_TYPE, payload)));
  const signatures = [{ keyid: keyId(signer.publicKey, (data) => hashes.sha256(data)), sig }];
  return `${canonicalize({ payloadType: PUBLISHER_TYPE, payload: toBase64(payload), signatures })}\n`;
}

/**
 * Judges the text of an extension's own `aios-publisher.json` against what the extension was found to be. The key is in what
 * is signed: whoever has it signed exactly these files under this kind, name and version. Nothing that it says is believed
 * before that is seen.
 */
export function readPublication(file: string, found: SignedExtension, crypto: Verifying): Publication {
  const parsed = parseJson(file, BOUNDS);
  if (parsed.kind === "refused") return refuse(`it is not strict JSON: ${parsed.message}`);
  const envelope = decode(ENVELOPE, parsed.value);
  if (envelope.kind === "refused") return refuse(`it is no envelope: ${envelope.path} ${envelope.message}`);
  const [signature] = envelope.value.signatures;
  const [payload, sig] = [fromBase64(envelope.value.payload), fromBase64(signature.sig)];
  const content = payload === null ? null : decodeUtf8(payload);
  if (payload === null || content === null || sig === null) return refuse("it is not strict base64 of UTF-8");
  const said = parseJson(content, BOUNDS);
  const signed = said.kind === "ok" ? decode(SIGNED, said.value) : said;
  if (signed.kind === "refused") return refuse(`what it signs is refused: ${signed.message}`);
  const { v: _v, key, ...about } = signed.value;
  const raw = fromBase64(key);
  if (raw === null || keyId(raw, (data) => crypto.sha256(data)) !== signature.keyid)
    return refuse("it names another key than the one in what it signs");
  const fault = faultOfPublicKey(raw);
  if (fault !== null) return refuse(`its key ${fault}`);
  if (!crypto.verify(raw, pae(PUBLISHER_TYPE, payload), sig)) return refuse("its signature does not verify");
  if (canonicalize({ ...signed.value }) !== content) return refuse("what it signs is not in canonical form");
  const is = { ...found, kind: SIGNED_AS[found.kind] };
  for (const field of ["kind", "name", "version", "digest"] as const)
    if (about[field] !== is[field]) return refuse(`it was signed for another ${field}`);
  return { kind: "signed", key };
}

/** In a line that can be shown: a stranger's field names may stand in it. */
function refuse(why: string): Publication {
  return {
    kind: "refused",
    why: why
      .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, " ")
      .slice(0, 512)
      .toWellFormed(),
  };
}
