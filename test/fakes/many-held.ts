import { chownSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { canonicalize } from "../../src/kernel/canonical.ts";
import { createJournal, replay } from "../../src/monitor/journal.ts";
import { openLog } from "../../src/monitor/log/open.ts";
import { emptyState } from "../../src/monitor/state.ts";
import { createClock } from "../../src/platform/clock.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { openLogFiles } from "../../src/platform/log/log-files.ts";
import { openMonitorKeys } from "../../src/platform/log/monitor-keys.ts";
import { createRandom } from "../../src/platform/keys/random.ts";
import { STILL } from "./open-log.ts";

/** Actions that an instance may have waiting (docs/decisions/asking-people.md). */
const EACH = 21;

/** Who asks, for what, and until when. */
export interface ManyHeld {
  readonly count: number;
  readonly agent: string;
  readonly driver: string;
  readonly name: string;
  readonly workspace: string;
  /** Text of the argument `text` of the action with this place. */
  text(place: number): string;
}

/**
 * Writes into the log of a home whose monitor does not run, with the monitor's own journal and keys, what many instances at
 * their bound would have left there. Started anew it holds all of it, as after any restart.
 */
export async function holdMany(home: string, asked: ManyHeld): Promise<void> {
  const [crypto, random, clock] = [createCrypto(), createRandom(), createClock()];
  const owner = statSync(home);
  const give = (to: Owner): void => ["log", "keys"].forEach((folder) => giveTo(join(home, folder), to));
  give({ uid: process.geteuid?.() ?? owner.uid, gid: process.getegid?.() ?? owner.gid });
  const keys = openMonitorKeys(join(home, "keys"));
  const log = await openLog({
    files: openLogFiles(join(home, "log")),
    keys: Object.assign(keys.payloads, { files: keys.slots }),
    crypto,
    random,
    clock,
    timer: STILL,
    signer: keys.logSigner,
    origin: keys.logOrigin,
    start: random.hex(16),
  });
  try {
    const state = emptyState();
    await replay(log, state, () => {});
    const journal = createJournal(log, { state, now: clock.wall, onRecord: () => {} });
    const expires = clock.wall() + 3_600_000;
    const writes: Promise<number>[] = [];
    for (let place = 0; place < asked.count; place += 1) {
      const instance = `i-${Math.floor(place / EACH)
        .toString(16)
        .padStart(16, "0")}`;
      const { agent, driver, name, workspace } = asked;
      if (place % EACH === 0)
        writes.push(
          journal.write(
            { kind: "instance-started", instance, agent, ancestry: [] },
            { command: [], workspace, strict: false, holdAt: [], holdSeconds: 3600, words: [] },
          ),
        );
      const request = random.hex(16);
      const call = {
        v: 1,
        request,
        agent,
        instance,
        verb: "call",
        driver,
        name,
        arguments: { text: asked.text(place) },
      };
      const action = canonicalize(call);
      writes.push(
        journal.write(
          {
            kind: "held",
            reasons: ["reserved"],
            expires,
            instance,
            agent,
            ancestry: [],
            action: crypto.digest(action),
            what: `${driver}/${name}`,
            risk: "reserved",
            labels: [],
            policy: crypto.digest(""),
          },
          { request, action },
        ),
      );
    }
    await Promise.all(writes);
  } finally {
    await log.close();
    give(owner);
  }
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The monitor's files are its user's alone; whoever writes them here has them meanwhile. */
function giveTo(path: string, { uid, gid }: Owner): void {
  chownSync(path, uid, gid);
  if (!statSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveTo(join(path, name), { uid, gid });
}
