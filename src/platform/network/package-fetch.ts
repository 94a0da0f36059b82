import { createHash } from "node:crypto";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { ConnectFault, DestinationAgent, type ConnectParts, type Destination } from "./broker-connect.ts";
import { request } from "./node-http.ts";

/** A place that packages are asked of. */
export type RegistryPlace = Destination & { readonly scheme: "http" | "https"; readonly path: string };

/** Why an answer was not taken. */
export class FetchFault extends Error {
  readonly code: "unreachable" | "untrusted" | "unknown" | "elsewhere" | "too-large";

  constructor(code: FetchFault["code"], message: string) {
    super(message);
    this.code = code;
  }
}

const PATIENCE_MS = 60_000;

/**
 * Asks for one thing by GET and hands over its bytes as they come. Follows no redirect, sends nothing of ours along, takes
 * nothing that is compressed on the way. Throws FetchFault.
 */
async function getOnce(
  place: RegistryPlace,
  accept: string,
  { most, take, parts }: { readonly most: number; take(chunk: Uint8Array): void; readonly parts: ConnectParts },
): Promise<void> {
  const agent = new DestinationAgent(place, parts);
  const usual = place.scheme === "https" ? 443 : 80;
  const headers = {
    host: place.port === usual ? place.host : `${place.host}:${place.port}`,
    accept,
    "accept-encoding": "identity",
    connection: "close",
  };
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = request({ agent, path: place.path, headers, setHost: false, signal }, resolve);
      asked.on("error", reject);
      asked.end();
    });
    checkStatus(response);
    let bytes = 0;
    for await (const chunk of response) {
      if (!(chunk instanceof Uint8Array)) continue;
      bytes += chunk.length;
      if (bytes > most) throw new FetchFault("too-large", `it has more than ${most} bytes`);
      take(chunk);
    }
    if (!response.complete) throw new FetchFault("unreachable", "its answer was cut short");
  } catch (error) {
    throw explain(error);
  } finally {
    agent.destroy();
  }
}

function checkStatus({ statusCode = 0 }: IncomingMessage): void {
  if (statusCode === 200) return;
  if (statusCode === 404 || statusCode === 410) throw new FetchFault("unknown", `it answered ${statusCode}`);
  const sends = statusCode >= 300 && statusCode < 400;
  throw new FetchFault(sends ? "elsewhere" : "unreachable", `it answered ${statusCode}`);
}

function explain(error: unknown): FetchFault {
  if (error instanceof FetchFault) return error;
  if (error instanceof ConnectFault) {
    const untrusted = error.fault === "tls-refused" || error.fault === "address-refused";
    return new FetchFault(untrusted ? "untrusted" : "unreachable", error.message);
  }
  return new FetchFault("unreachable", "it does not answer as a server of HTTP, or takes too long");
}

/** The text of a short answer. Throws FetchFault. */
export async function fetchText(place: RegistryPlace, parts: ConnectParts, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  await getOnce(place, "application/json", { most, parts, take: (chunk) => void chunks.push(chunk) });
  return Buffer.concat(chunks).toString("utf8");
}

/** Writes a long answer into a new file; its size and its SHA-512 in base64. Throws FetchFault, or the file system's error. */
export async function fetchFile(
  place: RegistryPlace,
  parts: ConnectParts,
  { file, most }: { readonly file: string; readonly most: number },
): Promise<{ readonly bytes: number; readonly sha512: string }> {
  const fd = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  const hash = createHash("sha512");
  let bytes = 0;
  try {
    await getOnce(place, "application/octet-stream", {
      most,
      parts,
      take(chunk) {
        hash.update(chunk);
        for (let written = 0; written < chunk.length;) written += writeSync(fd, chunk, written);
        bytes += chunk.length;
      },
    });
  } finally {
    closeSync(fd);
  }
  return { bytes, sha512: hash.digest("base64") };
}
