import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { at, letInto, NAMES, run, RUNS, step, treeOf, undoPlaces } from "../../../test/fakes/undo-places.ts";
import type { StorageOrder } from "../../sandbox/storage-wire.ts";
import { O_CREAT } from "../files/file-calls.ts";
import { undoRun } from "./undo-run.ts";

const { begin, base, close } = undoPlaces();
afterAll(close);

describe("undoing again, after what stood in the way was mended", () => {
  const open = (path: string): StorageOrder => ({ order: "open", target: at(path), flags: 1 | O_CREAT, mode: 0o644 });
  const SINCE = "it was changed since the run";

  it("goes on with the rest, and what was taken back stays a person's", () => {
    const begun = begin();
    const { place, store } = begun;
    const before = treeOf(place);
    run(begun, [
      { order: { order: "make-folder", path: "@/n", mode: 0o755 }, text: "" },
      ...["a", "b", "n/x"].map((path) => ({ order: open(path), text: "agent" })),
      { order: { order: "rename", from: "@/d/a", to: "@/moved", flags: 0 }, text: "" },
    ]);
    appendFileSync(join(place, "a"), " and a person");
    appendFileSync(join(place, "moved"), " and a person");
    writeFileSync(join(place, "n/mine"), "a person's");
    const first = undoRun(store, { how: "do" });
    expect(first.left.map(({ path, why }) => `${path.slice(place.length)} ${why}`)).toEqual([
      `/moved ${SINCE}`,
      `/a ${SINCE}`,
      "/n it cannot be put back: ENOTEMPTY",
    ]);
    // Nothing was mended: it says the same and does nothing.
    writeFileSync(join(place, "b"), "a person's own since");
    expect(undoRun(store, { how: "do" })).toMatchObject({ changed: 0, left: first.left });
    renameSync(join(place, "a"), join(base, "kept"));
    rmSync(join(place, "n/mine"));
    expect(undoRun(store, { how: "dry" })).toMatchObject({ changed: 2, leftCount: 1 });
    const second = undoRun(store, { how: "do" });
    expect(second.changes.map(({ what, path }) => `${what} ${path.slice(place.length)}`)).toEqual([
      "restored /a",
      "removed /n",
    ]);
    expect(second.left).toEqual([{ path: join(place, "moved"), why: SINCE }]);
    expect(readFileSync(join(place, "b"), "utf8")).toBe("a person's own since");
    expect(readFileSync(join(place, "moved"), "utf8")).toContain("and a person");
    rmSync(join(place, "moved"));
    expect(undoRun(store, { how: "do" }).left).toEqual([]);
    expect(treeOf(place)["a"]).toBe(before["a"]);
  });

  it("does not write over what a person made since in the place of what was left", () => {
    const begun = begin();
    const { place, store } = begun;
    run(begun, [{ order: open("a"), text: "agent" }]);
    appendFileSync(join(place, "a"), "1");
    undoRun(store, { how: "do" });
    writeFileSync(join(place, "a"), "another");
    expect(undoRun(store, { how: "do" })).toMatchObject({ changed: 0, leftCount: 1 });
    expect(readFileSync(join(place, "a"), "utf8")).toBe("another");
  });

  it("still knows what was left when it was stopped after that", () => {
    const begun = begin();
    const { place, store } = begun;
    run(
      begun,
      ["b", "a"].map((path) => ({ order: open(path), text: "agent" })),
    );
    appendFileSync(join(place, "a"), "1");
    let steps = 0;
    const stop = (): void => {
      if (++steps === 2) throw new Error("stopped");
    };
    expect(() => undoRun(store, { how: "do", onStep: stop })).toThrow("stopped");
    expect(undoRun(store, { how: "do" }).left.map(({ path }) => path)).toEqual([join(place, "a")]);
    expect(readFileSync(join(place, "a"), "utf8")).toMatch(/1$/);
    rmSync(join(place, "a"));
    expect(undoRun(store, { how: "do" })).toMatchObject({ changed: 1, leftCount: 0 });
    expect(readFileSync(join(place, "a"), "utf8")).toBe("a before");
  });

  it("loses nothing of a person's, whatever a run did, wherever they wrote since and it was stopped", () => {
    const stand = fc.subarray([...NAMES]);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), stand, fc.nat(20), (steps, mine, stop) => {
        const begun = begin();
        const { place, store } = begun;
        run(begun, steps);
        const after = treeOf(place);
        const writing = mine.filter((path) => after[path]?.startsWith("1") === true);
        for (const path of writing) letInto(place, path, (file) => appendFileSync(file, "mine"));
        const written = treeOf(place);
        let left = stop;
        const crash = (): void => {
          if (left-- % 7 === 0) throw new Error("stopped");
        };
        for (let time = 0; time < 4; time++) {
          try {
            undoRun(store, { how: "do", onStep: crash });
          } catch (error) {
            expect(String(error)).toBe("Error: stopped");
          }
        }
        const texts = Object.values(treeOf(place));
        for (const path of writing) expect(texts).toContain(written[path]);
      }),
      { numRuns: RUNS },
    );
  });
});
