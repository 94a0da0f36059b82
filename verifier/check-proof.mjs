#!/usr/bin/env node
/**
 * Checks a proof of one record of an AIOS log (a file of c2sp.org/tlog-proof, from `aios log prove`), or entries of memory with
 * theirs (from `aios memory export`), offline.
 *
 * This one file is all that is needed, with Node 20 or newer: it shares no code with AIOS and reads nothing but the
 * proof. Copy it to where you trust it. It follows c2sp.org/tlog-proof, signed-note, tlog-checkpoint, tlog-cosignature
 * and RFC 6962; docs/formats/log.md says what a record is, docs/formats/memory.md what an entry.
 *
 *     node check-proof.mjs FILE --key KEY [--witness KEY]... [--quorum N]
 *
 * KEY is the log's key, from its owner and never from the file. Exit code 0: the record, or each entry in a line, is
 * printed, and it stood in the log. 1: refused, and why. 2: the command line is wrong.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export class Refused extends Error {}
export class Usage extends Error {}

const NOTE_KEY = 1;
const COSIGNATURE_KEY = 4;
const MAX_BYTES = 256 * 1024;
const MAX_MEMORY_BYTES = 256 * 1024 * 1024;
const SALT_DIGITS = 32;
/** Characters of what is said of an error. */
const MOST_WORDS = 300;

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { key: { type: "string" }, witness: { type: "string", multiple: true }, quorum: { type: "string" } },
  });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0 || values.key === undefined) {
    throw new Usage("usage: node check-proof.mjs FILE --key KEY [--witness KEY]... [--quorum N]");
  }
  const trust = readTrust(values);
  const bytes = readBytes(file, MAX_MEMORY_BYTES);
  if (bytes[0] === 0x7b) return checkMemory(bytes, trust);
  const { index, record, path, note } = readProof(bytes);
  const { checkpoint, by } = openTrusted(note, trust);
  if (index >= checkpoint.size) throw new Refused(`the log has ${checkpoint.size} records`);
  const text = readLeaf({ index, record, path }, checkpoint);
  process.stderr.write(`verified: record ${index} of ${checkpoint.origin} at size ${checkpoint.size}\n`);
  sayCosigned(by);
  process.stdout.write(`${text}\n`);
}

/** The text of a record that stood at its place. */
function readLeaf({ index, record, path }, { size, root }) {
  if (!climb({ index, size, hash: sha256(Buffer.from([0]), record), path }).equals(root)) {
    throw new Refused("the path does not lead to the root");
  }
  const text = record.toString("utf8");
  // A leaf at another place would be a leaf all the same: only its own number shows that it was moved.
  if (!Buffer.from(text).equals(record) || readJson(text)?.seq !== index) {
    throw new Refused(`the record does not say that it is number ${index}`);
  }
  return text;
}

/** Entries of memory, a line each: their records stood in the log, and commit to exactly what is printed. */
function checkMemory(bytes, trust) {
  const text = bytes.toString("utf8");
  if (bytes.length > MAX_MEMORY_BYTES || !Buffer.from(text).equals(bytes))
    throw new Refused("it is too large, or no text");
  const [first, ...lines] = text.split("\n");
  const { v, kind, agent, plane, entries, checkpoint: note } = readJson(first) ?? {};
  if (v !== 1 || kind !== "aios-memory" || typeof note !== "string") throw new Refused("it holds no entries of memory");
  if (lines.pop() !== "" || lines.length !== entries) throw new Refused("it was cut");
  const { checkpoint, by } = openTrusted(splitNote(note), trust);
  let last = -1;
  const found = lines.map((line) => {
    const { seq, record, path, salted } = readJson(line) ?? {};
    if (!Number.isSafeInteger(seq) || seq <= last || typeof record !== "string" || typeof salted !== "string") {
      throw new Refused(`there is no entry behind record ${last}`);
    }
    last = seq;
    if (seq >= checkpoint.size) throw new Refused(`the log has ${checkpoint.size} records`);
    const kept = readJson(readLeaf({ index: seq, record: Buffer.from(record), path: readPath(path) }, checkpoint));
    const content = readJson(salted.slice(SALT_DIGITS));
    if (kept.kind !== "memory-kept" || `sha256:${sha256(Buffer.from(salted)).toString("hex")}` !== kept.digest) {
      throw new Refused(`record ${seq} commits to another content`);
    }
    const fits = ["agent", "plane", "by", "instance", "labels", "expires"].every(
      (name) => JSON.stringify(content?.[name]) === JSON.stringify(kept[name]),
    );
    if (!fits || kept.agent !== agent || kept.plane !== plane || Buffer.byteLength(content.text) !== kept.bytes) {
      throw new Refused(`record ${seq} tells otherwise of its entry than the content does`);
    }
    return `${JSON.stringify({ record: seq, entry: kept.entry, ...content })}\n`;
  });
  const { origin, size } = checkpoint;
  process.stderr.write(
    `verified: ${found.length} entries of the ${plane} plane of ${agent} in ${origin} at size ${size}\n`,
  );
  sayCosigned(by);
  process.stdout.write(found.join(""));
}

