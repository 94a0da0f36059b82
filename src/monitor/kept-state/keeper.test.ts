import { describe, expect, test } from "vitest";
import { keptHome, KeptHome } from "../../../test/fakes/kept-home.ts";
import { plainState } from "../../../test/fakes/plain-state.ts";
import { keptPath, listKept } from "./start.ts";

describe("the keeper", () => {
  test("keeps the state again and again, from the last one on, and only the newest stays", async () => {
    const home = await new KeptHome().open();
    const keeper = home.keeper();
    for (let round = 0; round < 12; round += 1) {
      home.fill(1);
      await keeper.recorded();
    }
    const sizes = await listKept(home.files);
    expect(sizes).toHaveLength(1);
    expect(home.written.kept.filter(({ record }) => record.kind === "state-kept").length).toBeGreaterThan(1);
    const started = await home.start();
    expect(started.kept?.size).toBe(sizes[0]);
    expect(plainState(started.folded)).toEqual(plainState(home.whole()));
    expect(home.reports).toEqual([]);
    expect(await keeper.compare()).toMatchObject({ differs: [] });
  });

  test("keeps what a start has folded, once, with the records of that start around it", async () => {
    const home = await new KeptHome().open();
    home.fill(8);
    const size = home.written.kept.length;
    // As the monitor has it: every record that is written is told to the keeper, its own too.
    const keeper = home.keeper((body) => {
      home.written.push(body);
      void keeper.recorded();
    });
    await keeper.begin(await home.start());
    home.do("start");
    await keeper.recorded();
    await keeper.ready();
    await keeper.recorded();
    expect(await listKept(home.files)).toEqual([size]);
    expect(home.written.kept.slice(size).map(({ record }) => record.kind)).toEqual(["start", "state-kept"]);
    expect((await home.start()).kept?.size).toBe(size);
    expect(home.reports).toEqual([]);
  });

  test("keeps it at a stop", async () => {
    const home = await new KeptHome().open();
    home.fill(2);
    await home.keeper().stop();
    expect(await listKept(home.files)).toHaveLength(1);
    expect((await home.start()).kept).not.toBeNull();
  });

  test("leaves the last one in place when the record of the next could not be written", async () => {
    const { home, size } = await keptHome();
    home.fill(8);
    const keeper = home.keeper(() => {
      throw new Error("log-unavailable");
    });
    await keeper.begin(await home.start());
    await keeper.ready();
    expect(await listKept(home.files)).toHaveLength(2);
    expect(home.reports).toEqual(["cannot keep the state: log-unavailable"]);
    expect((await home.start()).kept?.size).toBe(size);
  });

  test("folds the whole log again after an erasure, whose payload is in nothing that was kept before", async () => {
    const { home } = await keptHome();
    const started = await home.start();
    const keeper = home.keeper();
    await keeper.begin(started);
    home.written.erase(1);
    home.gone.add(1);
    await keeper.recorded();
    const after = await home.start();
    expect(after.kept).not.toBeNull();
    expect(plainState(after.folded)).toEqual(plainState(home.whole()));
    expect(home.reports).toEqual([]);
  });

  test("goes on from the log when what it kept was deleted under it", async () => {
    const { home, size } = await keptHome();
    const keeper = home.keeper();
    await keeper.begin(await home.start());
    home.disk.erase(keptPath(size));
    for (let round = 0; round < 12; round += 1) {
      home.fill(1);
      await keeper.recorded();
    }
    expect((await home.start()).kept).not.toBeNull();
    expect(home.reports).toEqual(["cannot keep the state: what was kept is gone or was changed"]);
  });
});
