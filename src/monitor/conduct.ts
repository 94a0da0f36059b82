import { endingOfDenial, noteOutcome } from "../kernel/breaker.ts";
import { type Action, actionText, type Proposal } from "../kernel/action.ts";
import { REASONS, type Stage } from "../kernel/codes.ts";
import type { HoldReason } from "../kernel/decision.ts";
import { noteHeld, noteTooMany } from "../kernel/flood.ts";
import type { Risk } from "../kernel/grant.ts";
import { MEMORY_DRIVER } from "../kernel/memory.ts";
import { actionSource } from "../kernel/memory-sources.ts";
import { approve, decide, redeem, select, type Ticket, validate, type Validated } from "../kernel/pipeline.ts";
import type { Staged } from "../kernel/staged.ts";
import { toHex } from "../protocol/bytes.ts";
import type { Decider, RecordBody } from "../protocol/record.ts";
import type { Outcome } from "../protocol/requests.ts";
import {
  type ActionPart,
  describeProposal,
  type Ended,
  freezeOpen,
  type Halted,
  readAction,
  stoppedOutcome,
  unanswered,
  unavailable,
} from "./action-ends.ts";
import { heldUntil, stoppedByAbsence } from "./away.ts";
import { jsonView } from "./json-view.ts";
import type { RunningDriver } from "./driver-pool.ts";
import type { Envelope } from "../protocol/statement.ts";
import { type Asked, type Conduct, type ConductPorts, lookupFor, OWN_TOKENS, type Passing } from "./conduct-ports.ts";
import { DriverLate, execute, whatOf } from "./execute.ts";
import { Refusal } from "./faults.ts";
import { refuseFrozenYes } from "./frozen-yes.ts";
import { untilGrantsEnd } from "./lasting.ts";
import { createDraw } from "./log/draw.ts";
import { AUDIT_FAILED, isFrozenForLog, LOG_UNAVAILABLE } from "./log-freeze.ts";
import { RESTARTED } from "./reducer.ts";
import { isHoldAsked, stoppedBy, subjectChain } from "./subjects.ts";
import { createTimeLimit } from "./time-limit.ts";

/** A driver has this long to answer one action. */
const RUN_MS = 120_000;
/** Random bytes of the number that names an action, in hex. */
const REQUEST_BYTES = 16;

type Passed =
  | { readonly kind: "ticket"; readonly ticket: Ticket }
  | { readonly kind: "held"; readonly validated: Validated }
  | Halted;

