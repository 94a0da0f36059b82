/**
 * Fetches one package from a registry of npm's kind, and compares it with what the registry says that it is; nothing of it is
 * unpacked here, and none of its scripts ever run; what is attested of it is verified. Descriptor 3 is the monitor, which says what; it has the network and one
 * folder, /fetched, and no key.
 */
import { lookup } from "node:dns/promises";
import { BOUNDS } from "../extensions/archive/bounds.ts";
import { asLine } from "../extensions/declare/line.ts";
import { judgeAttestations } from "../extensions/provenance/judge.ts";
import type { BuiltPackage } from "../extensions/provenance/statement.ts";
import { attestationsAddress, packageAddress, readVersion } from "../extensions/registry.ts";
import { isLoopback } from "../kernel/hosts.ts";
import type { ConnectParts } from "../platform/network/broker-connect.ts";
import { inheritedChannel } from "../platform/channels/channel.ts";
import { FetchFault, fetchFile, fetchText, type RegistryPlace } from "../platform/network/package-fetch.ts";
import { hardenProcess } from "../platform/sandbox/process-hardening.ts";
import { FETCHER_SIDE, type FetchCode, type FetcherRequests } from "../protocol/extension-order.ts";
import type { Provenance } from "../protocol/provenance.ts";
import { createPeer } from "../protocol/rpc.ts";

const MONITOR = 3;
const FILE = "/fetched/package";
const MOST_METADATA = 4 * 1024 * 1024;
const MOST_ATTESTATIONS = 1024 * 1024;
const CODES: { readonly [code in FetchFault["code"]]: FetchCode } = {
  unreachable: "fetch-unreachable",
  untrusted: "fetch-untrusted",
  unknown: "fetch-unknown",
  elsewhere: "fetch-elsewhere",
  "too-large": "fetch-too-large",
};

hardenProcess();

type Answer = FetcherRequests["fetch"]["ok"];
const parts: ConnectParts = {
  resolve: (host) => lookup(host.replace(/^\[(.*)\]$/, "$1"), { all: true, verbatim: true }),
  authorities: null,
};

async function fetchPackage({ registry, name, version, roots }: FetcherRequests["fetch"]["body"]): Promise<Answer> {
  try {
    if (roots !== null) await loadVerifier(roots);
    const address = packageAddress(registry, { name, version });
    const text = await fetchText(placeOf(address), parts, MOST_METADATA);
    const found = readVersion(text, { registry, name, version });
    if (found.kind === "refused") return found;
    const { bytes, sha512 } = await fetchFile(placeOf(found.tarball), parts, { file: FILE, most: BOUNDS.archive });
    if (sha512 !== found.sha512)
      return { kind: "refused", code: "fetch-integrity", message: `${name}@${version} is not what its registry says` };
    const provenance = await readProvenance(registry, { name, version, sha512 }, roots);
    return { kind: "fetched", bytes, provenance };
  } catch (error) {
    if (error instanceof GivenRoots) return { kind: "refused", code: "fetch-roots", message: error.message };
    if (!(error instanceof FetchFault)) throw error;
    const message = `${name}@${version} from ${registry}: ${error.message}`;
    return { kind: "refused", code: CODES[error.code], message: asLine(message, 512) ?? "it says no more" };
  }
}

/** Verified here, by the process that knows which bytes came. What verifies is loaded when there is something to verify. */
async function readProvenance(registry: string, built: BuiltPackage, roots: string | null): Promise<Provenance | null> {
  let text: string;
  try {
    text = await fetchText(placeOf(attestationsAddress(registry, built)), parts, MOST_ATTESTATIONS);
  } catch (error) {
    if (!(error instanceof FetchFault)) throw error;
    if (error.code === "unknown") return null;
    // A registry that hides an attestation could as well say that there is none: it is told, and no reason to refuse.
    return { kind: "unread", why: asLine(error.message, 512) ?? "it says no more" };
  }
  return judgeAttestations(text, built, await loadVerifier(roots));
}

class GivenRoots extends Error {}

async function loadVerifier(roots: string | null): Promise<ReturnType<typeof import("./sigstore.ts").loadSigstore>> {
  const { loadSigstore, RootsFault } = await import("./sigstore.ts");
  try {
    return loadSigstore(roots);
  } catch (error) {
    throw error instanceof RootsFault ? new GivenRoots(error.message) : error;
  }
}

function placeOf({ scheme, host, port, path }: ReturnType<typeof packageAddress>): RegistryPlace {
  const usual = scheme === "https" ? 443 : 80;
  return { scheme, host, port: port ?? usual, path, reach: isLoopback(host) ? "loopback" : "public" };
}

const peer = createPeer(inheritedChannel(MONITOR), {
  side: FETCHER_SIDE,
  requests: { fetch: fetchPackage },
  events: {},
  onFault: ({ message }) => end(`the monitor broke the protocol: ${message}`),
  onError: (error, name) => end(`${name} failed: ${error instanceof Error ? error.message : String(error)}`),
});
void peer.closed.then(() => process.exit(0));

function end(why: string): never {
  process.stderr.write(`aios fetcher: ${why}\n`);
  process.exit(1);
}
