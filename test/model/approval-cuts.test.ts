import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/kernel/json.ts";
import { sealEnvelope } from "../../src/protocol/dsse.ts";
import type { Envelope } from "../../src/protocol/statement.ts";
import { judge, key, owner, World } from "./approval-world.ts";

/*
 * A monitor that is killed in the middle of an approval, at every moment that there is: before each durable write, after it,
 * before the effect and after it. Then another start over the same log. Nothing runs twice, nothing runs that nobody signed for,
 * nothing is forgotten: what has no intent still waits and runs once when it is signed for anew.
 */

interface Answered {
  readonly envelope: Envelope;
  readonly document: JsonObject;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const kinds = (world: World, kind: string) => world.kept.filter(({ record }) => record.kind === kind);

async function begin(): Promise<World> {
  const world = new World();
  await world.start();
  await world.grant();
  return world;
}

/** Has the agent ask; resolves when it is held. */
async function ask(world: World, tag: string): Promise<void> {
  const proposal = { verb: "call" as const, driver: "notes", name: "burn", arguments: { tag } };
  void world.conduct.propose(world.live, proposal, world.answers.length);
  await turn();
}

async function sign(world: World, decision: "allow" | "deny"): Promise<readonly Answered[]> {
  return Promise.all(
    [...world.journal.state.held.values()].map(async ({ text }) => {
      const document: JsonObject = JSON.parse(text);
      const statement = await world.statements.prepare("approve-action", document);
      return { envelope: sealEnvelope({ ...statement, decision, key }, owner), document };
    }),
  );
}

/** Kills this start of the monitor when so many moments of some work have passed, and starts the next over the same log. */
async function killAfter(world: World, count: number, work: () => Promise<unknown>): Promise<"killed" | "done"> {
  const cut = Promise.withResolvers<"killed">();
  let passed = 0;
  world.moments.pass = () => {
    passed += 1;
    if (passed <= count) return Promise.resolve();
    cut.resolve("killed");
    return new Promise(() => {});
  };
  const ended = await Promise.race([cut.promise, work().then(() => "done" as const)]);
  await turn();
  await world.start();
  return ended;
}

/** Everything that must hold after a start; then what still waits is signed for anew, and runs once. */
async function holdsAfter(world: World, { tags, signed, decision }: Promised): Promise<void> {
  const before = world.effects.length;
  for (const { envelope, document } of signed) await world.statements.submit(envelope, document).catch(() => {});
  expect(world.effects.length, "an answer of an earlier start runs nothing").toBe(before);
  const [intents, outcomes] = [kinds(world, "intent"), kinds(world, "outcome")];
  expect(outcomes.length, "every intent has its outcome").toBe(intents.length);
  const waits = world.journal.state.held.size;
  const over = decision === "deny" ? kinds(world, "denied").length : intents.length;
  expect(waits + over, "nothing is forgotten").toBe(tags);
  if (decision === "deny") expect(world.effects).toEqual([]);
  for (const { envelope, document } of await sign(world, "allow")) await world.statements.submit(envelope, document);
  expect(world.effects.length - before, "what waited runs, once").toBe(waits);
  judge(world);
}

interface Promised {
  /** Actions that were asked for. */
  readonly tags: number;
  readonly signed: readonly Answered[];
  readonly decision: "allow" | "deny";
}

/** Kills at each moment in turn until there is none left; how many there were. */
async function atEveryMoment(story: (moment: number) => Promise<"killed" | "done">): Promise<number> {
  for (let moment = 0; moment < 100; moment++) if ((await story(moment)) === "done") return moment;
  throw new Error("it has no end");
}

describe("a monitor that is killed", () => {
  test.each([
    { what: "with the agent waiting", restarted: false, decision: "allow", tags: 1, moments: 8 },
    { what: "with the agent gone since a restart", restarted: true, decision: "allow", tags: 1, moments: 8 },
    { what: "with two approved at once", restarted: false, decision: "allow", tags: 2, moments: 16 },
    { what: "while a no is taken down", restarted: false, decision: "deny", tags: 1, moments: 2 },
  ] as const)("at any moment of an answer, $what", async ({ restarted, decision, tags, moments }) => {
    const found = await atEveryMoment(async (moment) => {
      const world = await begin();
      for (let tag = 0; tag < tags; tag++) await ask(world, `burn-${tag}`);
      if (restarted) await world.start();
      const signed: Answered[] = [];
      const ended = await killAfter(world, moment, async () => {
        signed.push(...(await sign(world, decision)));
        await Promise.all(signed.map(({ envelope, document }) => world.statements.submit(envelope, document)));
      });
      await holdsAfter(world, { tags, signed, decision });
      return ended;
    });
    expect(found).toBe(moments);
  });

  test("at any moment of the question: it waits, or nobody was asked", async () => {
    const found = await atEveryMoment(async (moment) => {
      const world = await begin();
      const ended = await killAfter(world, moment, async () => {
        await ask(world, "burn-0");
        await turn();
      });
      expect(world.journal.state.held.size).toBe(kinds(world, "held").length);
      await holdsAfter(world, { tags: kinds(world, "held").length, signed: [], decision: "allow" });
      return ended;
    });
    expect(found).toBe(2);
  });

  test("twin: over a log that says that it has written before it has, something runs twice", async () => {
    const story = async (moment: number): Promise<"killed" | "done"> => {
      const world = await begin();
      await ask(world, "burn-0");
      const signed = await sign(world, "allow");
      const { log } = world;
      const append = log.append.bind(log);
      log.append = (...entry) => {
        void turn()
          .then(turn)
          .then(turn)
          .then(() => append(...entry)); // as a cache would, a little later
        return Promise.resolve(log.size);
      };
      const ended = await killAfter(world, moment, () =>
        Promise.all(signed.map(({ envelope, document }) => world.statements.submit(envelope, document))),
      );
      await holdsAfter(world, { tags: 1, signed, decision: "allow" });
      return ended;
    };
    await expect(atEveryMoment(story)).rejects.toThrow(/ran twice|without an intent|forgotten/);
  });
});
