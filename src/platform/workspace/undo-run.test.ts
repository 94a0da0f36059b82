import {
  appendFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import {
  appendIfMay,
  at,
  fileOf,
  hiddenIn,
  NAMES,
  run,
  RUNS,
  step,
  treeOf,
  undoPlaces,
} from "../../../test/fakes/undo-places.ts";
import { O_CREAT, O_TRUNC } from "../files/file-calls.ts";
import { undoRun } from "./undo-run.ts";

const { begin, close } = undoPlaces();
afterAll(close);

describe("undoing", () => {
  it("brings back every file, link, folder, mode and time, whatever a run did", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const begun = begin();
        const { place, store } = begun;
        const before = treeOf(place);
        const elsewhere = fileOf(`${place}-elsewhere`);
        run(begun, steps);
        expect(fileOf(`${place}-elsewhere`)).toEqual(elsewhere);
        const after = treeOf(place);
        const hidden = hiddenIn(place);
        const dry = undoRun(store, { how: "dry" });
        expect(treeOf(place)).toEqual(after);
        const done = undoRun(store, { how: "do" });
        expect(done.left).toEqual([]);
        expect(treeOf(place)).toEqual(before);
        if (hidden.length === 0) expect(dry).toEqual(done);
        expect(fileOf(`${place}-elsewhere`)).toEqual(elsewhere);
        expect(undoRun(store, { how: "do" })).toMatchObject({ changed: 0, leftCount: 0 });
      }),
      { numRuns: RUNS },
    );
  });

  it("is what a dry look says, whatever a person wrote since, and so is what it leaves", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), fc.subarray([...NAMES]), (steps, mine) => {
        const begun = begin();
        const { place, store } = begun;
        run(begun, steps);
        const after = treeOf(place);
        // Where nobody could look a dry look says what the run did.
        for (const path of mine) if (after[path]?.startsWith("1") === true) appendIfMay(join(place, path));
        for (let time = 0; time < 2; time++) {
          const hidden = hiddenIn(place);
          const dry = undoRun(store, { how: "dry" });
          const done = undoRun(store, { how: "do" });
          if (hidden.length === 0) expect(dry).toEqual(done);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it("goes on after it was stopped at any step, whether the step was noted or not", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 3, maxLength: 20 }), fc.nat(20), (steps, stop) => {
        const begun = begin();
        const { place, store } = begun;
        const before = treeOf(place);
        run(begun, steps);
        const hidden = hiddenIn(place);
        let left = stop;
        const crash = (): void => {
          if (left-- === 0) throw new Error("stopped");
        };
        try {
          undoRun(store, { how: "do", onStep: crash });
        } catch (error) {
          expect(String(error)).toBe("Error: stopped");
        }
        const after = undoRun(store, { how: "do" });
        if (hidden.length > 0 && after.leftCount > 0) return;
        expect(after.left).toEqual([]);
        expect(treeOf(place)).toEqual(before);
      }),
      { numRuns: RUNS },
    );
  });

  it("leaves what somebody changed since, names it, and undoes the rest", () => {
    const { place, store, act, end } = begin();
    for (const path of ["a", "b", "new"]) {
      const target = { at: "path", path: `${place}/${path}`, follow: true } as const;
      expect(act({ order: "open", target, flags: 1 | O_CREAT | O_TRUNC, mode: 0o644 }, "agent")).toBe("done");
    }
    end();
    appendFileSync(join(place, "a"), " and a person");
    const report = undoRun(store, { how: "do" });
    expect(report).toEqual({
      changes: [
        { what: "removed", path: join(place, "new") },
        { what: "restored", path: join(place, "b") },
      ],
      changed: 2,
      left: [{ path: join(place, "a"), why: "it was changed since the run" }],
      leftCount: 1,
      noted: true,
    });
    expect(readFileSync(join(place, "a"), "utf8")).toBe("agent and a person");
    expect(readFileSync(join(place, "b"), "utf8")).toBe("b before");
  });
});

describe("what an agent leaves for the undoing of its work", () => {
  it("a link where content stands beside for a moment leads nowhere", () => {
    const begun = begin();
    const { place, store } = begun;
    writeFileSync(join(place, "hook"), "harmless");
    run(begun, [
      { order: { order: "open", target: at("a"), flags: 1 | O_TRUNC, mode: 0 }, text: "agent" },
      { order: { order: "symlink", text: "hook", path: "@/a.aios-undo" }, text: "" },
    ]);
    // Left as it is, so that it is still there when the file is put back.
    rmSync(join(place, "a.aios-undo"));
    symlinkSync("hook", join(place, "a.aios-undo"));
    undoRun(store, { how: "do" });
    expect(readFileSync(join(place, "hook"), "utf8")).toBe("harmless");
    expect(readFileSync(join(place, "a"), "utf8")).toBe("a before");
  });

  it("a link in the place of a folder leads what is put back nowhere either", () => {
    const begun = begin();
    const { place, store } = begun;
    run(begun, [{ order: { order: "open", target: at("d/a"), flags: 1 | O_TRUNC, mode: 0 }, text: "agent" }]);
    renameSync(join(place, "d"), join(place, "elsewhere"));
    symlinkSync("elsewhere", join(place, "d"));
    const report = undoRun(store, { how: "do" });
    const why = "the folder that it was in is not what it was";
    expect(report).toMatchObject({ changed: 0, left: [{ path: join(place, "d/a"), why }] });
    expect(readFileSync(join(place, "elsewhere/a"), "utf8")).toBe("agent");
  });
});

describe("a run whose end was not noted", () => {
  it("is undone but for what was changed later than its last note", () => {
    const begun = begin();
    const { place, store, act } = begun;
    for (const path of ["a", "b"]) {
      const target = { at: "path", path: `${place}/${path}`, follow: true } as const;
      act({ order: "open", target, flags: 1 | O_TRUNC, mode: 0 }, "agent");
    }
    const later = new Date(Date.now() + 5000);
    utimesSync(join(place, "b"), later, later);
    const report = undoRun(store, { how: "do" });
    expect(report).toMatchObject({ noted: false, changed: 1, left: [{ path: join(place, "b") }] });
    expect(readFileSync(join(place, "a"), "utf8")).toBe("a before");
    expect(readFileSync(join(place, "b"), "utf8")).toBe("agent");
  });
});

describe("the budget of what is kept", () => {
  it("refuses a change that it has no room to undo, and the file stays", () => {
    const { place, act, end } = begin(4);
    const target = { at: "path", path: `${place}/a`, follow: true } as const;
    expect(act({ order: "open", target, flags: 1 | O_TRUNC, mode: 0 })).toBe("failed 122"); // EDQUOT
    expect(act({ order: "remove", path: `${place}/a`, folder: false })).toBe("failed 122");
    expect(readFileSync(join(place, "a"), "utf8")).toBe("a before");
    end();
  });

  it("twin: with room it is kept and done", () => {
    const { place, act, end } = begin(4096);
    expect(act({ order: "remove", path: `${place}/a`, folder: false })).toBe("done");
    end();
    expect(readdirSync(place)).not.toContain("a");
  });
});