export function createConduct(ports: ConductPorts): Conduct {
  const settling = new Set<string>();
  const draw = createDraw(ports.powers.random);
  const limit = createTimeLimit({ clock: ports.clock, timer: ports.powers.timer }, RUN_MS);
  let ownTokens = OWN_TOKENS;

  /** Decide to redeem in one turn of the loop: nothing can move in between. */
  function pass(
    asked: Asked,
    proposal: Proposal | Action,
    { approval, lookup = lookupFor(ports, approval) }: Passing,
  ): Passed {
    const { live, request, what } = asked;
    const { state } = live;
    const evaluator = ports.evaluator();
    const step = <T>(stage: Stage, staged: Staged<T>): Staged<T> => {
      const verdict = staged.kind === "next" ? "passed" : staged.kind === "terminal" ? "terminal" : "denied";
      ports.emit({ instance: state.instance, request, what, stage, verdict });
      return staged;
    };
    const stopped = stoppedBy(ports.journal.state, state);
    if (stopped !== null && (state.life === "running" || state.why === RESTARTED)) {
      const message = `Cannot ${what}: ${REASONS["instance-stopped"]} (${stopped})`;
      return { kind: "stopped", stage: "decide", code: "instance-stopped", by: stopped, proposal: null, message };
    }
    const decided = step(
      "decide",
      decide(
        {
          proposal,
          who: { request, agent: state.agent, instance: state.instance },
          // A held action outlives a restart of the monitor, its asker does not (docs/CONTRACTS.md).
          state: state.why === RESTARTED && ports.journal.state.held.has(request) ? "running" : state.life,
          clock: ports.trusted.state(),
        },
        ports.digest,
      ),
    );
    if (decided.kind !== "next") return decided;
    const selected = step("select", select(decided.value, lookup(live)));
    if (selected.kind !== "next") return selected;
    const validated = validate(selected.value, {
      chain: subjectChain(ports.journal.state, state, { request, waiting: live.waiting }),
      grants: ports.journal.state.active,
      usage: ports.journal.state.usage,
      evaluator,
      digest: ports.digest,
      now: ports.now(),
      ownPaths: ports.ownPaths,
      ...ports.facts(live, selected.value.action.driver),
      ownerAsks: isHoldAsked(ports.journal.state, state),
    });
    step("validate", validated);
    if (validated.kind !== "next") return validated;
    if (validated.value.decision.kind === "held" && approval.kind === "none") {
      ports.emit({ instance: state.instance, request, what, stage: "approve", verdict: "held" });
      return { kind: "held", validated: validated.value };
    }
    const grantsStillGood = validated.value.decision.grants.every((id) => ports.journal.state.active.has(id));
    const approved = step(
      "approve",
      approve(validated.value, approval, {
        now: ports.now(),
        policy: evaluator.version,
        start: ports.start,
        grantsStillGood,
      }),
    );
    if (approved.kind !== "next") return approved;
    return { kind: "ticket", ticket: redeem(approved.value) };
  }

  function baseOf(asked: Asked, part: { digest: string; risk: Risk }): ActionPart {
    const { state } = asked.live;
    return {
      instance: state.instance,
      agent: state.agent,
      ancestry: state.ancestry,
      action: part.digest,
      what: asked.what,
      risk: part.risk,
      labels: state.labels,
      policy: ports.evaluator().version,
    };
  }

  async function halt(
    asked: Asked,
    halted: Halted,
    proposed: { digest: string; risk: Risk; text: string; by?: Decider; envelope?: Envelope; uncounted?: boolean },
  ): Promise<Outcome> {
    return (await record(asked, halted, proposed)).outcome;
  }

  /** The same, with the number of the record of the denial: null when there is none. */
  async function record(...[asked, halted, proposed]: Parameters<typeof halt>): Promise<Ended> {
    const { live } = asked;
    if (halted.kind === "terminal") {
      await ports.climbed(live, { code: halted.code, by: halted.by, what: asked.what, action: proposed.text });
      return { outcome: stoppedOutcome(halted, null), seq: null };
    }
    const by: Decider = proposed.by ?? { kind: "rule", rule: halted.by };
    const body: RecordBody = { kind: "denied", stage: halted.stage, code: halted.code, by, ...baseOf(asked, proposed) };
    // What is denied for standing still says nothing about a way out.
    if (proposed.uncounted !== true && !isFrozenForLog(live.state))
      live.breaker = noteOutcome(live.breaker, endingOfDenial(asked.what, halted.code), ports.now());
    if (halted.code === "too-many-held") live.asking = noteTooMany(live.asking);
    const outcome = stoppedOutcome(halted, halted.proposal);
    const signed = proposed.envelope === undefined ? {} : { envelope: jsonView(proposed.envelope) };
    const payload = { action: proposed.text, ...signed };
    let seq: number;
    try {
      seq = await ports.journal.write(body, payload);
    } catch {
      // The denial stands; that it could not be recorded stops the instance, as every failed audit does.
      ports.journal.owe(body, payload);
      await ports.freeze(live, AUDIT_FAILED);
      return { outcome, seq: null };
    }
    await stopProbing(live);
    return { outcome, seq };
  }

  /** Freezes what probes for a way out or floods people with questions; nobody is left to answer the flood. */
  async function stopProbing(live: Asked["live"]): Promise<void> {
    await freezeOpen(live, ports);
    if (!live.asking.flood) return;
    for (const request of live.waiting.keys()) await api.release(live, request, "held-flood");
  }

  async function run(asked: Asked, ticket: Ticket, driver: RunningDriver): Promise<Outcome> {
    const { live } = asked;
    const policy = ports.evaluator().version;
    // As its labels before the call: it may give words before it is done. Memory names what it gives itself.
    const source = actionSource(asked.what, ticket.action);
    if (driver.name !== MEMORY_DRIVER) live.seen.name(source);
    const recorded = execute(
      {
        ticket,
        driver,
        token: asked.token,
        ancestry: live.state.ancestry,
        labels: live.state.labels,
        policy,
        stillGood: () => {
          if (stoppedBy(ports.journal.state, live.state) !== null) return "instance-stopped";
          if (ports.evaluator().version !== policy) return "moved";
          if (ports.journal.state.quarantined.has(ticket.pin)) return "quarantined";
          return ticket.grants.every((id) => ports.journal.state.active.has(id)) ? null : "revoked";
        },
        limit: (promise) => {
          const cancel = (): void => void driver.peer.request("cancel", { token: asked.token }).catch(() => {});
          if (driver.lasting !== null) return untilGrantsEnd(promise, { grants: ticket.grants, cancel, ports });
          return limit(promise, () => {
            cancel();
            return new DriverLate("the driver did not answer in time");
          });
        },
      },
      ports,
    );
    const { token, waits = false } = asked;
    live.running.set(token, { driver, token, grants: ticket.grants, waits, recorded });
    const executed = await recorded;
    live.running.delete(asked.token);
    ports.emit({
      instance: live.state.instance,
      request: asked.request,
      what: asked.what,
      stage: "execute",
      verdict: executed.kind === "done" ? "done" : "failed",
    });
    if (executed.kind === "done") {
      const attacked = driver.lasting?.attacked(executed.result) === true;
      live.breaker = noteOutcome(live.breaker, attacked ? "denied" : "done", ports.now());
      await freezeOpen(live, ports);
      live.seen[driver.name === MEMORY_DRIVER ? "keep" : "add"](`${source} #${executed.intent}`, executed.text);
      const { request, what } = asked;
      ports.emit({ instance: live.state.instance, request, what, stage: "audit", verdict: "recorded" });
      return { kind: "done", result: executed.result };
    }
    if (executed.code === LOG_UNAVAILABLE) await ports.freeze(live, AUDIT_FAILED);
    return { kind: "stopped", stage: "execute", code: executed.code, message: executed.message, proposal: null };
  }

  async function hold(asked: Asked, validated: Validated): Promise<Outcome> {
    const { live, request } = asked;
    const { decision } = validated;
    const reasons: readonly HoldReason[] = decision.kind === "held" ? decision.reasons : ["owner-asked"];
    const [now, span] = [ports.now(), live.state.holdSeconds * 1000];
    const absent = stoppedByAbsence(ports.journal.state, now);
    if (absent !== null) {
      live.asking = noteHeld(live.asking, now); // who asks too much is frozen, whether anybody is there or not
      const { digest, risk, action } = validated;
      return await halt(asked, absent, { digest, risk, text: actionText(action), uncounted: true });
    }
    const expires = heldUntil(ports.journal.state, { now, span });
    return new Promise<Outcome>((resolve) => {
      const release = (): void => void api.release(live, request, "hold-expired");
      const cancelTimer = ports.powers.timer.after(expires - now, release);
      // Counted from this turn on, so that a flood cannot outrun the bound while records are being written.
      live.waiting.set(request, { token: asked.token, answer: resolve, cancelTimer });
      live.asking = noteHeld(live.asking, ports.now());
      const base = baseOf(asked, { digest: validated.digest, risk: validated.risk });
      ports.journal
        .write({ kind: "held", reasons, expires, ...base }, { request, action: actionText(validated.action) })
        .then(
          () => {
            // Taken back, or the instance gone, while the record was being written: it must not stay held.
            if (!live.waiting.has(request) || live.state.life !== "running")
              void api.release(live, request, live.asking.flood ? "held-flood" : "withdrawn");
            else live.face?.port.held(asked.token);
            void stopProbing(live);
          },
          () => {
            cancelTimer();
            live.waiting.delete(request);
            resolve(
              stoppedOutcome({ stage: "approve", code: LOG_UNAVAILABLE, message: REASONS[LOG_UNAVAILABLE] }, null),
            );
          },
        );
    });
  }

  const api: Conduct = {
    async propose(live, proposal, token, waits = false) {
      const asked: Asked = { live, request: toHex(draw(REQUEST_BYTES)), what: whatOf(proposal), token, waits };
      const haltAs = (halted: Halted): ReturnType<typeof halt> =>
        halt(asked, halted, describeProposal(proposal, { request: asked.request, digest: ports.digest }));
      try {
        const driver = live.state.life === "running" ? await ports.openDriver(live, proposal.driver) : null;
        const passed = pass(asked, proposal, { approval: { kind: "none" } });
        if (passed.kind === "held") return await hold(asked, passed.validated);
        if (passed.kind === "ticket" && driver !== null) return await run(asked, passed.ticket, driver);
        return await haltAs(passed.kind === "ticket" ? unavailable() : passed);
      } catch (error) {
        // ERRORS-DENY: a fault of ours in any stage is a denial, never a way through.
        const message = error instanceof Error ? error.message : "unknown fault";
        return haltAs({ ...unavailable(), code: "malformed", stage: "decide", by: `fault: ${message}` });
      }
    },

    async settle(live, { held, consent, envelope, recheck }) {
      if (settling.has(held.request))
        throw new Refusal("unknown-request", "That action is being settled already.", "Look at `aios approvals list`.");
      refuseFrozenYes(ports.journal.state, { acting: live.state, consent });
      settling.add(held.request);
      try {
        const waiting = live.waiting.get(held.request);
        waiting?.cancelTimer();
        const asked: Asked = { live, request: held.request, what: held.what, token: waiting?.token ?? ++ownTokens };
        const owner: Decider = { kind: "owner", key: consent.key };
        const action = readAction(held.text);
        const driver = consent.decision === "allow" ? await ports.openDriver(live, action.driver) : null;
        // Again, in the turn that decides: a driver takes its time to start.
        refuseFrozenYes(ports.journal.state, { acting: live.state, consent });
        recheck();
        const passed = pass(asked, action, { approval: { kind: "consent", consent } });
        let ended: Ended;
        if (passed.kind === "ticket" && driver !== null) {
          const base = baseOf(asked, { digest: held.digest, risk: held.risk });
          const statement = ports.digest(envelope.payload);
          const body: RecordBody = { kind: "approved", by: owner, statement, ...base };
          const seq = await ports.journal.write(body, { envelope: jsonView(envelope) });
          ended = { seq, outcome: await run(asked, passed.ticket, driver) };
        } else {
          const halted = passed.kind === "stopped" || passed.kind === "terminal" ? passed : unavailable();
          const { digest, risk, text } = held;
          ended = await record(asked, halted, { digest, risk, text, by: owner, envelope });
        }
        live.waiting.delete(held.request);
        waiting?.answer(ended.outcome);
        if (ended.seq === null)
          throw new Refusal("log-unavailable", "The answer left no record of its own.", "Look at `aios log show`.");
        return ended.seq;
      } finally {
        settling.delete(held.request);
        // Neither run nor denied, because the log failed: it is still held, and still ends by itself.
        if (ports.journal.state.held.has(held.request)) {
          const left = Math.max(0, held.expires - ports.now());
          ports.powers.timer.after(left, () => void api.release(live, held.request, "hold-expired"));
        }
      }
    },

    async reconsider(live, held) {
      // What stands still is decided anew when it goes on, and at the latest when it is answered.
      if (settling.has(held.request) || stoppedBy(ports.journal.state, live.state) !== null) return;
      settling.add(held.request);
      try {
        const waiting = live.waiting.get(held.request);
        const asked: Asked = { live, request: held.request, what: held.what, token: waiting?.token ?? ++ownTokens };
        const action = readAction(held.text);
        // After a restart nobody waits for it: it runs when a human says so, and not before. So no driver is started either: there
        // may be thousands, each for an instance of its own.
        const gone = live.state.why === RESTARTED;
        const driver = gone ? null : await ports.openDriver(live, action.driver);
        if (!ports.journal.state.held.has(held.request)) return;
        const passed = pass(asked, action, { approval: { kind: "none" }, lookup: gone ? ports.signed : ports.lookup });
        if (passed.kind === "held") return;
        // A driver that cannot be had for now is no reason to end what a human was asked.
        if (passed.kind === "ticket" ? driver === null : passed.code === "driver-unavailable") return;
        waiting?.cancelTimer();
        const { digest, risk, text } = held;
        const outcome =
          passed.kind === "ticket" && driver !== null
            ? await run(asked, passed.ticket, driver)
            : await halt(asked, passed.kind === "ticket" ? unavailable() : passed, {
                digest,
                risk,
                text,
                uncounted: true,
              });
        live.waiting.delete(held.request);
        waiting?.answer(outcome);
      } finally {
        settling.delete(held.request);
      }
    },

    async release(live, request, code) {
      if (settling.has(request)) return;
      const held = ports.journal.state.held.get(request);
      if (held === undefined) {
        // Its record is still being written; `hold` sees that nobody waits any more and ends it then.
        const early = live.waiting.get(request);
        early?.cancelTimer();
        live.waiting.delete(request);
        early?.answer(stoppedOutcome({ stage: "approve", code }, null));
        return;
      }
      settling.add(request);
      try {
        const waiting = live.waiting.get(request);
        waiting?.cancelTimer();
        live.waiting.delete(request);
        const asked: Asked = { live, request, what: held.what, token: 0 };
        ports.emit({ instance: held.instance, request, what: held.what, stage: "approve", verdict: "denied" });
        // Who takes back what it asked, or ends, was refused nothing. Written also when nobody waits for it any more.
        const by: Decider = { kind: "monitor", why: code };
        const part = { digest: held.digest, risk: held.risk, text: held.text, by, uncounted: code === "withdrawn" };
        const outcome = await halt(asked, unanswered(code, "monitor"), part);
        waiting?.answer(outcome);
      } finally {
        settling.delete(request);
      }
    },
  };
  return api;
}
