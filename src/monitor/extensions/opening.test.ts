import { expect, test } from "vitest";
import type { DriverSource } from "../../kernel/grant.ts";
import { Refusal } from "../faults.ts";
import type { ExtensionState } from "../state.ts";
import { openTree, standingOf } from "./opening.ts";

const ID = `sha256:${"1".repeat(64)}`;
const SOURCE = { kind: "ext", extension: ID, command: ["node"], workspace: "none" } as const satisfies DriverSource;
const ADDED: ExtensionState = {
  id: ID,
  manifest: ID,
  kind: "npm",
  name: "notes",
  version: null,
  source: "notes.tgz",
  at: 0,
  quarantined: null,
};

/** Opens a tree of which `read` is what the store finds; `meanwhile` happens while it reads. */
async function open(
  there: ExtensionState | null,
  {
    read = ID,
    meanwhile = () => {},
  }: { read?: string | Error; meanwhile?: (all: Map<string, ExtensionState>) => void } = {},
): Promise<string> {
  const extensions = new Map(there === null ? [] : [[ID, there]]);
  const store = {
    treeOf: () => "/home/tree",
    read: async () => {
      await Promise.resolve();
      meanwhile(extensions);
      if (read instanceof Error) throw read;
      return { digest: read, bytes: 1, files: [] };
    },
  };
  return await openTree(SOURCE, { state: { extensions }, store }).catch((error: unknown) =>
    error instanceof Refusal ? error.code : String(error),
  );
}

test("what was added, and is not in quarantine, starts from its tree when that is what its id says", async () => {
  expect(await open(ADDED)).toBe("/home/tree");
  expect(await open(null)).toBe("unknown-extension");
  expect(await open({ ...ADDED, quarantined: "why" })).toBe("extension-quarantined");
  expect(await open(ADDED, { read: `sha256:${"2".repeat(64)}` })).toBe("extension-damaged");
  // Not known to be something else: it starts nothing, and nobody puts it into quarantine for that.
  expect(await open(ADDED, { read: new Error("it took too long") })).toBe("extension-failed");
});

test("what was taken back while it was read does not start", async () => {
  const quarantine = (all: Map<string, ExtensionState>): unknown => all.set(ID, { ...ADDED, quarantined: "why" });
  expect(await open(ADDED, { meanwhile: quarantine })).toBe("extension-quarantined");
  expect(await open(ADDED, { meanwhile: (all) => all.delete(ID) })).toBe("unknown-extension");
});

test("a server of another kind stands whatever is in the store", () => {
  const stdio = { kind: "stdio", command: ["node"], code: [], workspace: "none" } as const;
  expect(standingOf(stdio, { extensions: new Map() })).toBe("stands");
  expect(standingOf(SOURCE, { extensions: new Map() })).toBe("gone");
});
