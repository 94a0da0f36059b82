import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { JsonObject } from "../../src/kernel/json.ts";
import { Refusal } from "../../src/monitor/faults.ts";
import { MemoryFault } from "../../src/monitor/memory/fault.ts";
import type { Content } from "../../src/protocol/memory-content.ts";
import { signedSnapshot } from "../fakes/frozen.ts";
import { signedItem } from "../../src/protocol/frozen-item.ts";
import { contentOf } from "../fakes/memory-export.ts";
import { bringIn, OTHER_LOG } from "../fakes/memory-import.ts";
import { signClock, signMemory } from "../fakes/memory-signed.ts";
import { AGENT, BRIEF, INSTANCE, MemoryWorld, OWN } from "../fakes/memory-world.ts";
import { compare, Model, THEIRS } from "./memory-model.ts";
import { STEP, type Step } from "./memory-steps.ts";
import { ModelClock } from "./model-clock.ts";

/*
 * MEMORY-KEEPS-ITS-RULES: memory over a log, keys and a database that outlive it, against the plainest model of its planes
 * (memory-model.ts). Random programs keep, import, read, list, search, erase, freeze, set budgets, put into quarantine and take
 * out of it, all by the statements and records by which a monitor does it, while clocks are set forward and back and drift, the
 * machine sleeps, the log fails, sweeps are cut off, the database is lost, the home is restored, and the process is killed.
 * Whatever the order:
 *
 * - what was acknowledged and neither ended nor was erased is read word for word, is listed and is found, and nothing else is,
 * - what ended or was erased is never read again, by any clock, and after a sweep its key is in no epoch that is left,
 * - of a snapshot the newest version that was signed is given and no other, after any start; none that was withheld,
 * - what was imported is as if it had been kept here, and never comes in a second time,
 * - no budget that stands is passed, and the log agrees with every key, seal and index.
 *
 * `npm run proof:memory-model` runs thousands of programs.
 */

const OTHER = "i-00000000000000ff";
const SOURCE = "web/fetch";
const SOURCES = [SOURCE, `import:${OTHER_LOG}`];

