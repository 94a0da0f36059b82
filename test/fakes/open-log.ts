import { join } from "node:path";
import { openLog } from "../../src/monitor/log/open.ts";
import type { LogKeys } from "../../src/monitor/log/keys.ts";
import type { Log } from "../../src/monitor/log/log.ts";
import { createClock } from "../../src/platform/clock.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { openLogFiles } from "../../src/platform/log/log-files.ts";
import type { LogFiles } from "../../src/platform/log/log-powers.ts";
import type { Clock, Timer } from "../../src/platform/powers.ts";
import { createRandom } from "../../src/platform/keys/random.ts";
import { createSigner } from "../../src/platform/keys/signer.ts";
import { createTimer } from "../../src/platform/timer.ts";

/** The name of logs in tests. */
export const ORIGIN = "aios.test/log";
/** Signs with a key that is the same in every test. */
export const SIGNER: ReturnType<typeof createSigner> = createSigner(new Uint8Array(32).fill(7));
export const CRYPTO: ReturnType<typeof createCrypto> = createCrypto();
/** A timer that never rings: checkpoints are published when a test asks for them. */
export const STILL: Timer = { after: () => () => {} };

/** Folders of a test's log and of its keys. */
export function foldersOf(home: string): { readonly log: string; readonly keys: string } {
  return { log: join(home, "log"), keys: join(home, "keys") };
}

/** The epoch key of tests, with slots in a folder. */
export function testKeys(files: LogKeys["files"]): LogKeys {
  return Object.assign(testEpochs(), { files });
}

/** Epoch keys in memory, the same in every test; `gone` are destroyed. */
export function testEpochs(gone: Set<number> = new Set()): Omit<LogKeys, "files"> {
  let last = Math.max(0, ...gone) + 1;
  return {
    get epoch() {
      let epoch = 1;
      while (gone.has(epoch)) epoch += 1;
      return epoch;
    },
    key: (epoch) => (gone.has(epoch) ? null : new Uint8Array(32).fill(8 + epoch)),
    advance: () => (last += 1),
    async retire(epoch) {
      for (let older = 1; older < epoch; older += 1) gone.add(older);
    },
  };
}

/** Opens a log in a folder as the monitor would, with the parts that a test brings. */
export function openTestLog(
  home: string,
  options: {
    readonly files?: LogFiles;
    readonly keys?: LogKeys;
    readonly timer?: Timer;
    readonly clock?: Clock;
    readonly start?: string;
  } = {},
): Promise<Log> {
  const { log, keys } = foldersOf(home);
  return openLog({
    files: options.files ?? openLogFiles(log),
    keys: options.keys ?? testKeys(openLogFiles(keys)),
    crypto: CRYPTO,
    random: createRandom(),
    clock: options.clock ?? createClock(),
    timer: options.timer ?? createTimer(),
    signer: SIGNER,
    origin: ORIGIN,
    start: options.start ?? "0".repeat(32),
  });
}
