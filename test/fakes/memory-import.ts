import type { JsonObject } from "../../src/kernel/json.ts";
import { lotDigest } from "../../src/monitor/memory/importing.ts";
import type { Content } from "../../src/protocol/memory-content.ts";
import { saltedDigest } from "../../src/protocol/memory-export.ts";
import { contentOf, saltedOf } from "./memory-export.ts";
import { signMemory } from "./memory-signed.ts";
import type { MemoryWorld } from "./memory-world.ts";
import { CRYPTO } from "./open-log.ts";

/** The log that imports of tests come from. */
export const OTHER_LOG = "other.home";

/** Hands entries in to be imported. */
export function handIn(world: MemoryWorld, contents: readonly Content[]): void {
  world.memory.lots.hand({ first: true, entries: contents.map(saltedOf) });
}

/** What an owner signs over these entries. */
export function documentOf(contents: readonly Content[], more: JsonObject = {}): JsonObject {
  const [{ agent, plane } = contentOf("")] = contents;
  const bytes = contents.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  const digests = contents.map((content) => ({ digest: saltedDigest(saltedOf(content), CRYPTO) }));
  const digest = lotDigest(digests, CRYPTO);
  return { agent, plane, origin: OTHER_LOG, size: 308, count: contents.length, bytes, digest, ...more };
}

/** All of it. */
export async function bringIn(world: MemoryWorld, contents: readonly Content[]): Promise<void> {
  handIn(world, contents);
  await signMemory(world, "import-memory", documentOf(contents));
}
