import { expect, test } from "vitest";
import { MemoryBook } from "../../kernel/memory-book.ts";
import { verifyMemory } from "./verifying.ts";

const KEY = { agent: "web", digest: `sha256:${"0".repeat(64)}` };

test("verifying looks at snapshots that are withheld and at old versions too, and at none that an owner had erased", async () => {
  const book = new MemoryBook();
  for (const [name, record] of [
    ["kept", 1],
    ["withheld", 2],
    ["erased", 3],
  ] as const)
    book.snapshots.freeze({ ...KEY, name, version: 1, record });
  book.snapshots.withhold();
  book.snapshots.freeze({ ...KEY, name: "kept", version: 2, record: 4 });
  book.snapshots.erase(3);
  const looked: string[] = [];
  const none = async function* (): AsyncGenerator<never> {};
  const { frozen } = await verifyMemory({
    log: { size: 5, records: none, entries: none },
    book,
    store: { verify: async () => ({ checked: 0, damaged: [], file: [] }), isWhole: async () => true },
    frozen: {
      async signed({ name, version }) {
        looked.push(`${name} ${version}`);
        throw new Error("it is not what was signed");
      },
    },
  });
  expect(looked.toSorted()).toEqual(["kept 1", "kept 2", "withheld 1"]);
  expect(frozen.map(({ name, why }) => `${name} ${why}`)).toContain("kept version 2: it is not what was signed");
  expect(frozen).toHaveLength(3);
});
