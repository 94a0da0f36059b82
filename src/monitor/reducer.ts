import { decodeProvider } from "../kernel/infer.ts";
import { settleSpent } from "../kernel/limits.ts";
import { decodeGrant } from "../kernel/grant-decoder.ts";
import { mergeLabels } from "../kernel/labels.ts";
import { STAGES, type Stage } from "../kernel/codes.ts";
import type { JsonObject, JsonValue } from "../kernel/json.ts";
import { changePublishers, decodePublisherChange } from "../protocol/publishers.ts";
import { decodeSecondScreen } from "../protocol/second-screen.ts";
import { decodeTelemetry } from "../protocol/telemetry-setting.ts";
import type { RecordBody } from "../protocol/record.ts";
import { applyRecovery } from "./recovery-state.ts";
import { applyAway } from "./away-state.ts";
import { applyExtension } from "./extensions/extension-state.ts";
import { dropGrant, putGrant, releaseDrivers } from "./grant-state.ts";
import { isFrozenForLog } from "./log-freeze.ts";
import { applyOwner, noteSignCount } from "./owner-state.ts";
import { actuallySpent, spentIn } from "../protocol/spent.ts";
import { explainErased } from "./erased-counts.ts";
import { applyRetention } from "./retention-state.ts";
import { applyMemory } from "./memory/memory-state.ts";
import { applyRestored } from "./restored-state.ts";
import { applySecret } from "./secret-state.ts";
import { StateFault } from "./state-fault.ts";
import { countUse } from "./uses.ts";
import { applyWitness } from "./witness-state.ts";
import type { State } from "./state.ts";

export { StateFault } from "./state-fault.ts";

/** One durable record with its payload opened. */
export interface Applied {
  readonly seq: number;
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  readonly body: RecordBody;
  readonly payload: JsonObject | null;
  /** Replays count the uses of a grant; a live monitor counted them before it wrote the intent. */
  readonly replay: boolean;
}

/** Instances kept in memory after their end; older ones are in the log. */
const ENDED_KEPT = 1000;

/**
 * Takes one record into the state: the only function that changes it.
 * Deterministic; throws StateFault on what cannot be. Signatures in payloads are checked by the caller.
 */
