import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  copyOf,
  counted,
  newMachine,
  openOn,
  verifyOn,
  whys,
  type LogMachine,
} from "../../../test/fakes/log-machine.ts";
import type { Trouble } from "../../../test/fakes/memory-disk.ts";
import { appendMany, note, readAll } from "../../../test/fakes/records.ts";
import type { Log } from "./log.ts";

describe("a write that fails", () => {
  const kinds: readonly Trouble[] = ["before", "halfway", "after"];

  test.each(kinds)("%s its work refuses what waited, and recover() goes on without a gap", async (kind) => {
    const machine = newMachine();
    const log = await openOn(machine);
    await appendMany(log, 50);
    machine.log.trouble = ({ name }) => (name === "append" ? kind : "none");
    const refused = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) => log.append(note(`lost ${at}`), null)),
    );
    expect(refused.every((one) => one.status === "rejected" && one.reason.code === "log-unavailable")).toBe(true);
    machine.log.trouble = () => "none";
    // Not by itself: whoever appends must first be told that the disk works again.
    await expect(log.append(note("too soon"), null)).rejects.toMatchObject({ code: "log-unavailable" });
    await log.recover();
    await appendMany(log, 30, 50);
    expect(await whys(log)).toEqual(counted(80));
    await log.close();
    const again = await openOn(machine);
    expect(await whys(again)).toEqual(counted(80));
    await again.close();
    expect(await verifyOn(machine)).toMatchObject({ kind: "verified", size: 80 });
  });

  test("recover() fails for as long as the disk does", async () => {
    const machine = newMachine();
    const log = await openOn(machine);
    machine.log.trouble = () => "before";
    await expect(log.append(note(0), null)).rejects.toMatchObject({ code: "log-unavailable" });
    await expect(log.recover()).rejects.toMatchObject({ code: "log-unavailable" });
    await expect(log.append(note(0), null)).rejects.toMatchObject({ code: "log-unavailable" });
    machine.log.trouble = () => "none";
    await log.recover();
    expect(await log.append(note(0), null)).toBe(0);
  });

  test("for good has the disk let go of, so that it can be taken out, and with it back the log goes on", async () => {
    const machine = newMachine();
    const log = await openOn(machine);
    await appendMany(log, 300);
    await log.checkpoint();
    await appendMany(log, 10, 300);
    machine.log.fault = "EROFS";
    machine.log.trouble = () => "before";
    await expect(log.append(note("lost"), null)).rejects.toMatchObject({ code: "log-unavailable" });
    expect(machine.log.inUse()).toBe(true);
    await expect(log.recover()).rejects.toMatchObject({ code: "log-unavailable" });
    expect(machine.log.inUse()).toBe(false);
    const before = machine.log.paths().map((path) => [path, machine.log.bytes(path)] as const);
    // Out: nothing is at its place, and nothing is made there.
    machine.log.trouble = () => "none";
    for (const [path] of before) machine.log.erase(path);
    await expect(log.recover()).rejects.toMatchObject({ code: "log-away" });
    expect([machine.log.inUse(), machine.log.paths()]).toEqual([false, []]);
    // Back, but for what was never synced.
    for (const [path, bytes] of before) if (!path.includes(".p/")) machine.log.put(path, bytes ?? new Uint8Array());
    await log.recover();
    expect(await log.append(note(310), null)).toBe(310);
    await log.close();
    expect(await whys(await openOn(copyOf(machine)))).toEqual(counted(311));
    expect(await verifyOn(machine)).toMatchObject({ kind: "verified", size: 311 });
  });

  test("is let go of by a look at its disk too, though nobody writes", async () => {
    const machine = newMachine();
    const log = await openOn(machine);
    await appendMany(log, 3);
    await log.settle();
    expect(log.doubt(null)).toBeNull();
    machine.log.fault = "EROFS";
    machine.log.trouble = () => "before";
    const found = Object.assign(new Error("it takes no writes any more"), { code: "EROFS" });
    expect(log.doubt(found)).toMatchObject({ code: "log-unavailable", cause: found });
    await expect(log.append(note("lost"), null)).rejects.toMatchObject({ code: "log-unavailable" });
    await expect(log.recover()).rejects.toMatchObject({ code: "log-unavailable" });
    expect(machine.log.inUse()).toBe(false);
    machine.log.trouble = () => "none";
    await log.recover();
    expect(log.doubt(null)).toBeNull();
    expect(await log.append(note(3), null)).toBe(3);
    await log.close();
    expect(log.doubt(found)).toBeNull();
  });

  test.each([
    ["without its newest records", "log-shrunk"],
    ["with another record in the place of its newest", "log-forked"],
    ["with records of another start, shown to others", "log-forked"],
    ["with records of another start, shown to nobody", "log-forked"],
    ["while another process has it", "home-in-use"],
  ])("for good does not go on with a disk that comes back %s, and does once it is right", async (what, code) => {
    const machine = newMachine();
    const log = await openOn(machine);
    await appendMany(log, 20);
    await log.settle();
    const older = copyOf(machine);
    await appendMany(log, 1, 20);
    machine.log.fault = "EROFS";
    machine.log.trouble = () => "before";
    await expect(log.append(note("lost"), null)).rejects.toMatchObject({ code: "log-unavailable" });
    await expect(log.recover()).rejects.toMatchObject({ code: "log-unavailable" });
    machine.log.trouble = () => "none";
    const right = copyOf(machine);
    const other = machine.log.open();
    if (code === "home-in-use") expect(await other.hold()).toBe(true);
    else {
      const back = what.includes("another start") ? copyOf(right) : older;
      if (code === "log-forked") {
        const another = await openOn(back, what.includes("another start") ? "1".repeat(32) : undefined);
        await appendMany(another, 1, 99);
        if (what.includes("to others")) await another.checkpoint();
      }
      bring(machine, back);
    }
    await expect(log.recover(), what).rejects.toMatchObject({ code });
    await expect(log.append(note("too soon"), null)).rejects.toMatchObject({ code: "log-unavailable" });
    await other.release();
    if (code !== "home-in-use") expect(machine.log.inUse()).toBe(false);
    bring(machine, right);
    await log.recover();
    expect(await log.append(note(21), null)).toBe(21);
    await log.close();
    expect(await whys(await openOn(machine))).toEqual(counted(22));
  });

  test("of the key slots is as good as one of the journal: nothing is sealed with a key that is nowhere", async () => {
    const machine = newMachine();
    const log = await openOn(machine);
    machine.keys.trouble = () => "before";
    await expect(log.append(note(0), { a: 1 })).rejects.toMatchObject({ code: "log-unavailable" });
    expect(log.size).toBe(0);
    machine.keys.trouble = () => "none";
    await log.recover();
    expect(await log.append(note(0), { a: 1 })).toBe(0);
    await log.close();
    expect((await readAll(await openOn(machine)))[0]?.payload).toEqual({ a: 1 });
  });

  test("while a group needs the keys of two chunks of slots leaves those of older records alone", async () => {
    const machine = newMachine();
    const log = await openOn(machine);
    await appendMany(log, 2040);
    machine.log.trouble = ({ name }) => (name === "append" ? "before" : "none");
    // Slots 2,040 to 2,139: the end of the first chunk and the beginning of the second.
    const refused = await Promise.allSettled(Array.from({ length: 100 }, (_, at) => log.append(note(at), { at })));
    expect(refused.every(({ status }) => status === "rejected")).toBe(true);
    machine.log.trouble = () => "none";
    await log.recover();
    await appendMany(log, 100, 2040);
    await log.close();
    const entries = await readAll(await openOn(machine));
    expect(entries).toHaveLength(2140);
    for (const { record, payload } of entries) expect(payload === null).toBe(record.payload === null);
    expect(entries.filter(({ payload }) => payload !== null).length).toBeGreaterThan(1400);
  });

  test("anywhere, at any call, loses nothing that was acknowledged and acknowledges nothing twice", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ after: fc.nat({ max: 25 }), kind: fc.constantFrom(...kinds) }), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 3, maxLength: 8 }),
        fc.constantFrom("kill", "power" as const),
        fc.constantFrom("ENOSPC", "EROFS" as const),
        async (failures, counts, end, fault) => {
          const machine = newMachine();
          machine.log.fault = fault;
          const acknowledged: string[] = [];
          let log: Log | null = null;
          let planned = [...failures];
          let number = 0;
          const plan = (): void => {
            const next = planned.shift();
            let left = next?.after ?? Number.POSITIVE_INFINITY;
            machine.log.trouble = () => (left-- > 0 ? "none" : (next?.kind ?? "none"));
          };
          plan();
          for (const count of counts) {
            try {
              log ??= await openOn(machine);
            } catch (error) {
              expect(error).toMatchObject({ message: expect.stringContaining(fault) });
              plan();
              continue;
            }
            const names = Array.from({ length: count }, () => String(number++));
            const results = await Promise.allSettled(names.map((name) => (log as Log).append(note(name), { name })));
            for (const [at, result] of results.entries()) {
              if (result.status === "rejected") continue;
              expect(result.value).toBe(acknowledged.length);
              acknowledged.push(names[at] ?? "");
            }
            try {
              await log.checkpoint();
            } catch {
              plan();
              await log.recover().catch(() => {});
            }
            if (results.some(({ status }) => status === "rejected")) {
              plan();
              await log.recover().catch(() => {});
            }
          }
          planned = [];
          machine.log.trouble = () => "none";
          if (end === "kill") {
            machine.log.kill();
            machine.keys.kill();
          } else {
            machine.log.losePower();
            machine.keys.losePower();
          }
          const again = await openOn(machine);
          // What was refused may be there behind what was acknowledged; what was acknowledged must be, in order.
          expect((await whys(again)).slice(0, acknowledged.length)).toEqual(acknowledged);
          await again.close();
          expect((await verifyOn(machine)).kind).toBe("verified");
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("an interrupted write", () => {
  test("is dropped wherever it was torn, and everything before it stays", async () => {
    const machine = newMachine();
    const log = await openOn(machine);
    await appendMany(log, 20);
    const [journal = ""] = machine.log.paths().filter((path) => path.startsWith("journal/"));
    const before = machine.log.bytes(journal)?.length ?? 0;
    await appendMany(log, 3, 20);
    const whole = Uint8Array.from(machine.log.bytes(journal) ?? []);
    expect(whole.length).toBeGreaterThan(before + 500);
    for (let length = before; length <= whole.length; length += 1) {
      const torn = copyOf(machine);
      torn.log.put(journal, whole.slice(0, length));
      const again = await openOn(torn);
      expect(again.size, `torn at ${length} of ${whole.length}`).toBe(length === whole.length ? 23 : 20);
      if (length % 97 === 0) expect(await whys(again)).toEqual(counted(20));
    }
  });

  test("leaves zeros or old sectors behind, and is dropped just the same", async () => {
    const machine = newMachine();
    const log = await openOn(machine);
    await appendMany(log, 20);
    const [journal = ""] = machine.log.paths().filter((path) => path.startsWith("journal/"));
    const before = machine.log.bytes(journal)?.length ?? 0;
    await appendMany(log, 10, 20);
    const whole = Uint8Array.from(machine.log.bytes(journal) ?? []);
    for (let sector = before - (before % 512); sector < whole.length; sector += 512) {
      const torn = copyOf(machine);
      torn.log.put(journal, whole.slice().fill(0, Math.max(sector, before), sector + 512));
      expect((await openOn(torn)).size).toBe(20);
    }
  });

  test("in the middle of the journal is no interruption: records behind it were acknowledged", async () => {
    const machine = newMachine();
    const log = await openOn(machine);
    await appendMany(log, 5);
    await appendMany(log, 5, 5);
    const [journal = ""] = machine.log.paths().filter((path) => path.startsWith("journal/"));
    const whole = Uint8Array.from(machine.log.bytes(journal) ?? []);
    const cut = copyOf(machine);
    cut.log.put(journal, whole.with(100, (whole[100] ?? 0) ^ 1));
    await expect(openOn(cut)).rejects.toMatchObject({ code: "log-damaged" });
  });
});

/** Another disk is at the place of the log's. */
function bring(machine: LogMachine, other: LogMachine): void {
  for (const path of machine.log.paths()) machine.log.erase(path);
  for (const path of other.log.paths()) machine.log.put(path, other.log.bytes(path) ?? new Uint8Array());
}