function readPath(lines) {
  const path = Array.isArray(lines) && lines.length <= 63 ? lines.map((line) => fromBase64(String(line))) : [null];
  if (!path.every((hash) => hash?.length === 32)) throw new Refused("its path holds something that is no hash");
  return path;
}

/** Opens a file of somebody else's: a pipe or a device in its place must not hold up whoever checks. The caller closes it. */
export function openPlain(path, most) {
  let fd;
  try {
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw new Refused(`${path} ${FAULTS.get(error.code) ?? `cannot be read (${error.code})`}`);
  }
  const found = fstatSync(fd);
  const why = !found.isFile() ? "is no plain file" : found.size > most ? "is too large" : null;
  if (why === null) return fd;
  closeSync(fd);
  throw new Refused(`${path} ${why}`);
}

const FAULTS = new Map([
  ["ENOENT", "is not there"],
  ["ENOTDIR", "is not there"],
  ["EACCES", "may not be read by you"],
  ["ELOOP", "is behind links that lead in a circle"],
  ["ENXIO", "is no plain file"],
]);

export function readBytes(path, most) {
  const fd = openPlain(path, most);
  try {
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The keys that the command line names. */
export function readTrust(values) {
  const key = readKey(values.key, NOTE_KEY);
  const witnesses = (values.witness ?? []).map((text) => readKey(text, COSIGNATURE_KEY));
  const quorum = values.quorum === undefined ? witnesses.length : Number(values.quorum);
  if (!Number.isInteger(quorum) || quorum > witnesses.length || (quorum < 1 && witnesses.length > 0)) {
    throw new Usage(`--quorum must be 1 to ${witnesses.length}, the number of witnesses`);
  }
  return { key, witnesses, quorum };
}

/** A checkpoint that the log signed, and as many witnesses as are demanded. */
export function openTrusted(note, { key, witnesses, quorum }) {
  const checkpoint = openCheckpoint(note, key);
  const by = witnesses.flatMap((witness) => cosignedAt(note, witness));
  if (by.length < quorum) throw new Refused(`${by.length} witnesses cosigned the checkpoint, not ${quorum}`);
  return { checkpoint, by };
}

export function sayCosigned(by, say = (words) => process.stderr.write(`${words}\n`)) {
  for (const { name, time } of by) say(`cosigned: by ${name} on ${new Date(time * 1000).toISOString()}`);
}

/** A key as tools of this format write it: name+id+base64 of a type byte and 32 bytes of Ed25519. */
function readKey(text, type) {
  const [name, id, ...rest] = text.split("+");
  const bytes = fromBase64(rest.join("+"));
  if (bytes?.length !== 33 || bytes[0] !== type || !name) throw new Usage(`"${text}" is not such a key`);
  const hash = sha256(Buffer.from(`${name}\n`), bytes).subarray(0, 4);
  if (hash.toString("hex") !== id) throw new Usage(`"${text}" is mistyped: its id does not fit`);
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), bytes.subarray(1)]); // RFC 8410
  return { name, hash, key: createPublicKey({ key: der, format: "der", type: "spki" }) };
}

function readProof(bytes) {
  const text = bytes.toString("utf8");
  if (bytes.length > MAX_BYTES || !Buffer.from(text).equals(bytes)) throw new Refused("it is not a proof");
  const end = text.indexOf("\n\n");
  const [head, extra = "", indexLine = "", ...lines] = text.slice(0, Math.max(0, end)).split("\n");
  const index = /^index (0|[1-9][0-9]{0,15})$/.exec(indexLine)?.[1];
  const record = extra.startsWith("extra ") ? fromBase64(extra.slice(6)) : null;
  if (head !== "c2sp.org/tlog-proof@v1" || record === null || index === undefined || lines.length > 63) {
    throw new Refused("it is not a proof with a record in it");
  }
  return { index: Number(index), record, path: readPath(lines), note: splitNote(text.slice(end + 2)) };
}

