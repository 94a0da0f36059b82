import { expect, test } from "vitest";
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
