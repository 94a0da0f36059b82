import { expect, test } from "vitest";
import { grant } from "../../test/fakes/kernel.ts";
import type { JsonObject } from "../kernel/json.ts";
import { toBase64 } from "../protocol/bytes.ts";
import type { PublishersChange } from "../protocol/publishers.ts";
import { signedSnapshot } from "../../test/fakes/frozen.ts";
import { CRYPTO } from "../../test/fakes/open-log.ts";
import { actionBase, actionText, MOVES, RandomLog } from "../../test/fakes/random-log.ts";
import { canonicalize } from "../kernel/canonical.ts";
import { checkLimits, NO_USAGE } from "../kernel/limits.ts";
import { replayEntry, requireExplained } from "./journal.ts";
import { jsonView } from "./json-view.ts";
import { createFrozenTexts, manifestDigest } from "./memory/frozen.ts";

/*
 * Whoever restores a backup has a log that forgot what came later. Each attack is made twice: on the log of the backup as it
 * is, where it succeeds, and behind the record that every restored home has.
 */

const NOW = 1_800_000_000_000;
const AGENT = "worker";

/** The log of a home as it was when the backup was made: a lease with a use left, a hold, memory, an identity. */
function backedUp(): RandomLog {
  const log = new RandomLog();
  const key = log.by;
  const lease = grant({ id: "g-lease", agents: [AGENT], lease: true, limits: { uses: 1 } });
  const document = jsonView(lease);
  const digest = CRYPTO.digest(canonicalize(document));
  log.signed({ kind: "grant-signed", grant: lease.id, digest, key }, "sign-grant", document);
  const text = actionText(log, 0, 0);
  const waits = { kind: "held", reasons: ["reserved"], expires: NOW * 2, ...actionBase(0, text) } as const;
  log.push(waits, { request: JSON.parse(text).request, action: text });
  for (const [entry, expires] of [null, NOW * 2].entries()) {
    const plane = expires === null ? "append-only" : "ephemeral";
    const from = { agent: AGENT, by: AGENT, instance: waits.instance, labels: [], imported: null } as const;
    log.push({ kind: "memory-kept", entry, plane, digest, bytes: 1, expires, ...from });
  }
  freeze(log, 1);
  return log;
}

function freeze(log: RandomLog, version: number): void {
  const snapshot = {
    agent: AGENT,
    name: "identity",
    version,
    items: [{ path: "SOUL.md", text: `version ${version}` }],
  };
  const digest = manifestDigest(signedSnapshot(snapshot), CRYPTO);
  const body = { kind: "memory-frozen", agent: AGENT, name: "identity", version, digest, key: log.by } as const;
  log.signed(body, "freeze-memory", snapshot);
}

function restored(log: RandomLog): RandomLog {
  const size = log.kept.length;
  log.push({ kind: "restored", size, known: size });
  return log;
}

function leaseLeft({ folded: { state } }: RandomLog): boolean {
  const lease = state.active.get("g-lease");
  return (
    lease !== undefined && checkLimits(lease, state.usage.get("g-lease") ?? NO_USAGE, { now: NOW, bytes: 0 }) === null
  );
}

async function identity({ kept, folded: { state } }: RandomLog): Promise<string> {
  async function* entries(from: number, to: number) {
    yield* kept.slice(from, to);
  }
  const frozen = createFrozenTexts({ crypto: CRYPTO, log: { entries }, state });
  return frozen.read({ agent: AGENT, name: "identity", path: "SOUL.md" }).then(
    ({ text }) => text,
    (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
  );
}

test("a lease that was used up after the backup has no use again", () => {
  expect(leaseLeft(backedUp())).toBe(true);
  expect(leaseLeft(restored(backedUp()))).toBe(false);
  expect([...restored(backedUp()).folded.state.byAgent.values()].every((grants) => grants.size === 0)).toBe(true);
});

test("an action that was answered and ran after the backup waits for no answer again", () => {
  expect(backedUp().folded.state.held.size).toBe(1);
  expect(restored(backedUp()).folded.state.held.size).toBe(0);
});

test("an identity of which a newer version was frozen after the backup is not given until an owner signs again", async () => {
  expect(await identity(backedUp())).toBe("version 1");
  const log = restored(backedUp());
  expect(await identity(log)).toBe("memory-withheld");
  expect(log.folded.state.memory.snapshots.given(null)).toEqual([]);
  expect(() => freeze(log, 1)).toThrow(/is not above 1/u);
  freeze(log, 3);
  expect(await identity(log)).toBe("version 3");
});

test("what was to end has ended, and what stays stays", () => {
  const look = ({ folded: { state } }: RandomLog) => [0, 1].map((entry) => state.memory.look(entry, NOW));
  expect(look(backedUp())).toEqual(["live", "live"]);
  const log = restored(backedUp());
  expect(look(log)).toEqual(["live", "expired"]);
  expect(log.folded.state.memory.unsettled).toEqual([1]);
});

test("a recovery code that was used or void after the backup opens nothing, and nobody's recovery goes on", () => {
  const log = new RandomLog();
  log.take({ move: MOVES.findIndex(([name]) => name === "recovery"), a: 1, b: 0 });
  expect(log.folded.state.recovery.codes.size).toBeGreaterThan(0);
  expect(restored(log).folded.state.recovery).toMatchObject({ pending: null, by: null, codes: new Map() });
});

test("an intent whose payload was erased after the backup keeps no restored home from starting, and every other one", () => {
  const gone = (): RandomLog => {
    const log = backedUp();
    const seq = log.kept.length;
    const payload = { digest: CRYPTO.digest("payload"), bytes: 1 };
    const head = { v: 1, seq, at: NOW, start: "0".repeat(32), payload } as const;
    const by = { kind: "monitor", why: "x" } as const;
    const record = { ...head, kind: "intent", by, pin: CRYPTO.digest("pin"), ...actionBase(0, "x") } as const;
    replayEntry({ record, payload: null }, log.folded.state, () => undefined);
    return log;
  };
  expect(() => requireExplained(gone().folded.state)).toThrow(/no owner erased it/u);
  expect(() => requireExplained(restored(gone()).folded.state)).not.toThrow();
});

test("a rule that was lifted after the backup erases nothing, and what it erased before is still explained", () => {
  const log = backedUp();
  log.expire(false); // signs a rule
  expect(log.folded.state.retention.days).toEqual({ intent: 1, outcome: 1 });
  const { retention } = restored(log).folded.state;
  expect(retention).toMatchObject({ days: {}, record: null, ever: { intent: 1, outcome: 1 } });
});

test("a publisher who was removed after the backup is admitted no more, and nobody else's extensions run for that", () => {
  const log = new RandomLog();
  const set = (body: { readonly change: PublishersChange; readonly publisher: string | null }, document: JsonObject) =>
    log.signed({ kind: "publishers-set", ...body, key: log.by }, "set-publishers", document);
  const key = toBase64(new Uint8Array(32).fill(7));
  set({ change: "admit", publisher: "acme" }, { kind: "admit", name: "acme", key });
  set({ change: "only", publisher: null }, { kind: "only", only: true });
  expect(log.folded.state.publishers).toEqual({ only: true, admitted: new Map([["acme", key]]) });
  expect(restored(log).folded.state.publishers).toEqual({ only: true, admitted: new Map() });
});
