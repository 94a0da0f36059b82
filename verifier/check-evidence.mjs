#!/usr/bin/env node
/**
 * Checks a folder of evidence from an AIOS log (`aios log evidence`), offline.
 *
 * This file, owners.mjs and check-proof.mjs beside it are all that is needed, with Node 20 or newer: they share no code with AIOS. Copy them
 * to where you trust them. docs/formats/evidence.md has the format.
 *
 *     node check-evidence.mjs FOLDER --key KEY [--witness KEY]... [--quorum N] [--owner KEYID]
 *
 * KEY is the log's key, from its owner and never from the folder; KEYID the owner's key that must have been the first one.
 * Exit code 0: everything that is shown stood in the log as it is shown, what adds authority in it was signed, and nothing is left
 * out that the folder promises. How many records it does not show is said, and nothing is claimed that would depend on them. 1:
 * refused, and why. 2: the command line is wrong.
 */
import { createReadStream, realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  fromBase64,
  node,
  openPlain,
  openTrusted,
  readBytes,
  readTrust,
  Refused,
  run,
  sayCosigned,
  sha256,
  splitNote,
  Usage,
} from "./check-proof.mjs";
import { createOwners } from "./owners.mjs";

const MAX_HEAD_BYTES = 64 * 1024 * 1024;
/** Several times what one record and its payload can have, however they are escaped. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const NEWLINE = 10;

/** Checks what the arguments name, or throws; `say` is given what was found, a line each. */
export async function checkEvidence(args, say) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      key: { type: "string" },
      witness: { type: "string", multiple: true },
      quorum: { type: "string" },
      owner: { type: "string", multiple: true },
    },
  });
  const [folder, ...more] = positionals;
  if (folder === undefined || more.length > 0 || values.key === undefined) {
    throw new Usage("usage: node check-evidence.mjs FOLDER --key KEY [--witness KEY]... [--quorum N] [--owner KEYID]");
  }
  const trust = readTrust(values);
  const { checkpoint, by } = openTrusted(splitNote(readText(join(folder, "checkpoint"))), trust);
  const head = readHead(readText(join(folder, "evidence.json")), checkpoint);
  const owners = createOwners();
  const count = { shown: 0, leftOut: 0, payloads: 0, notGiven: 0 };

  const records = join(folder, "records.jsonl");
  const input = createReadStream(records, { fd: openPlain(records, Infinity) });
  const reader = readLines(input);
  for (const { from, to, before, after } of head.ranges) {
    const tree = createTree(before, from);
    for (let seq = from; seq < to; seq += 1) {
      const { value, done } = await reader.next();
      if (done) throw new Refused(`records.jsonl ends before record ${seq}`);
      const { hash, record, payload } = readLine(value, seq);
      tree.add(seq, 1, hash);
      if (record === null) {
        if (!head.mayLeaveOut(seq)) throw new Refused(`record ${seq} is left out, though ${head.promise(seq)}`);
        count.leftOut += 1;
        continue;
      }
      count.shown += 1;
      if (payload !== null) count.payloads += 1;
      else if (record.payload !== null) count.notGiven += 1;
      owners.check(record, payload);
    }
    if (!tree.close(after, to, checkpoint.size).equals(checkpoint.root)) {
      throw new Refused(`records ${from} to ${to - 1} do not lead to the root`);
    }
  }
  if (!(await reader.next()).done) throw new Refused("records.jsonl goes on behind the last range");
  for (const key of values.owner ?? []) if (owners.first !== key) throw new Refused(`the first owner is not ${key}`);

  const { origin, size } = checkpoint;
  say(`verified: ${count.shown} records of ${origin} at size ${size}`);
  sayCosigned(by, say);
  say(`selection: ${head.words}, of records ${head.from} to ${head.to - 1}`);
  const hidden = sayNotShown(head, { count, size, say });
  say(`payloads: ${count.payloads} are what records commit to, ${count.notGiven} are not here`);
  const { signed, unseen, first, noes } = owners;
  const enrolled = hidden === 0 ? "enrolled owners" : "owners who were enrolled and not removed by what is shown";
  say(`signatures: ${signed} of ${enrolled}, the first of whom is ${first ?? "not here"}`);
  if (unseen > 0) say(`signatures: ${unseen} could not be checked, as their payloads are not here`);
  say(`denials: ${noes.signed} signed by owners, ${noes.own} by rules and the monitor`);
}

/**
 * The lines of a file. Only a line feed ends one: the other characters that do so for people (U+2028) stand in JSON as they are,
 * and an agent may have written them.
 */
async function* readLines(input) {
  let parts = [];
  let bytes = 0;
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)]).toString("utf8");
      parts = [];
      bytes = 0;
      start = end + 1;
    }
    parts.push(chunk.subarray(start));
    bytes += chunk.length - start;
    if (bytes > MAX_LINE_BYTES) throw new Refused("records.jsonl has a line that is longer than any record");
  }
  if (bytes > 0) yield Buffer.concat(parts).toString("utf8");
}

/** Says how many records are not shown; gives how many of them could change what the shown ones mean. */
function sayNotShown({ from, to, ranges }, { count, size, say }) {
  const background = ranges.slice(0, -1).reduce((sum, range) => sum + range.to - range.from, 0);
  const earlier = from - background;
  const hidden = count.leftOut + earlier;
  say(`not shown: ${count.leftOut} of these, ${earlier} before them, ${size - to} after them`);
  if (hidden > 0) {
    say(
      `not shown: what those ${hidden} are cannot be known from here: an owner removed, a grant revoked, a payload erased`,
    );
  }
  return hidden;
}