async function runProgram(steps: readonly Step[]): Promise<void> {
  const world = new MemoryWorld();
  const model = new Model(world);
  const imported: Content[] = [];
  try {
    await world.start();
    for (const what of ["append-only", "ephemeral"] as const) await setBudget(what, { bytes: 10_000, count: 12 });
    for (const [number, step] of steps.entries()) {
      model.clock.tick(world);
      await take(step, number);
      await compare(world, model);
      if (step.do === "sweep" || step.do === "crash") await verify();
    }
    await verify();
  } finally {
    world.end();
  }

  async function verify(): Promise<void> {
    expect(await world.memory.store.verify()).toMatchObject({ damaged: [], file: [] });
  }

  async function take(step: Step, number: number): Promise<void> {
    switch (step.do) {
      case "keep":
        return keep(step, number);
      case "keep-of-another": {
        const text = `note${number} word${step.words}`;
        const entry = await world.keep(text, null, { agent: THEIRS.agent });
        know(entry, { of: THEIRS, text, expires: null, instance: INSTANCE, sources: [] });
        return;
      }
      case "import":
        return importOne(step, number);
      case "pass":
        world.pass(step.seconds * 1000);
        return;
      case "suspend":
        world.suspend(step.seconds * 1000);
        return;
      case "drift":
        world.wall += step.millis;
        return;
      case "set-wall":
        world.wall += step.days * 86_400_000;
        return;
      case "believe":
        await signClock(world);
        model.clock.believe(world);
        return;
      case "sweep":
        return sweep(step.failing);
      case "erase":
        return erase(step.which);
      case "budget":
        return setBudget(step.what, step);
      case "quarantine": {
        const taken = { by: step.by, value: valueOf(step) };
        await world.journal.write({ kind: "memory-quarantined", ...taken });
        if (!isThere(taken)) model.quarantines = [...model.quarantines, taken];
        return;
      }
      case "release": {
        const back = { by: step.by, value: valueOf(step) };
        await signs("release-memory", back, isThere(back) ? null : "bad-document");
        model.quarantines = model.quarantines.filter(({ by, value }) => by !== back.by || value !== back.value);
        return;
      }
      case "freeze": {
        const version = (model.snapshots.get(step.name)?.version ?? 0) + step.above;
        const items = [{ path: "SOUL.md", text: `soul${number} word${step.words}` }];
        return freeze({ agent: AGENT, name: step.name, version, items });
      }
      case "freeze-entry":
        return freezeEntry(step);
      case "freeze-again": {
        // One that was signed before, handed in once more.
        const before = model.signed[step.which % Math.max(1, model.signed.length)];
        return before === undefined ? undefined : freeze(before);
      }
      case "fail-log":
        return failLog(step, number);
      case "crash":
        world.crash();
        if (step.loses) world.lose();
        world.pass(step.down * 1000);
        world.wall += (step.set ?? 0) * 86_400_000;
        return start();
      case "restore":
        world.crash();
        world.appendAsOwner({ kind: "restored", size: world.kept.length, known: world.kept.length });
        for (const each of model.known.values()) if (each.of.plane === "ephemeral") each.state = "gone";
        for (const each of model.snapshots.values()) each.withheld = true;
        return start();
      default:
        step satisfies never;
    }
  }

  async function start(): Promise<void> {
    model.clock = new ModelClock(world, world.newest());
    await world.start();
    expect(world.journal.state.memory.unsettled).toEqual([]);
  }

  function know(entry: number, more: Omit<Parameters<typeof model.known.set>[1], "state">): void {
    // A number is used once in a home, and in order.
    expect(Math.max(-1, ...model.known.keys())).toBeLessThan(entry);
    model.known.set(entry, { ...more, state: "there" });
  }

  async function keep(step: Extract<Step, { do: "keep" }>, number: number): Promise<void> {
    const text = `note${number} word${step.words}${step.long ? " and so on".repeat(9) : ""}`;
    const of = step.ttl === null ? OWN : BRIEF;
    const instance = step.other ? OTHER : INSTANCE;
    const sources = step.sourced ? [SOURCE] : [];
    const room = model.hasRoom(of, text);
    const kept = await world.keep(text, step.ttl, { instance, sources }).catch((error: unknown) => error);
    if (typeof kept !== "number") expect(kept).toBeInstanceOf(MemoryFault);
    expect([typeof kept, room]).toEqual([room ? "number" : "object", room]);
    if (typeof kept !== "number") return;
    const expires = step.ttl === null ? null : model.clock.now + step.ttl * 1000;
    know(kept, { of, text, expires, instance, sources });
  }

  async function importOne(step: Extract<Step, { do: "import" }>, number: number): Promise<void> {
    const before = imported[step.again ?? imported.length];
    const text = `note${number} word${step.words}`;
    const of = step.ttl === null ? OWN : BRIEF;
    const room = model.hasRoom(of, text);
    const expires = step.ttl === null ? null : model.clock.now + step.ttl * 1000;
    const content = before ?? contentOf(text, { ...of, expires, instance: INSTANCE, sources: [] });
    const refused = await bringIn(world, [content]).catch((error: unknown) => error);
    if (refused !== undefined) expect(refused).toBeInstanceOf(Refusal);
    // What was here once never comes in again, whatever became of it.
    expect(refused === undefined).toBe(before === undefined && room);
    if (refused !== undefined) return;
    imported.push(content);
    const body = world.kept.at(-1)?.record;
    const entry = body?.kind === "memory-kept" ? body.entry : -1;
    know(entry, { of, text, expires, instance: INSTANCE, sources: [`import:${OTHER_LOG}`] });
  }

  async function sweep(failing: string | null): Promise<void> {
    world.failing = failing;
    const swept = await world.memory.store.sweep().then(
      () => true,
      () => false,
    );
    world.failing = null;
    model.sweep();
    if (swept) expect(world.journal.state.memory.unsettled).toEqual([]);
    else expect(failing).not.toBeNull();
  }

  async function erase(which: number): Promise<void> {
    const entry = [...model.known.keys()][which % Math.max(1, model.known.size)] ?? which;
    const each = model.known.get(entry);
    await signs("erase-memory", { entries: [entry] }, each?.state === "there" ? null : "nothing-to-erase");
    if (each !== undefined) each.state = "gone";
  }

  async function setBudget(
    what: "append-only" | "ephemeral",
    { bytes, count }: { readonly bytes: number; readonly count: number },
  ): Promise<void> {
    await signs("set-memory-budget", { agent: AGENT, what, bytes, count }, null);
    model.budgets.set(`${AGENT}/${what}`, { bytes, count });
  }

  async function freeze(document: JsonObject): Promise<void> {
    const read = signedSnapshot({ ...document, version: 1 });
    const { name } = read;
    const version = Number(document["version"]);
    const floor = model.snapshots.get(name)?.version ?? 0;
    const [item] = read.items;
    const from = item?.from?.entry ?? null;
    const refused =
      version < 1 ? "bad-document" : version <= floor ? "older-version" : mayFreeze(from) ? null : "memory";
    await signs("freeze-memory", document, refused);
    if (refused !== null) return;
    model.signed.push(document);
    model.snapshots.set(name, { version, text: item?.text ?? "", from, withheld: false });
  }

  /** Nothing is frozen to get round its end, its plane or a quarantine. */
  function mayFreeze(entry: number | null): boolean {
    if (entry === null) return true;
    const of = model.known.get(entry)?.of;
    return of?.agent === AGENT && of.plane === "append-only" && model.isReadable(entry);
  }

  async function freezeEntry({ name, which }: Extract<Step, { do: "freeze-entry" }>): Promise<void> {
    const entry = [...model.known.keys()][which % Math.max(1, model.known.size)] ?? which;
    const draft = await world.memory.freezing
      .draft({ agent: AGENT, name, entries: [entry] })
      .catch((error: unknown) => error);
    if (!mayFreeze(entry)) return expect(draft).toMatchObject({ code: "memory" });
    const { version, salt, items } = draft as Awaited<ReturnType<typeof world.memory.freezing.draft>>;
    await freeze({ agent: AGENT, name, version, salt, items: items.map(signedItem) });
  }

  async function failLog({ when, ends }: Extract<Step, { do: "fail-log" }>, number: number): Promise<void> {
    const text = `refused${number} word1`;
    if (!model.hasRoom(OWN, text)) return;
    world.log.failNext(when);
    await expect(world.keep(text)).rejects.toThrow();
    // What was on its way is refused too, until the log works again.
    await expect(world.journal.write({ kind: "memory-quarantined", by: "entry", value: "0" })).rejects.toThrow();
    if (!ends) return world.log.recover();
    world.crash();
    const body = world.kept.at(-1)?.record;
    // Nobody was told of it, and yet it is there: a log that failed may have written.
    if (when === "after" && body?.kind === "memory-kept")
      know(body.entry, { of: OWN, text, expires: null, instance: INSTANCE, sources: [] });
    await start();
  }

  /** An owner signs; it is taken, or refused with this code, and then nothing is written. */
  async function signs(
    purpose: Parameters<typeof signMemory>[1],
    document: JsonObject,
    refused: string | null,
  ): Promise<void> {
    const size = world.kept.length;
    const given = await signMemory(world, purpose, document).then(
      () => null,
      (error: unknown) => (error instanceof Refusal ? error.code : error),
    );
    expect([purpose, given]).toEqual([purpose, refused]);
    if (refused !== null) expect(world.kept).toHaveLength(size);
  }

  function isThere(taken: { readonly by: string; readonly value: string }): boolean {
    return model.quarantines.some(({ by, value }) => by === taken.by && value === taken.value);
  }

  function valueOf({ by, which }: { readonly by: string; readonly which: number }): string {
    if (by === "instance") return OTHER;
    return by === "source" ? (SOURCES[which % 2] ?? SOURCE) : String(which % 12);
  }
}

test(
  "MEMORY-KEEPS-ITS-RULES: no program, clock, failure or crash breaks a rule of a plane",
  { timeout: 3_600_000 },
  async () => {
    const programs = Number(process.env["AIOS_MEMORY_PROGRAMS"] ?? 10);
    const steps = fc.array(STEP, { minLength: 10, maxLength: programs > 10 ? 60 : 30, size: "max" });
    await fc.assert(fc.asyncProperty(steps, runProgram), { numRuns: programs, unbiased: true });
  },
);
