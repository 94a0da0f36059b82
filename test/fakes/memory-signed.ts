import type { JsonObject } from "../../src/kernel/json.ts";
import { checkMemory, type MemoryPurpose, memoryRecord } from "../../src/monitor/memory/memory-statements.ts";
import type { MemoryWorld } from "./memory-world.ts";
import { CRYPTO } from "./open-log.ts";

const KEY = "ed25519:0123456789abcdef";

/** What the monitor does once a statement over that document has verified. */
export async function signMemory(world: MemoryWorld, purpose: MemoryPurpose, document: JsonObject): Promise<void> {
  const parts = {
    state: world.journal.state,
    crypto: CRYPTO,
    effects: {
      lotOf: (digest: string) => world.memory.lots.find(digest),
      checkFreeze: (of: JsonObject) => world.memory.freezing.check(of),
    },
    now: () => world.trusted.now(),
  };
  await checkMemory({ purpose, document, key: KEY }, parts);
  const body = memoryRecord({ purpose, document, key: KEY }, parts);
  const seq = await world.journal.write(body, { document });
  if (purpose === "import-memory") await world.memory.takeIn(seq, document);
}

/** An owner says that the wall clock is right as it stands. */
export async function signClock(world: MemoryWorld): Promise<void> {
  await world.journal.write({ kind: "clock-set", key: KEY }, { document: { at: world.wall } });
  world.trusted.accept();
}
