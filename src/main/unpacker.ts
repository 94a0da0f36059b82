/**
 * Reads what strangers packed. Descriptor 3 is the monitor; the archive comes at standard input, or lies at /fetched. It has
 * one folder, /tree, no network and no key, and what it says is checked like a stranger's word: of what it unpacked, another
 * process reads every byte.
 */
import { createReadStream } from "node:fs";
import { ArchiveFault } from "../extensions/archive/fault.ts";
import { BOUNDS } from "../extensions/archive/bounds.ts";
import { unpack } from "../extensions/archive/unpack.ts";
import { asLine, DeclareFault, showUnseen } from "../extensions/declare/line.ts";
import { readSays } from "../extensions/declare/says.ts";
import { inheritedChannel } from "../platform/channels/channel.ts";
import { findFile } from "../platform/files/found-file.ts";
import { crc32, inflate } from "../platform/files/inflate.ts";
import { hardenProcess } from "../platform/sandbox/process-hardening.ts";
import { unpackFolder } from "../platform/files/unpack-folder.ts";
import { UNPACKER_SIDE, type UnpackerRequests } from "../protocol/extension-order.ts";
import { MOST_PUBLISHER, PUBLISHER_FILE } from "../protocol/publisher.ts";
import { createPeer } from "../protocol/rpc.ts";

const MONITOR = 3;
const TREE = "/tree";
const MOST_TEXT = 1024 * 1024;

hardenProcess();

type Requests = { readonly [Name in keyof UnpackerRequests]: UnpackerRequests[Name] };

async function unpackAll({ form }: Requests["unpack"]["body"]): Promise<Requests["unpack"]["ok"]> {
  try {
    const done = await unpack(await readArchive(), form, { target: unpackFolder(TREE), inflate, crc32 });
    return { kind: "unpacked", ...done };
  } catch (error) {
    if (error instanceof ArchiveFault) return { kind: "refused", code: error.code, message: told(error) };
    throw error;
  }
}

async function readTree(asked: Requests["read"]["body"]): Promise<Requests["read"]["ok"]> {
  try {
    const found = await readSays({ text: (path) => text(path) }, asked);
    const published = await text(PUBLISHER_FILE, MOST_PUBLISHER * 4);
    return { ...found, published: published === null || published.length > MOST_PUBLISHER ? null : published };
  } catch (error) {
    if (error instanceof DeclareFault) return { kind: "refused", code: "extension-manifest", message: told(error) };
    throw error;
  }
}

async function text(path: string, most = MOST_TEXT): Promise<string | null> {
  const found = await findFile(TREE, { names: path.split("/"), most });
  return found.kind === "file" ? found.text : null;
}

/** All of the archive: a zip can be read from its end only. Once over its bound no more is taken. */
async function readArchive(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const input = process.argv.includes("--fetched") ? createReadStream("/fetched/package") : process.stdin;
  for await (const chunk of input) {
    if (!(chunk instanceof Uint8Array)) continue;
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > BOUNDS.archive) break;
  }
  return Buffer.concat(chunks);
}

/** A stranger's names stand in it: what nobody would see in them is told by its code point. */
function told(error: Error): string {
  return asLine(showUnseen(error.message), 512) ?? "it says no more";
}

const peer = createPeer(inheritedChannel(MONITOR), {
  side: UNPACKER_SIDE,
  requests: { unpack: unpackAll, read: readTree },
  events: {},
  onFault: ({ message }) => end(`the monitor broke the protocol: ${message}`),
  onError: (error, name) => end(`${name} failed: ${error instanceof Error ? error.message : String(error)}`),
});
void peer.closed.then(() => process.exit(0));

function end(why: string): never {
  process.stderr.write(`aios unpacker: ${why}\n`);
  process.exit(1);
}
