import { argv, stdout } from "node:process";
import { verifyLog } from "../../src/monitor/log/verify.ts";
import { openWaitingLogReader } from "../../src/platform/log/waiting-log-reader.ts";
import { CRYPTO, ORIGIN, SIGNER } from "../fakes/open-log.ts";

/* Verifies the log in a folder in a process of its own: `verify-apart.ts FOLDER [keep]`, where `keep` keeps all that was read. */
const [folder = "", keep] = argv.slice(2);
const kept: unknown[] = [];
const reader = openWaitingLogReader(folder);
const verdict = await verifyLog(
  {
    ...reader,
    async read(path) {
      const bytes = await reader.read(path);
      if (keep !== undefined) kept.push(bytes);
      return bytes;
    },
  },
  { powers: CRYPTO, publicKey: SIGNER.publicKey, origin: ORIGIN },
);
// Kibibytes: the most that was resident at any moment (getrusage(2)).
const peak = process.resourceUsage().maxRSS / 1024;
const said = verdict.kind === "verified" ? { kind: verdict.kind, size: verdict.size } : verdict;
stdout.write(`${JSON.stringify({ verdict: said, peak })}\n`);
