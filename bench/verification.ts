import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verifyLog } from "../src/monitor/log/verify.ts";
import { createCrypto } from "../src/platform/keys/crypto.ts";
import { openWaitingLogReader } from "../src/platform/log/waiting-log-reader.ts";
import { createSigner } from "../src/platform/keys/signer.ts";
import { appendGroups, openBenchLog } from "./records.ts";
import type { Row } from "./row.ts";

const GROUPS = 700;
const ROUNDS = 5;
/** DESIGN 11: share of what hashing and parsing alone would allow on one core. */
const SHARE = 0.5;

/** Measures verification of a whole log on one core, against hashing every leaf and node and parsing every record. */
export async function run(): Promise<readonly Row[]> {
  const home = await mkdtemp(join(tmpdir(), "aios-bench-"));
  try {
    const log = await openBenchLog(home);
    await appendGroups(log, GROUPS);
    const leaves: Uint8Array[] = [];
    for await (const { record } of log.entries(0, log.size)) leaves.push(Buffer.from(JSON.stringify(record)));
    await log.close();
    const taken = { limit: new Array<number>(), verified: new Array<number>() };
    for (let round = 0; round < ROUNDS; round += 1) {
      taken.limit.push(hashAndParse(leaves));
      taken.verified.push(await verify(home, leaves.length));
    }
    const limit = leaves.length / Math.min(...taken.limit);
    const verified = leaves.length / Math.min(...taken.verified);
    const note = `best of ${ROUNDS}, ${leaves.length} records, one core`;
    return [
      { what: "hashing and parsing alone", value: limit, unit: "/s", bar: "", met: null, note },
      { what: "log verification", value: verified, unit: "/s", bar: "", met: null, note },
      {
        what: "verification against hashing and parsing alone",
        value: (100 * verified) / limit,
        unit: "%",
        bar: `≥ ${100 * SHARE}`,
        met: verified / limit >= SHARE,
        note,
      },
    ];
  } finally {
    await rm(home, { recursive: true });
  }
}

/** Seconds for what nobody can leave out: one hash a leaf, one a node, and reading each record. */
function hashAndParse(leaves: readonly Uint8Array[]): number {
  const crypto = createCrypto();
  const node = new Uint8Array(65);
  const decoder = new TextDecoder();
  const start = performance.now();
  for (const leaf of leaves) {
    crypto.sha256(leaf);
    crypto.sha256(node);
    JSON.parse(decoder.decode(leaf));
  }
  return (performance.now() - start) / 1000;
}

async function verify(home: string, size: number): Promise<number> {
  const start = performance.now();
  const verdict = await verifyLog(openWaitingLogReader(join(home, "log")), {
    powers: createCrypto(),
    publicKey: createSigner(new Uint8Array(32).fill(2)).publicKey,
    origin: "aios.bench/log",
  });
  if (verdict.kind !== "verified" || verdict.size !== size) throw new Error("the log did not verify");
  return (performance.now() - start) / 1000;
}
