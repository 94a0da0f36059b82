import { describe, expect, test } from "vitest";
import * as fc from "fast-check";
import { randomBytes } from "node:crypto";
import type { JsonObject } from "../../src/kernel/json.ts";
import { RESTARTED } from "../../src/monitor/reducer.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { createSigner } from "../../src/platform/keys/signer.ts";
import { sealEnvelope } from "../../src/protocol/dsse.ts";
import { keyId } from "../../src/protocol/statement.ts";
import { ownerDocument } from "../e2e/substrate.ts";
import { INSTANCE, judge, key, owner, World } from "./approval-world.ts";

/*
 * The approval protocol against a model: random programs of proposals, answers (one, two at once, stale, for another
 * action), expiries, revocations, failing writes and restarts. Whatever the order:
 *
 * - nothing reserved runs without an owner's yes to exactly that action that is in the log before it runs,
 * - nothing runs twice, nothing runs after a no, an expiry or a revocation,
 * - every effect has its intent in the log first,
 * - a held action is settled once, or still held,
 * - whoever answered is told the number of the record that keeps the answer.
 */

type Step =
  | { readonly kind: "propose"; readonly tool: "look" | "burn" }
  | { readonly kind: "answer"; readonly which: number; readonly decision: "allow" | "deny"; readonly times: number }
  | { readonly kind: "expire"; readonly which: number }
  | { readonly kind: "replay-stale"; readonly which: number }
  | { readonly kind: "cross"; readonly which: number }
  | { readonly kind: "fail-write"; readonly when: "before" | "after" }
  | { readonly kind: "recover" | "revoke" | "grant" | "restart" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("propose" as const),
      tool: fc.constantFrom("look" as const, "burn" as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("answer" as const),
      which: fc.nat(5),
      decision: fc.constantFrom("allow" as const, "deny" as const),
      times: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("expire" as const), which: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("replay-stale" as const), which: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cross" as const), which: fc.nat(5) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("fail-write" as const),
      when: fc.constantFrom("before" as const, "after" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("recover" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("revoke" as const, "grant" as const, "restart" as const) }),
  },
);

async function play(world: World, steps: readonly Step[]): Promise<void> {
  let tag = 0;
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const heldAt = (which: number) => [...world.journal.state.held.values()][which];
  for (const one of steps) {
    switch (one.kind) {
      case "propose": {
        const proposal = {
          verb: "call" as const,
          driver: "notes",
          name: one.tool,
          arguments: { tag: `${one.tool}-${tag++}` },
        };
        world.answers.push(world.conduct.propose(world.live, proposal, tag));
        break;
      }
      case "answer": {
        const held = heldAt(one.which);
        if (held === undefined) break;
        const document: JsonObject = JSON.parse(held.text);
        const statement = await world.statements.prepare("approve-action", document);
        const envelope = sealEnvelope({ ...statement, decision: one.decision, key }, owner);
        world.stale.push({ envelope, document });
        // At once, and not one after the other.
        const answers = await Promise.allSettled(
          Array.from({ length: one.times }, () => world.statements.submit(envelope, document)),
        );
        for (const answer of answers) {
          if (answer.status === "rejected") continue;
          // The number that a person is told is that of the record that keeps the answer.
          const kept = world.kept.find(({ record }) => record.seq === answer.value)?.record;
          expect(kept).toMatchObject({ action: held.digest });
          expect(one.decision === "allow" ? ["approved", "denied"] : ["denied"]).toContain(kept?.kind);
        }
        break;
      }
      case "expire":
        world.timers[one.which]?.();
        break;
      case "replay-stale": {
        const old = world.stale[one.which];
        if (old !== undefined) await world.statements.submit(old.envelope, old.document).catch(() => {});
        break;
      }
      case "cross": {
        const [from, to] = [world.stale[one.which], heldAt(0)];
        if (from !== undefined && to !== undefined)
          await world.statements.submit(from.envelope, JSON.parse(to.text)).catch(() => {});
        break;
      }
      case "fail-write":
        world.log.failNext(one.when);
        break;
      case "recover":
        await world.log.recover();
        break;
      case "revoke": {
        const [first] = world.journal.state.active.keys();
        if (first !== undefined) await world.sign("revoke-grant", { grant: first }).catch(() => {});
        break;
      }
      case "grant":
        await world.grant().catch(() => {});
        break;
      case "restart":
        await world.start().catch((error: unknown) => {
          // Only the write that was told to fail may fail a start.
          if (!(error instanceof Error && error.message === "log-unavailable")) throw error;
          return world.start();
        });
        break;
    }
    await settle();
  }
  await settle();
}

