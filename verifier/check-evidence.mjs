#!/usr/bin/env node
/**
 * Checks a folder of evidence from an AIOS log (`aios log evidence`), offline.
 *
 * This file and check-proof.mjs beside it are all that is needed, with Node 20 or newer: they share no code with AIOS. Copy them
 * to where you trust them. docs/formats/evidence.md has the format.
 *
 *     node check-evidence.mjs FOLDER --key KEY [--witness KEY]... [--quorum N] [--owner KEYID]...
 *
 * KEY is the log's key, from its owner and never from the folder; KEYID an owner's key that must have been the first one.
 * Exit code 0: everything that is shown stood in the log as it is shown, and what adds authority in it was signed. 1: refused, and
 * why. 2: the command line is wrong.
 */
import { createPublicKey, verify } from "node:crypto";
import { createReadStream, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import {
  fromBase64,
  node,
  openTrusted,
  readTrust,
  Refused,
  run,
  sayCosigned,
  sha256,
  splitNote,
  Usage,
} from "./check-proof.mjs";

const MAX_HEAD_BYTES = 64 * 1024 * 1024;
const STATEMENT_TYPE = "application/vnd.aios.statement.v1+json";

/** Records that add authority, and the purpose that an owner signed for. */
const PURPOSES = new Map([
  ["owner-enrolled", "enrol-owner"],
  ["grant-signed", "sign-grant"],
  ["grant-revoked", "revoke-grant"],
  ["policy-set", "set-policy"],
  ["clock-set", "set-clock"],
  ["secret-set", "set-secret"],
  ["secret-rotated", "rotate-secret"],
  ["secret-bound", "bind-secret"],
  ["secret-removed", "remove-secret"],
  ["provider-set", "set-provider"],
  ["provider-removed", "remove-provider"],
  ["witnesses-set", "set-witnesses"],
  ["payload-erased", "erase-payload"],
  ["instance-thawed", "thaw-instance"],
  ["all-thawed", "thaw-all"],
  ["hold-lifted", "lift-hold"],
  ["agent-restarted", "restart-agent"],
  ["home-put", "put-home-file"],
  ["home-wiped", "wipe-home"],
]);

async function main() {
  const { values, positionals } = parseArgs({
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
    throw new Usage(
      "usage: node check-evidence.mjs FOLDER --key KEY [--witness KEY]... [--quorum N] [--owner KEYID]...",
    );
  }
  const trust = readTrust(values);
  const { checkpoint, by } = openTrusted(splitNote(readText(join(folder, "checkpoint"))), trust);
  const ranges = readRanges(readText(join(folder, "evidence.json")), checkpoint.size);
  const owners = createOwners(values.owner ?? []);
  const count = { shown: 0, leftOut: 0, payloads: 0, notGiven: 0 };

  const lines = createInterface({ input: createReadStream(join(folder, "records.jsonl")), crlfDelay: Infinity });
  const reader = lines[Symbol.asyncIterator]();
  for (const { from, to, before, after } of ranges) {
    const tree = createTree(before, from);
    for (let seq = from; seq < to; seq += 1) {
      const { value, done } = await reader.next();
      if (done) throw new Refused(`records.jsonl ends before record ${seq}`);
      const { hash, record, payload } = readLine(value, seq);
      tree.add(seq, 1, hash);
      if (record === null) count.leftOut += 1;
      else {
        count.shown += 1;
        if (payload !== null) count.payloads += 1;
        else if (record.payload !== null) count.notGiven += 1;
        owners.check(record, payload);
      }
    }
    if (!tree.close(after, to, checkpoint.size).equals(checkpoint.root)) {
      throw new Refused(`records ${from} to ${to - 1} do not lead to the root`);
    }
  }
  if (!(await reader.next()).done) throw new Refused("records.jsonl goes on behind the last range");
  owners.close();

  const { origin, size } = checkpoint;
  process.stderr.write(
    `verified: ${count.shown} records of ${origin} at size ${size}, and the places of ${count.leftOut}\n`,
  );
  sayCosigned(by);
  process.stderr.write(`payloads: ${count.payloads} are what records commit to, ${count.notGiven} are not here\n`);
  const { signed, unseen, first } = owners;
  process.stderr.write(`signatures: ${signed} of enrolled owners, the first of whom is ${first ?? "not here"}\n`);
  if (unseen > 0) process.stderr.write(`signatures: ${unseen} could not be checked, as their payloads are not here\n`);
}

function readText(path) {
  if (statSync(path).size > MAX_HEAD_BYTES) throw new Refused(`${path} is too large`);
  return readFileSync(path, "utf8");
}

/** The ranges of evidence.json: in order, apart, within the tree. */
function readRanges(text, size) {
  const { v, kind, ranges } = parse(text, "evidence.json") ?? {};
  if (v !== 1 || kind !== "aios-evidence" || !Array.isArray(ranges))
    throw new Refused("evidence.json is something else");
  let last = 0;
  return ranges.map(({ from, to, before, after }) => {
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
  return { hash: sha256(Buffer.from([0]), Buffer.from(leaf)), record, payload: readPayload(record, salted) };
}

function readPayload(record, salted) {
  if (salted === null) return null;
  if (typeof salted !== "string" || record.payload === null) throw new Refused(`record ${record.seq} has no payload`);
  const bytes = Buffer.from(salted);
  if (`sha256:${sha256(bytes).toString("hex")}` !== record.payload.digest) {
    throw new Refused(`the payload of record ${record.seq} is not what the record commits to`);
  }
  return parse(salted.slice(32), `the payload of record ${record.seq}`);
}

/** Who may sign, as the log enrolled them; each signature is checked under the whole key. */
function createOwners(demanded) {
  const keys = new Map();
  const owners = {
    signed: 0,
    unseen: 0,
    first: null,
    check(record, payload) {
      const purpose =
        record.kind === "approved" && record.by.kind === "owner" ? "approve-action" : PURPOSES.get(record.kind);
      if (purpose === undefined) return;
      if (payload === null) {
        owners.unseen += 1;
        return;
      }
      const key = record.kind === "approved" ? record.by.key : record.key;
      const subject = record.kind === "approved" ? record.action : digestOf(canonical(payload.document));
      if (record.kind === "owner-enrolled" && keys.size === 0) keys.set(key, readOwner(payload.document, key));
      checkEnvelope(record, { envelope: payload.envelope, purpose, subject, key, publicKey: keys.get(key) });
      owners.first ??= key;
      owners.signed += 1;
    },
    close() {
      for (const key of demanded) if (owners.first !== key) throw new Refused(`the first owner is not ${key}`);
    },
  };
  return owners;
}

function readOwner(document, key) {
  const raw = fromBase64(String(document?.publicKey));
  if (raw?.length !== 32 || key !== `ed25519:${sha256(raw).toString("hex").slice(0, 16)}`) {
    throw new Refused(`the owner ${key} was enrolled with another key`);
  }
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]); // RFC 8410
  return createPublicKey({ key: der, format: "der", type: "spki" });
}

/** DSSE: the signature is over type and payload, so that none serves another purpose. */
function checkEnvelope({ seq }, { envelope, purpose, subject, key, publicKey }) {
  const refuse = (why) => {
    throw new Refused(`record ${seq}: ${why}`);
  };
  const [signature, ...others] = envelope?.signatures ?? [];
  if (envelope?.payloadType !== STATEMENT_TYPE || signature === undefined || others.length > 0) refuse("no statement");
  if (signature.keyid !== key || publicKey === undefined) refuse(`no owner is enrolled with the key ${key}`);
  const [body, bytes] = [fromBase64(envelope.payload), fromBase64(signature.sig)];
  if (body === null || bytes === null) refuse("its statement is not base64");
  const head = Buffer.from(`DSSEv1 ${STATEMENT_TYPE.length} ${STATEMENT_TYPE} ${body.length} `);
  if (!verify(null, Buffer.concat([head, body]), publicKey, bytes)) refuse("its signature is wrong");
  const statement = parse(body.toString("utf8"), `the statement of record ${seq}`);
  if (statement?.purpose !== purpose || statement.decision !== "allow" || statement.key !== key) {
    refuse("its statement was signed for something else");
  }
  if (statement.subject !== subject) refuse("its statement was signed over something else");
}

/** RFC 8785 of what JSON.parse gave. */
function canonical(value) {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const keys = Object.keys(value).toSorted();
  return `{${keys.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

function digestOf(text) {
  return `sha256:${sha256(Buffer.from(text ?? "")).toString("hex")}`;
}

function parse(text, what) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused(`${what} is not JSON`);
  }
}

await run(main);
