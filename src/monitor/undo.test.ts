import { expect, test } from "vitest";
import type { SandboxSpec } from "../sandbox/spec.ts";
import { emptyState } from "./state.ts";
import { undoInstance, type UndoPorts } from "./undo.ts";

const INSTANCE = "i-0123456789abcdef";

function ports(empty: boolean): { readonly given: UndoPorts; readonly started: string[] } {
  const state = emptyState();
  state.instances.set(INSTANCE, { instance: INSTANCE, agent: "worker", workspace: "/work" } as never);
  const started: string[] = [];
  // Nothing else of each is used for a dry look.
  const given = {
    journal: { state },
    instances: { running: () => [] },
    code: { node: "/node", root: "/" },
    powers: {
      findUndoFolders: async () => [{ folder: "/undo", empty }],
      workspaceProblem: async () => null,
      async readOutput() {
        started.push("device");
        return JSON.stringify({ changes: [], changed: 1, left: [], leftCount: 0, noted: true });
      },
    },
  } as unknown as UndoPorts;
  return { given, started };
}

test("no device is started to say that a run changed nothing", async () => {
  const { given, started } = ports(true);
  expect(await undoInstance(given, { instance: INSTANCE, how: "dry" })).toMatchObject({ changed: 0, leftCount: 0 });
  expect(await undoInstance(given, { instance: INSTANCE, how: "do" })).toMatchObject({ changed: 0, leftCount: 0 });
  expect(started).toEqual([]);
});

test("twin: one is for a run that changed something", async () => {
  const { given, started } = ports(false);
  expect(await undoInstance(given, { instance: INSTANCE, how: "dry" })).toMatchObject({ changed: 1 });
  expect(started).toEqual(["device"]);
});

test("stores of one instance are undone one after the other, the newest first, and each that left nothing is removed", async () => {
  const { given } = ports(false);
  const asked: string[] = [];
  const removed: string[] = [];
  const written: unknown[] = [];
  const [newer, older] = [
    { folder: "/undo/newer", empty: false },
    { folder: "/undo/older", empty: false },
  ] as const;
  Object.assign(given.journal, { write: async (body: object) => void written.push(body) });
  Object.assign(given.powers, {
    findUndoFolders: async () => [newer, { folder: "/undo/nothing", empty: true }, older],
    removeUndoFolder: async ({ folder }: { folder: string }) => void removed.push(folder),
    async readOutput({ command, mounts }: SandboxSpec) {
      const store = mounts.flatMap((mount) => (mount.inside === "/undo" && "host" in mount ? [mount.host] : [])).join();
      asked.push(`${command.at(-3)} ${store}`);
      const left = store === older.folder ? [{ path: "/workspace/a", why: "it was changed since the run" }] : [];
      const changes = [{ what: "removed", path: `/workspace/${store.slice(6)}` }];
      return JSON.stringify({ changes, changed: 2, left, leftCount: left.length, noted: store !== older.folder });
    },
  });
  expect(await undoInstance(given, { instance: INSTANCE, how: "do" })).toEqual({
    changes: [
      { what: "removed", path: "/work/newer" },
      { what: "removed", path: "/work/older" },
    ],
    changed: 4,
    left: [{ path: "/work/a", why: "it was changed since the run" }],
    leftCount: 1,
    noted: false,
    brought: null,
  });
  expect(asked).toEqual(["dry /undo/newer", "dry /undo/older", "do /undo/newer", "do /undo/older"]);
  expect(removed).toEqual([newer.folder]);
  expect(written).toMatchObject([
    { stage: "begun", count: 4, left: 1 },
    { stage: "ended", count: 4, left: 1 },
  ]);
});