export function applyRecord(state: State, { seq, at, body, payload, replay }: Applied): void {
  state.highWater = Math.max(state.highWater, at);
  noteSignCount(state, payload);
  switch (body.kind) {
    case "start":
      for (const instance of state.instances.values()) {
        if (instance.life === "running" || instance.life === "frozen") {
          instance.why = instance.life === "running" ? RESTARTED : FROZEN_AT_RESTART;
          instance.life = "ended";
          state.cutOff.add(instance.instance);
        }
      }
      return;
    case "owner-enrolled":
    case "owner-removed":
    case "owner-signed-in":
    case "owner-recovered":
      return applyOwner(state, { seq, at, body, document: payload?.["document"] ?? null });
    case "recovery-set":
    case "recovery-begun":
    case "recovery-stopped":
      return applyRecovery(state, { seq, at, body, document: payload?.["document"] ?? null });
    case "grant-signed": {
      const decoded = decodeGrant(objectAt(seq, payload, "document"));
      if (decoded.kind !== "ok") throw new StateFault(seq, `grant "${body.grant}" does not decode: ${decoded.message}`);
      putGrant(state, { seq, grant: decoded.value, key: body.key });
      return releaseDrivers(state, decoded.value);
    }
    case "grant-revoked":
      return dropGrant(state, { seq, id: body.grant });
    case "away-begun":
    case "away-ended":
      return applyAway(state, { seq, at, body, document: payload?.["document"] ?? null });
    case "policy-set":
      state.policyText = textAt(seq, objectAt(seq, payload, "document"), "text");
      return;
    case "instance-started": {
      const start = payload ?? fail(seq, "the payload is gone");
      state.instances.set(body.instance, {
        instance: body.instance,
        agent: body.agent,
        ancestry: body.ancestry,
        workspace: start["workspace"] === null ? null : textAt(seq, start, "workspace"),
        strict: start["strict"] === true,
        holdAt: listAt(seq, start, "holdAt").filter(isStage),
        holdSeconds: typeof start["holdSeconds"] === "number" ? start["holdSeconds"] : 0,
        words: listAt(seq, start, "words").filter((word) => typeof word === "string"),
        since: at,
        life: "running",
        why: null,
        exit: null,
        labels: [],
        done: 0,
        denied: 0,
      });
      forgetOldest(state);
      return;
    }
    case "instance-ended": {
      state.cutOff.delete(body.instance);
      const instance = state.instances.get(body.instance);
      if (instance !== undefined && instance.life !== "terminal") {
        instance.life = "ended";
        instance.why = body.why;
        instance.exit = body.exit;
      }
      return;
    }
    case "instance-frozen": {
      const instance = state.instances.get(body.instance);
      // A freeze for the log gives way to any other, so that only its own reason lifts what is left.
      if (instance?.life === "running" || (instance !== undefined && isFrozenForLog(instance))) {
        instance.life = "frozen";
        instance.why = body.code;
      }
      return;
    }
    case "instance-resumed": {
      const instance = state.instances.get(body.instance);
      if (instance !== undefined && isFrozenForLog(instance)) {
        instance.life = "running";
        instance.why = null;
      }
      return;
    }
    case "instance-thawed": {
      const instance = state.instances.get(body.instance);
      if (instance?.life === "frozen") {
        instance.life = "running";
        instance.why = null;
      }
      return;
    }
    case "hold-asked":
    case "hold-lifted": {
      const instance = state.instances.get(body.instance);
      if (instance !== undefined) instance.holdAt = body.kind === "hold-asked" ? body.stages : [];
      return;
    }
    case "all-frozen":
      state.allFrozen = { record: seq };
      return;
    case "all-thawed":
      state.allFrozen = null;
      for (const instance of state.instances.values()) {
        if (instance.life !== "frozen" || instance.why !== ALL_FROZEN) continue;
        instance.life = "running";
        instance.why = null;
      }
      return;
    case "terminal": {
      state.tombstones.set(body.agent, { code: body.code, instance: body.instance });
      const instance = state.instances.get(body.instance);
      if (instance !== undefined) {
        instance.life = "terminal";
        instance.why = body.code;
      }
      return;
    }
    case "agent-restarted":
      state.tombstones.delete(body.agent);
      return;
    case "home-put":
      state.sealed.set(body.agent, (state.sealed.get(body.agent) ?? new Map()).set(body.path, body.digest));
      return;
    case "extension-attested":
      state.attested.set(body.extension, body.provenance);
      return;
    case "extension-published":
      state.published.set(body.extension, body.publication);
      return;
    case "extension-added":
    case "extension-quarantined":
    case "extension-removed":
      if (body.kind === "extension-quarantined") state.barred.set(body.extension, body.why);
      if (body.kind === "extension-removed") {
        state.attested.delete(body.extension);
        state.published.delete(body.extension);
      }
      return applyExtension(state.extensions, at, body);
    case "labelled": {
      // What a delegate read reaches its delegator by its answer, so the label goes up with it.
      const labelled = state.instances.get(body.instance);
      for (const id of [body.instance, ...(labelled?.ancestry ?? [])]) {
        const instance = state.instances.get(id);
        if (instance !== undefined) instance.labels = mergeLabels(instance.labels, body.labels);
      }
      return;
    }
    case "driver-quarantined":
      state.quarantined.set(body.pin, { found: body.found, since: at, record: seq });
      return;
    case "denied": {
      state.held.delete(state.held.ofAction(body.action)?.request ?? "");
      const instance = state.instances.get(body.instance);
      if (instance !== undefined) instance.denied += 1;
      return;
    }
    case "held": {
      // Only what waits no more can be erased.
      if (payload === null && replay) return;
      const opened = payload ?? fail(seq, "the payload is gone");
      const request = textAt(seq, opened, "request");
      state.held.set(request, {
        record: seq,
        request,
        instance: body.instance,
        agent: body.agent,
        what: body.what,
        text: textAt(seq, opened, "action"),
        digest: body.action,
        risk: body.risk,
        reasons: body.reasons,
        since: at,
        expires: body.expires,
      });
      return;
    }
    case "intent": {
      state.held.delete(state.held.ofAction(body.action)?.request ?? "");
      const { instance, agent, ancestry, action, what, risk, labels, policy } = body;
      const grants = payload === null ? [] : listAt(seq, payload, "grants").filter((id) => typeof id === "string");
      const expected = spentIn(payload?.["spent"]);
      const spent = expected === null ? {} : { spent: expected };
      const base = { instance, agent, ancestry, action, what, risk, labels, policy };
      state.open.set(seq, { seq, ...base, grants, ...spent });
      if (replay && payload !== null) {
        const bytes = typeof payload["bytes"] === "number" ? payload["bytes"] : 0;
        countUse(state, { grants, at, bytes, ...spent });
      }
      return;
    }
    case "outcome": {
      const intent = state.open.get(body.intent);
      const expected = intent?.spent;
      const actual = expected === undefined ? null : actuallySpent(body.result, payload, expected);
      for (const id of intent?.grants ?? []) {
        const used = state.usage.get(id);
        if (used === undefined) continue;
        const counted = { ...used, bytes: used.bytes + body.bytes };
        const settled =
          expected === undefined || actual === null ? counted : settleSpent(counted, { expected, actual });
        state.usage.set(id, settled);
      }
      state.open.delete(body.intent);
      const instance = state.instances.get(body.instance);
      if (instance !== undefined) instance.done += 1;
      return;
    }
    case "secret-set":
    case "secret-rotated":
    case "secret-refreshed":
    case "secret-bound":
    case "secret-removed":
      return applySecret(state, { seq, at, body, document: payload?.["document"] ?? null });
    case "memory-kept":
    case "memory-expired":
    case "memory-erased":
    case "memory-destroyed":
    case "memory-budget-set":
    case "memory-frozen":
    case "memory-quarantined":
    case "memory-released":
    case "memory-imported":
      return applyMemory(state.memory, { seq, body, payload });
    case "provider-set": {
      const provider = decodeProvider(objectAt(seq, payload, "document"));
      if (provider.kind !== "ok") throw new StateFault(seq, `its provider does not decode: ${provider.message}`);
      state.providers.set(body.provider, provider.value);
      return;
    }
    case "payload-erased":
      state.erased.add(body.record);
      if (state.memory.snapshots.erase(body.record)) return void state.unexplained.delete(body.record);
      return explainErased(state, { seq, record: body.record, kept: payload?.["kept"] });
    case "retention-set":
    case "payloads-expired":
    case "payloads-destroyed":
      return applyRetention(state, { seq, at, body, payload });
    case "witnesses-set":
    case "witness-refused":
      return applyWitness(state, { seq, at, body, document: payload?.["document"] ?? null });
    case "telemetry-set": {
      const setting = decodeTelemetry(objectAt(seq, payload, "document"));
      if (setting.kind !== "ok") throw new StateFault(seq, `its telemetry does not decode: ${setting.message}`);
      state.telemetry = { setting: setting.value, record: seq };
      return;
    }
    case "second-screen-set": {
      const demanded = decodeSecondScreen(objectAt(seq, payload, "document"));
      if (demanded.kind !== "ok") throw new StateFault(seq, `its second screen does not decode: ${demanded.message}`);
      state.secondScreen = demanded.value.for;
      return;
    }
    case "publishers-set": {
      const change = decodePublisherChange(objectAt(seq, payload, "document"));
      if (change.kind !== "ok") throw new StateFault(seq, `its change does not decode: ${change.message}`);
      const changed = changePublishers(state.publishers, change.value);
      if (changed.kind !== "ok") throw new StateFault(seq, changed.why);
      state.publishers = changed.publishers;
      return;
    }
    case "provider-removed":
      state.providers.delete(body.provider);
      return;
    case "clock-set": {
      // The owner said which time it is; what the log believed before is set right, back too.
      const document = objectAt(seq, payload, "document");
      if (typeof document["at"] === "number") state.highWater = document["at"];
      return;
    }
    case "restored":
      return applyRestored(state, seq);
    case "stop":
    case "state-kept":
    case "backup-made":
    case "passkey-rolled-back":
    case "home-wiped":
    case "driver-pinned":
    case "driver-ended":
    case "programs-started":
    case "calls-refused":
    case "probe-observed":
    case "files-written":
    case "files-refused":
    case "files-undone":
    case "port-opened":
    case "port-closed":
    case "port-entered":
    case "port-visited":
    case "console-opened":
    case "console-closed":
    case "console-entered":
    case "console-visited":
    case "limit-reached":
    case "devices-passed":
    case "secret-not-refreshed":
    case "memory-proposed":
    case "refused":
    case "approved":
      return;
    default:
      throw new StateFault(seq, `unknown kind ${JSON.stringify(body satisfies never)}`);
  }
}

