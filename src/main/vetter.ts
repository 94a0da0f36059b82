/**
 * Looks through the tree of one extension for what speaks against it, and runs nothing of it. Descriptor 3 is the monitor; it
 * has /tree, which it only reads, no network and no key, and what it says is checked like a stranger's word.
 */
import { asLine } from "../extensions/declare/line.ts";
import { VET_BOUNDS } from "../extensions/vet/tree.ts";
import { vetTree } from "../extensions/vet/vet.ts";
import { inheritedChannel } from "../platform/channels/channel.ts";
import { hardenProcess } from "../platform/sandbox/process-hardening.ts";
import { readTree, type TreeBounds } from "../platform/files/tree-reader.ts";
import { createPeer } from "../protocol/rpc.ts";
import { MOST_FOUND, VETTER_SIDE, type Vetted } from "../protocol/vetting-order.ts";
import { loadVetTools } from "./vet-tools.ts";

const MONITOR = 3;
const MEBIBYTE = 1024 * 1024;
/** All of it is in memory at once; what is over that is a finding. */
const BOUNDS: TreeBounds = { files: VET_BOUNDS.files, fileBytes: 64 * MEBIBYTE, bytes: 160 * MEBIBYTE, depth: 64 };

hardenProcess();

async function vet(): Promise<Vetted> {
  const tree = await readTree("/tree", BOUNDS);
  if (tree === null) throw new Error("there is no tree");
  const { findings } = vetTree(tree, { tools: await loadVetTools() });
  return {
    findings: findings.slice(0, MOST_FOUND).map(({ rule, message, place }) => ({
      rule,
      message: asLine(message, 512) ?? "says no more",
      path: asLine(place.path, 1024) ?? ".",
      line: place.line,
    })),
    more: Math.max(0, findings.length - MOST_FOUND),
  };
}

const peer = createPeer(inheritedChannel(MONITOR), {
  side: VETTER_SIDE,
  requests: { vet },
  events: {},
  onFault: ({ message }) => end(`the monitor broke the protocol: ${message}`),
  onError: (error, name) => end(`${name} failed: ${error instanceof Error ? error.message : String(error)}`),
});
void peer.closed.then(() => process.exit(0));

function end(why: string): never {
  process.stderr.write(`aios vetter: ${why}\n`);
  process.exit(1);
}