export function splitNote(note) {
  const end = note.lastIndexOf("\n\n");
  const lines = note.slice(end + 2).split("\n");
  if (end < 0 || lines.pop() !== "") throw new Refused("its checkpoint is not a signed note");
  const signatures = lines.map((line) => {
    const [dash, name, encoded = "", ...rest] = line.split(" ");
    const bytes = fromBase64(encoded);
    if (dash !== "\u2014" || bytes === null || bytes.length < 5 || rest.length > 0) {
      throw new Refused("its checkpoint has a line that is no signature");
    }
    return { name, id: bytes.subarray(0, 4), signature: bytes.subarray(4) };
  });
  return { text: note.slice(0, end + 1), signatures };
}

/** The signatures of one key; one that is wrong refuses all, and none is believed. */
function signaturesOf({ signatures }, { name, hash }) {
  return signatures.filter((each) => each.name === name && each.id.equals(hash)).map(({ signature }) => signature);
}

function openCheckpoint(note, key) {
  const found = signaturesOf(note, key);
  const right = found.every((signature) => verify(null, Buffer.from(note.text), key.key, signature));
  if (found.length === 0 || !right) throw new Refused(`the checkpoint is not signed by the key of ${key.name}`);
  const [origin, size, encoded = "", ...rest] = note.text.split("\n");
  const root = fromBase64(encoded);
  if (origin !== key.name || !/^(0|[1-9][0-9]{0,15})$/.test(size) || root?.length !== 32 || rest.length === 0) {
    throw new Refused(`the checkpoint is not one of ${key.name}`);
  }
  return { origin, size: Number(size), root };
}

/** When a witness cosigned, as a list of one; an empty one when it did not. */
function cosignedAt(note, witness) {
  const times = signaturesOf(note, witness).map((bytes) => {
    const time = bytes.length === 72 ? Number(bytes.readBigUInt64BE(0)) : -1;
    const message = Buffer.from(`cosignature/v1\ntime ${time}\n${note.text}`);
    if (time < 0 || !verify(null, message, witness.key, bytes.subarray(8))) {
      throw new Refused(`the cosignature of ${witness.name} is wrong`);
    }
    return time;
  });
  return times.length === 0 ? [] : [{ name: witness.name, time: Math.max(...times) }];
}

/** RFC 9162, 2.1.3.2, from a leaf's hash to the root of a tree of `size`; sizes may pass 2^32, so no bit operators. */
function climb({ index, size, hash, path }) {
  let [position, last, root] = [index, size - 1, hash];
  for (const sibling of path) {
    if (last === 0) throw new Refused("the path is too long");
    const isRight = position % 2 === 1;
    root = isRight || position === last ? node(sibling, root) : node(root, sibling);
    if (!isRight && position === last) {
      while (position % 2 === 0 && position !== 0) [position, last] = [position / 2, Math.floor(last / 2)];
    }
    [position, last] = [Math.floor(position / 2), Math.floor(last / 2)];
  }
  if (last !== 0) throw new Refused("the path is too short");
  return root;
}

export function node(left, right) {
  return sha256(Buffer.from([1]), left, right);
}

export function sha256(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Node reads base64 leniently; only what it would write itself is taken. */
export function fromBase64(text) {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : null;
}

function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Runs a verifier to its exit code: whatever goes wrong, a file that cannot be read say, has verified nothing. */
export async function run(check) {
  try {
    await check();
  } catch (error) {
    const { words, exit } = verdictOf(error);
    process.stderr.write(`${words}\n`);
    process.exitCode = exit;
  }
}

/** What is said of an error, in one line of visible text, and the exit code. Who wrote what is checked may have written some of it. */
export function verdictOf(error) {
  const isUsage = error instanceof Usage || error?.code?.startsWith?.("ERR_PARSE_ARGS") === true;
  const why =
    error instanceof Refused || isUsage
      ? error.message
      : typeof error?.syscall === "string"
        ? `it cannot be read (${error.code})`
        : "it holds something that no log makes (malformed)";
  const whole = why.length > MOST_WORDS ? `${why.slice(0, MOST_WORDS)} ...` : why;
  const words = whole.replaceAll(/[^ -~]/gu, (sign) => `\\u{${sign.codePointAt(0).toString(16)}}`);
  return { words: isUsage ? words : `refused: ${words}`, exit: isUsage ? 2 : 1 };
}

// check-evidence.mjs beside it takes functions from here.
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await run(main);