/** Why an instance ended that was running when the monitor stopped. Its held actions outlive it. */
export const RESTARTED = "monitor-restarted";
/** The same for one that was frozen then: a crash lifts no freeze, so nothing of it goes on, whoever answers. */
export const FROZEN_AT_RESTART = "frozen-at-restart";
/** Why an instance is frozen that `all-thawed` lets go on. */
export const ALL_FROZEN = "all-frozen";

function forgetOldest(state: State): void {
  if (state.instances.size <= ENDED_KEPT) return;
  for (const [id, instance] of state.instances) {
    const ended = instance.life !== "running" && instance.life !== "frozen";
    if (ended && state.held.countOf(id) === 0) {
      state.instances.delete(id);
      state.cutOff.delete(id);
      return;
    }
  }
}

function isStage(value: JsonValue): value is Stage {
  return STAGES.some((stage) => stage === value);
}

function fail(seq: number, why: string): never {
  throw new StateFault(seq, why);
}

function objectAt(seq: number, from: JsonObject | null, key: string): JsonObject {
  const value = from?.[key];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return fail(seq, `payload has no "${key}"`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- not null, not an array: an object
  return value as JsonObject;
}

function textAt(seq: number, from: JsonObject, key: string): string {
  const value = from[key];
  return typeof value === "string" ? value : fail(seq, `payload has no text "${key}"`);
}

function listAt(seq: number, from: JsonObject, key: string): readonly JsonValue[] {
  const value = from[key];
  return Array.isArray(value) ? value : fail(seq, `payload has no list "${key}"`);
}