function readText(path) {
  return readBytes(path, MAX_HEAD_BYTES).toString("utf8");
}

/** What evidence.json says of itself: whose records it promises, and its ranges, in order, apart, within the tree. */
function readHead(text, { origin, size }) {
  const { v, kind, from, to, made, selection, ranges: given, ...rest } = parse(text, "evidence.json") ?? {};
  if (v !== 2 || kind !== "aios-evidence" || !Array.isArray(given))
    throw new Refused("evidence.json is something else");
  if (rest.origin !== origin || rest.size !== size || !Number.isSafeInteger(made) || made < 0)
    throw new Refused("evidence.json is of another checkpoint, or does not say when it was made");
  const { agents, instances, payloads } = selection ?? {};
  if (!isNames(agents) || !isNames(instances) || typeof payloads !== "boolean") {
    throw new Refused("evidence.json does not say whose records are here");
  }
  const ranges = readRanges(given, size);
  const last = ranges.at(-1);
  if (last === undefined || last.from !== from || last.to !== to)
    throw new Refused("evidence.json names another range");
  const names = [...agents, ...instances];
  const whose = names.length === 0 ? "everybody's records" : `records of ${names.join(", ")}, and those of nobody`;
  return {
    from,
    to,
    ranges,
    words: `${whose}, ${payloads ? "with" : "without"} payloads`,
    mayLeaveOut: (seq) => seq >= from && names.length > 0,
    promise: (seq) => (seq < from ? "authority rests on what is shown there" : "everybody's records are promised"),
  };
}

/** Names that a screen shows as they are. */
function isNames(list) {
  return Array.isArray(list) && list.every((name) => typeof name === "string" && /^[!-~]{1,64}$/.test(name));
}

function readRanges(ranges, size) {
  let last = 0;
  return ranges.map((range) => {
    const { from, to, before, after } = range ?? {};
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < last || to <= from || to > size) {
      throw new Refused("evidence.json names ranges that cannot be");
    }
    last = to;
    return { from, to, before: readHashes(before), after: readHashes(after) };
  });
}

function readHashes(list) {
  const hashes = Array.isArray(list) && list.length <= 128 ? list.map((text) => fromBase64(String(text))) : [null];
  if (!hashes.every((hash) => hash?.length === 32)) throw new Refused("evidence.json holds something that is no hash");
  return hashes;
}

/** RFC 6962 over perfect subtrees that follow each other; sizes may pass 2^32, so no bit operators. */
function createTree(before, from) {
  const whole = [];
  const add = (start, width, hash) => {
    let top = { start, width, hash };
    // A right child joins the left one that stands before it.
    while (whole.at(-1)?.width === top.width && top.start % (2 * top.width) === top.width) {
      const left = whole.pop();
      top = { start: left.start, width: 2 * left.width, hash: node(left.hash, top.hash) };
    }
    whole.push(top);
  };
  const addRun = (hashes, start, end) => {
    let at = start;
    for (const hash of hashes) {
      let width = 1;
      while (at % (width * 2) === 0 && at + width * 2 <= end) width *= 2;
      if (at >= end) throw new Refused("there are more hashes than the tree has places");
      add(at, width, hash);
      at += width;
    }
    if (at !== end) throw new Refused("there are fewer hashes than the tree has places");
  };
  addRun(before, 0, from);
  return {
    add,
    close(after, to, size) {
      addRun(after, to, size);
      return whole.map(({ hash }) => hash).reduceRight((right, left) => node(left, right));
    },
  };
}

/** One line of records.jsonl: a record as the log holds it, or the hash of one that is not shown. */
function readLine(line, seq) {
  const given = parse(line, `the line of record ${seq}`);
  const { seq: named, hash, leaf, salted } = given ?? {};
  if (named !== seq) throw new Refused(`there is no line of record ${seq}`);
  if (typeof hash === "string") {
    const bytes = fromBase64(hash);
    if (bytes?.length !== 32) throw new Refused(`record ${seq} has something that is no hash`);
    return { hash: bytes, record: null, payload: null };
  }
  if (typeof leaf !== "string") throw new Refused(`record ${seq} is not there`);
  const record = parse(leaf, `record ${seq}`);
  // A leaf at another place would be a leaf all the same: only its own number shows that it was moved.
  if (record?.seq !== seq) throw new Refused(`record ${seq} does not say that it is number ${seq}`);
  if (typeof record.kind !== "string" || !isPart(record.payload))
    throw new Refused(`record ${seq} is none that a log makes`);
  return { hash: sha256(Buffer.from([0]), Buffer.from(leaf)), record, payload: readPayload(record, salted) };
}

function readPayload(record, salted) {
  if (salted === null) return null;
  if (typeof salted !== "string" || record.payload === null) throw new Refused(`record ${record.seq} has no payload`);
  const bytes = Buffer.from(salted);
  if (`sha256:${sha256(bytes).toString("hex")}` !== record.payload.digest) {
    throw new Refused(`the payload of record ${record.seq} is not what the record commits to`);
  }
  const payload = parse(salted.slice(32), `the payload of record ${record.seq}`);
  if (payload === null || !isPart(payload)) throw new Refused(`the payload of record ${record.seq} is none`);
  return payload;
}

/** Whether it is null or an object. */
function isPart(value) {
  return typeof value === "object" && !Array.isArray(value);
}

function parse(text, what) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused(`${what} is not JSON`);
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  await run(() => checkEvidence(process.argv.slice(2), (words) => process.stderr.write(`${words}\n`)));
