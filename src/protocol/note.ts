import { concatBytes, encodeUtf8, equalBytes, fromBase64, toBase64, toHex } from "./bytes.ts";
import { HASH_BYTES, type Sha256 } from "./merkle.ts";

/** Signed notes (c2sp.org/signed-note) and the checkpoints in them (c2sp.org/tlog-checkpoint). */

const ED25519 = 1;
const COSIGNATURE = 4;
const PUBLIC_KEY_BYTES = 32;
const KEY_ID_BYTES = 4;
const SIGNATURE_BYTES = 64;
const MAX_NOTE_LENGTH = 1_000_000;
const MAX_SIGNATURES = 100;
// The specification forbids white space and plus signs in key names; ours are printable ASCII besides.
const KEY_NAME = /^[!-*,-~]{1,255}$/;
const SIZE = /^(?:0|[1-9][0-9]{0,15})$/;

/** A key as notes know it: its name and the raw 32-byte Ed25519 public key. */
export interface NoteKey {
  readonly name: string;
  readonly publicKey: Uint8Array;
}

/** What a key signs: notes themselves (c2sp.org/signed-note), or cosignatures with a time (c2sp.org/tlog-cosignature). */
export type NoteKeyKind = "note" | "cosignature";

/** First four bytes of SHA-256(name || 0x0A || kind || public key). */
export function noteKeyId(sha256: Sha256, { name, publicKey }: NoteKey, kind: NoteKeyKind = "note"): Uint8Array {
  return sha256(concatBytes([encodeUtf8(`${name}\n`), kindByte(kind), publicKey])).slice(0, KEY_ID_BYTES);
}

/** The key in the text form that other tools of this format read: `name+id+base64`. */
export function noteKeyText(sha256: Sha256, key: NoteKey, kind: NoteKeyKind = "note"): string {
  const encoded = toBase64(concatBytes([kindByte(kind), key.publicKey]));
  return `${key.name}+${toHex(noteKeyId(sha256, key, kind))}+${encoded}`;
}

/** Reads a key of one kind in its text form, or gives null: its id must fit, so that a mistyped key is found. */
export function readNoteKey(sha256: Sha256, text: string, kind: NoteKeyKind = "note"): NoteKey | null {
  const [name = "", , ...rest] = text.split("+");
  const publicKey = fromBase64(rest.join("+"))?.slice(1);
  if (publicKey?.length !== PUBLIC_KEY_BYTES || !KEY_NAME.test(name)) return null;
  const key = { name, publicKey };
  return noteKeyText(sha256, key, kind) === text ? key : null;
}

function kindByte(kind: NoteKeyKind): Uint8Array {
  return Uint8Array.of(kind === "note" ? ED25519 : COSIGNATURE);
}

/**
 * Signs a text, which must end in a newline and hold no other control characters.
 * Throws RangeError for a text or a key name that no note can hold.
 */
export function signNote(
  text: string,
  options: { readonly key: NoteKey; readonly sha256: Sha256; sign(message: Uint8Array): Uint8Array },
): string {
  if (!isNoteText(text)) throw new RangeError("Cannot sign a note: its text is not plain lines");
  if (!KEY_NAME.test(options.key.name)) throw new RangeError("Cannot sign a note: the key's name is not one");
  const signature = options.sign(encodeUtf8(text));
  const signed = concatBytes([noteKeyId(options.sha256, options.key), signature]);
  return `${text}\n\u2014 ${options.key.name} ${toBase64(signed)}\n`;
}

/** One signature of a note, not yet looked at. */
export interface NoteSignature {
  readonly name: string;
  /** Four bytes. */
  readonly id: Uint8Array;
  readonly signature: Uint8Array;
  /** The line as it stands in the note, with its newline. */
  readonly line: string;
}

/** A note taken apart, with nothing verified: its text, and its signatures in order. Null when it is no note. */
export function splitNote(
  note: string,
): { readonly text: string; readonly signatures: readonly NoteSignature[] } | null {
  if (note.length > MAX_NOTE_LENGTH || !note.isWellFormed()) return null;
  const split = note.lastIndexOf("\n\n");
  if (split < 0) return null;
  const text = note.slice(0, split + 1);
  const signatures = readSignatures(note.slice(split + 2));
  return isNoteText(text) && signatures !== null ? { text, signatures } : null;
}

/** Reads signature lines, each ended by a newline, at least one; null when they are not that. */
export function readSignatures(text: string): readonly NoteSignature[] | null {
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.length === 0 || lines.length > MAX_SIGNATURES) return null;
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const [dash, name, encoded, ...rest] = line.split(" ");
    if (dash !== "\u2014" || !name || encoded === undefined || rest.length > 0) return null;
    const bytes = fromBase64(encoded);
    if (bytes === null || bytes.length <= KEY_ID_BYTES) return null;
    const id = bytes.subarray(0, KEY_ID_BYTES);
    signatures.push({ name, id, signature: bytes.subarray(KEY_ID_BYTES), line: `${line}\n` });
  }
  return signatures;
}

/**
 * The text of a note that this key signed, or null. Signatures of other keys are passed over, as the format asks;
 * a wrong one under this key's name and id refuses the note. Nothing of the text may be used before this.
 */
export function openNote(
  note: string,
  options: {
    readonly key: NoteKey;
    readonly sha256: Sha256;
    verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  },
): string | null {
  const parts = splitNote(note);
  if (parts === null) return null;
  const { text, signatures } = parts;
  const id = noteKeyId(options.sha256, options.key);
  const ours = signatures.filter((each) => each.name === options.key.name && equalBytes(each.id, id));
  const message = encodeUtf8(text);
  const signed = ours.every(
    ({ signature }) =>
      signature.length === SIGNATURE_BYTES && options.verify(options.key.publicKey, message, signature),
  );
  return signed && ours.length > 0 ? text : null;
}

/** What a checkpoint says: that the log of this origin had this root at this size. */
export interface CheckpointBody {
  readonly origin: string;
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

/** The text of a checkpoint, ready to be signed. */
export function checkpointText({ origin, size, root }: CheckpointBody): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/** Reads the text of a checkpoint; extension lines are passed over. Null when it is none. */
export function parseCheckpoint(text: string): CheckpointBody | null {
  const lines = text.split("\n");
  const [origin, size, encoded, ...rest] = lines;
  if (!origin || size === undefined || encoded === undefined || rest.pop() !== "") return null;
  if (!SIZE.test(size) || !Number.isSafeInteger(Number(size)) || rest.includes("")) return null;
  const root = fromBase64(encoded);
  if (root === null || root.length !== HASH_BYTES) return null;
  return { origin, size: Number(size), root };
}

/** Lines of well-formed text without control characters, the last one ended. */
function isNoteText(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- the format forbids exactly these
  return text.isWellFormed() && text.endsWith("\n") && !/[\u0000-\u0009\u000b-\u001f]/.test(text);
}