describe("the approval protocol", () => {
  test("keeps its promises in every random program", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const world = new World();
        await world.start();
        await world.grant();
        await play(world, steps);
        judge(world);
      }),
      { numRuns: 400 },
    );
  });

  test("twin: with the check of the answer taken out, the judge finds it", async () => {
    const world = new World();
    await world.start();
    await world.grant();
    await play(world, [{ kind: "propose", tool: "burn" }]);
    const [held] = world.journal.state.held.values();
    if (held === undefined) throw new Error("nothing is held");
    // What an implementation without the protocol would do: run it because somebody asked.
    world.effects.push({
      digest: (JSON.parse(held.text) as { arguments: { tag: string } }).arguments.tag,
      at: world.kept.length,
    });
    expect(() => judge(world)).toThrow(/without an intent/);
  });

  test("a yes runs a held action once, a restart in between asks again and loses nothing", async () => {
    const world = new World();
    await world.start();
    await world.grant();
    await play(world, [
      { kind: "propose", tool: "burn" },
      { kind: "restart" },
      { kind: "answer", which: 0, decision: "allow", times: 3 },
      { kind: "replay-stale", which: 0 },
    ]);
    expect(world.live.state.why).toBe(RESTARTED);
    const ends = world.kept.filter(({ record }) => record.kind === "instance-ended").map(({ record }) => record);
    expect(ends).toMatchObject([{ instance: INSTANCE, why: RESTARTED, exit: null }]);
    await world.start();
    expect(world.kept.filter(({ record }) => record.kind === "instance-ended").length).toBe(1);
    expect(world.effects.length).toBe(1);
    expect(world.journal.state.held.size).toBe(0);
  });

  test("attack: whoever is removed while their yes waits for a driver has said none; twin: the action still waits for others", async () => {
    const world = new World();
    await world.start();
    await world.grant();
    await play(world, [{ kind: "propose", tool: "burn" }]);
    const leaver = createSigner(randomBytes(32));
    await world.sign("enrol-owner", ownerDocument("leaver", leaver, ["approve"]));
    const [held] = world.journal.state.held.values();
    const document = JSON.parse(held?.text ?? "") as JsonObject;
    const draft = await world.statements.prepare("approve-action", document);
    const id = keyId(leaver.publicKey, createCrypto().sha256);
    const yes = sealEnvelope({ ...draft, decision: "allow", key: id }, leaver);
    world.opening = () => world.sign("remove-owner", { owner: id });
    await expect(world.statements.submit(yes, document)).rejects.toThrow(/wrong-role/);
    expect([world.effects, world.journal.state.held.size]).toEqual([[], 1]);
    expect(world.kept.some(({ record }) => record.kind === "approved")).toBe(false);
    world.opening = () => Promise.resolve();
    await world.sign("approve-action", document);
    expect([world.effects.length, world.journal.state.held.size]).toEqual([1, 0]);
    judge(world);
  });

  test("a change of the rules after a restart ends what is no longer allowed, and starts no server for what waits", async () => {
    const world = new World();
    await world.start();
    await world.grant();
    await play(world, [
      { kind: "propose", tool: "burn" },
      { kind: "propose", tool: "burn" },
    ]);
    const reconsider = async (): Promise<void> => {
      for (const held of world.journal.state.held.values()) await world.conduct.reconsider(world.live, held);
    };
    world.opened = 0;
    await reconsider();
    expect([world.opened, world.journal.state.held.size]).toEqual([2, 2]);
    await world.start();
    world.opened = 0;
    await reconsider();
    expect([world.opened, world.journal.state.held.size]).toEqual([0, 2]);
    await play(world, [{ kind: "revoke" }]);
    await reconsider();
    expect([world.opened, world.journal.state.held.size]).toEqual([0, 0]);
    judge(world);
  });
});
