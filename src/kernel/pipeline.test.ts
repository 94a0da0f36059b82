import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  action,
  decisionInput,
  evaluator,
  grant,
  INSTANCE,
  NOW,
  REQUEST,
  subject,
  tool,
} from "../../test/fakes/kernel.ts";
import type { Action, Proposal } from "./action.ts";
import type { Consent } from "./consent.ts";
import { KernelFault, type KernelFaultCode } from "./fault.ts";
import type { Grant } from "./grant.ts";
import { DAYS, type Hours } from "./hours.ts";
import type { JsonObject } from "./json.ts";
import * as pipeline from "./pipeline.ts";
import {
  approve,
  decide,
  isTicket,
  redeem,
  select,
  validate,
  type Approval,
  type Approved,
  type Current,
  type Decided,
  type DecideInput,
  type DriverState,
  type Selected,
  type Staged,
  type Ticket,
  type ValidateInput,
  type Validated,
} from "./pipeline.ts";

const PIN = `sha256:${"a".repeat(64)}`;
const START = "5".repeat(32);
const KEY = "ed25519:0123456789abcdef";
const who = { request: REQUEST, agent: "worker", instance: INSTANCE };
const proposal: Proposal = { verb: "call", driver: "files", name: "read", arguments: { path: "/workspace/a" } };
const files = tool({ labels: ["private"], fields: { path: "path" } });
const writer = tool({ risk: "reserved", fields: { path: "path" } });
const ready: Extract<DriverState, { kind: "ready" }> = {
  kind: "ready",
  pin: PIN,
  expected: PIN,
  tools: { read: files, write: writer },
  offers: (_, name) => name !== "absent",
};
const grants = [
  grant({ allow: ["read", "write", "free", "constructor"].map((name) => ({ what: `files/${name}`, where: {} })) }),
];
const policy = evaluator(grants).version;
const current: Current = { now: NOW, policy, start: START, grantsStillGood: true };

function digest(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
function value<T>(staged: Staged<T>): T {
  if (staged.kind !== "next") throw new Error(JSON.stringify(staged));
  return staged.value;
}
function brief(staged: Staged<unknown>): string {
  return staged.kind === "next" ? "next" : `${staged.kind} ${staged.stage} ${staged.code}`;
}
function fault(run: () => unknown): KernelFaultCode | "none" {
  try {
    run();
    return "none";
  } catch (error) {
    if (error instanceof KernelFault) return error.code;
    throw error;
  }
}
function decided(change: Partial<DecideInput> = {}): Decided {
  return value(decide({ proposal, who, state: "running", clock: "steady", ...change }, digest));
}
function selected(name = "read", state: DriverState = ready): Selected {
  return value(select(decided({ proposal: { ...proposal, name } }), () => state));
}
function validateInput(change: Partial<ValidateInput> = {}): ValidateInput {
  const { action: _, tool: __, ...rest } = decisionInput({ grants });
  return { ...rest, ownerAsks: false, ...change };
}
function validated(name = "read"): Validated {
  return value(validate(selected(name), validateInput()));
}
function consent(to: { digest: string }, change: Partial<Consent> = {}): Approval {
  const base = { purpose: "approve-action", decision: "allow", nonce: REQUEST, subject: to.digest } as const;
  return { kind: "consent", consent: { ...base, policy, start: START, expires: NOW + 1, key: KEY, ...change } };
}
function ticket(): Ticket {
  return redeem(value(approve(validated(), { kind: "none" }, current)));
}
/** Hands over what the type forbids, as a cast could. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says which lie
function pretend<T>(lie: unknown): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a lie on purpose
  return lie as T;
}
/** A plain object with the same fields. */
function fieldsOf(real: object): { [field: string]: unknown } {
  return Object.fromEntries(Object.entries(real));
}

describe("the whole way", () => {
  it("ends in a ticket that says all that execute needs, frozen", () => {
    const paper = ticket();
    const text = `{"agent":"worker","arguments":{"path":"/workspace/a"},"driver":"files","instance":"${INSTANCE}","name":"read","request":"${REQUEST}","v":1,"verb":"call"}`;
    expect(fieldsOf(paper)).toEqual({
      action: { v: 1, ...who, ...proposal },
      text,
      digest: digest(text),
      pin: PIN,
      risk: "observe",
      decider: { kind: "grant", grants: ["g-plain"] },
      grants: ["g-plain"],
      lease: null,
      labels: ["private"],
    });
    for (const part of [paper, paper.action, paper.action.arguments, paper.decider, paper.grants, paper.labels]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it("runs a held action on an owner's consent to exactly it", () => {
    const held = validated("write");
    expect(held.decision).toMatchObject({ kind: "held", reasons: ["reserved"] });
    const approved = value(approve(held, consent(held), current));
    expect(redeem(approved)).toMatchObject({
      risk: "reserved",
      lease: null,
      decider: { kind: "owner", key: KEY },
      grants: ["g-plain"],
    });
  });

  it("says on the ticket which lease it ran on", () => {
    const allow = [{ what: "files/write", where: { path: { under: "/workspace" } } }];
    const lease = grant({ id: "l", lease: true, limits: { uses: 1 }, allow });
    const { action: _, tool: __, ...rest } = decisionInput({ grants: [lease] });
    const passed = value(validate(selected("write"), { ...rest, ownerAsks: false }));
    expect(redeem(value(approve(passed, { kind: "none" }, current)))).toMatchObject({ lease: "l", risk: "reserved" });
  });

  it("runs what its text says, whatever becomes of the object that was proposed", () => {
    const args: { path: string } = { path: "/workspace/a" };
    const first = decided({ proposal: { ...proposal, arguments: args } });
    args.path = "/etc/shadow";
    const second = value(select(first, () => ready));
    const paper = redeem(value(approve(value(validate(second, validateInput())), { kind: "none" }, current)));
    expect(paper.action.arguments).toEqual({ path: "/workspace/a" });
    expect(paper.text).toContain('"/workspace/a"');
    expect(paper.digest).toBe(digest(paper.text));
  });

  it("keeps the tool's class as it was when the driver was selected", () => {
    const labels: ("private" | "untrusted")[] = ["private"];
    const tools = { read: { ...files, labels } };
    const second = selected("read", { ...ready, tools });
    labels.pop();
    tools.read = { ...tools.read, risk: "stage" };
    expect(second.tool.labels).toEqual(["private"]);
    expect(second.risk).toBe("observe");
  });
});

describe("decide", () => {
  const run = (change: Partial<DecideInput>): Staged<Decided> =>
    decide({ proposal, who, state: "running", clock: "steady", ...change }, digest);

  it("takes nothing from an instance that does not run, nor while nobody knows the time", () => {
    expect(brief(run({}))).toBe("next");
    for (const state of ["frozen", "ended", "terminal"] as const)
      expect(brief(run({ state }))).toBe("stopped decide instance-stopped");
    expect(brief(run({ clock: "jumped" }))).toBe("stopped decide clock-jumped");
  });

  it("refuses malformed proposals, and repeats nothing of them", () => {
    expect(brief(run({ proposal: { ...proposal, driver: "No" } }))).toBe("stopped decide malformed");
    expect(brief(run({ proposal: pretend({ ...proposal, approved: true }) }))).toBe("stopped decide malformed");
    expect(brief(run({ proposal: { ...proposal, name: "re\u0430d" } }))).toBe("stopped decide not-canonical");
    const painted = run({ proposal: { ...proposal, name: "\u001b[2Japproved" } });
    expect(JSON.stringify(painted)).not.toContain("approved");
    expect(brief(run({ who: { ...who, instance: "i-1" } }))).toBe("stopped decide malformed");
  });

  it("takes up an action that was held only as the same request of the same instance", () => {
    const held: Action = action({ arguments: { path: "/workspace/a" } });
    expect(brief(run({ proposal: held }))).toBe("next");
    for (const change of [{ request: "f".repeat(32) }, { agent: "other" }, { instance: "i-ffffffffffffffff" }]) {
      expect(brief(run({ proposal: { ...held, ...change } })), JSON.stringify(change)).toBe("stopped decide malformed");
    }
  });

  it("refuses to go on with a digest that is none", () => {
    expect(fault(() => decide({ proposal, who, state: "running", clock: "steady" }, () => "sha256:short"))).toBe(
      "bad-digest",
    );
  });
});

describe("select", () => {
  const run = (state: DriverState, change: Partial<Proposal> = {}): Staged<Selected> =>
    select(decided({ proposal: { ...proposal, ...change } }), () => state);

  it("stops at a driver that is not there, not itself, or not as it was signed for", () => {
    expect(brief(run(ready))).toBe("next");
    expect(brief(run({ kind: "unknown" }))).toBe("stopped select unknown-tool");
    expect(brief(run({ kind: "shadowed" }))).toBe("stopped select shadowed-driver");
    expect(brief(run({ kind: "quarantined" }))).toBe("stopped select quarantined");
    expect(brief(run({ kind: "unpublished" }))).toBe("stopped select publisher-unknown");
    expect(brief(run({ kind: "unavailable" }))).toBe("stopped select driver-unavailable");
    expect(brief(run({ ...ready, pin: `sha256:${"b".repeat(64)}` }))).toBe("stopped select pin-changed");
    expect(brief(run({ ...ready, pin: "", expected: "" }))).toBe("stopped select pin-changed");
    expect(brief(run(ready, { name: "absent" }))).toBe("stopped select unknown-tool");
  });

  it("ends whoever calls the substrate, before any driver is asked", () => {
    let asked = 0;
    const outcome = select(decided({ proposal: { ...proposal, driver: "aios", name: "set_approval_mode" } }), () => {
      asked++;
      return ready;
    });
    expect(outcome).toEqual({ kind: "terminal", stage: "select", code: "control-verb", by: "C1-control" });
    expect(asked).toBe(0);
  });

  it("takes a tool without a class as reserved, also when its name is one of every object", () => {
    expect(selected("free").risk).toBe("reserved");
    expect(selected("constructor").risk).toBe("reserved");
    expect(selected("__proto__").risk).toBe("reserved");
    expect(selected("read").risk).toBe("observe");
  });

  it("takes reads and prompts as what they are, whatever a tool of that name may do", () => {
    expect(value(run(ready, { verb: "read", name: "write" })).tool).toMatchObject({
      risk: "observe",
      labels: ["untrusted", "private"],
    });
    expect(value(run(ready, { verb: "prompt", name: "write" })).tool).toMatchObject({
      risk: "observe",
      labels: ["untrusted"],
    });
  });
});

describe("validate", () => {
  it("names what decided as the rule, the grant or the lack of one that it is", () => {
    const said = (change: Partial<ValidateInput>): string => {
      const stopped = validate(selected(), validateInput(change));
      return stopped.kind === "stopped" ? (/\(.*\)$/.exec(stopped.message)?.[0] ?? stopped.message) : stopped.kind;
    };
    const rules = { permits: [], forbids: ["no-reads"], errors: [] };
    const broken = { permits: [], forbids: [], errors: [{ rule: "odd", effect: "forbid" as const }] };
    const answers = (answer: ReturnType<ValidateInput["evaluator"]["evaluate"]>): Partial<ValidateInput> => ({
      evaluator: { version: "", evaluate: () => answer },
    });
    expect(said(answers(rules))).toBe("(rule no-reads)");
    expect(said(answers(broken))).toBe("(rule odd)");
    expect(said({ now: Number.MAX_SAFE_INTEGER })).toBe("(grant g-plain)");
    expect(said({ grants: new Map() })).toBe("(none of worker's)");
    expect(said({ evaluator: { version: "", evaluate: () => pretend<never>(null) } })).toBe("(the policy engine)");
  });

  it("says of a grant that waits when it is in force", () => {
    const hours: Hours = { zone: "+01:00", windows: [{ days: ["sat"], from: 480, to: 540 }] };
    const waiting = (limits: Partial<Grant["limits"]>): ReadonlyMap<string, Grant> =>
      new Map([["g-plain", grant({ limits: { expires: NOW + 30 * 86_400_000, ...limits } })]]);
    const said = (limits: Partial<Grant["limits"]>): string => {
      const stopped = validate(selected(), validateInput({ grants: waiting(limits), now: NOW }));
      return stopped.kind === "stopped" ? stopped.message : stopped.kind;
    };
    expect(said({ hours })).toMatch(
      /none of the hours in which the grant is in force \(grant g-plain\): in force from sat \d{4}-\d\d-\d\d 08:00 on, by the clock of \+01:00$/,
    );
    const never: Hours = { zone: "UTC", windows: [{ days: [...DAYS], from: 0, to: 1 }] };
    expect(said({ hours: never, expires: NOW + 60_000 })).toMatch(/: its hours do not come before it ends, or not in /);
    expect(said({ notBefore: NOW + 60_000 })).toMatch(
      /not valid yet \(grant g-plain\): in force from [a-z]{3} .* by the clock of UTC$/,
    );
    expect(said({ expires: NOW })).toMatch(/\(grant g-plain\)$/);
  });

  it("passes on what the decision says", () => {
    expect(brief(validate(selected(), validateInput()))).toBe("next");
    const denied = validate(selected(), validateInput({ grants: new Map() }));
    expect(denied).toEqual({
      kind: "stopped",
      stage: "validate",
      code: "no-grant",
      by: "worker",
      proposal: {
        agents: ["worker"],
        allow: [{ what: "files/read", where: { path: { equals: "/workspace/a" } } }],
        lease: false,
      },
      message: "Cannot call files/read: no grant allows this (none of worker's)",
    });
    expect(brief(validate(selected(), validateInput({ ownPaths: ["/workspace"] })))).toBe(
      "terminal validate prohibited",
    );
    expect(value(validate(selected(), validateInput({ ownerAsks: true }))).decision).toMatchObject({
      kind: "held",
      reasons: ["owner-asked"],
    });
  });

  it("does not decide for another's chain", () => {
    expect(fault(() => validate(selected(), validateInput({ chain: [subject({ agent: "boss" })] })))).toBe(
      "wrong-chain",
    );
  });
});

describe("approve", () => {
  it("stops what is held when no owner answered", () => {
    expect(brief(approve(validated("write"), { kind: "none" }, current))).toBe("stopped approve hold-expired");
  });

  it("stops on a consent that differs in any one part, for held and granted actions alike", () => {
    const misfits: readonly (readonly [Partial<Consent>, string])[] = [
      [{ purpose: "sign-grant" }, "wrong-purpose"],
      [{ subject: PIN }, "wrong-subject"],
      [{ nonce: "f".repeat(32) }, "stale-statement"],
      [{ policy: PIN }, "stale-statement"],
      [{ start: "6".repeat(32) }, "stale-statement"],
      [{ expires: NOW }, "stale-statement"],
      [{ decision: "deny" }, "denied-by-owner"],
    ];
    for (const name of ["write", "read"]) {
      expect(brief(approve(validated(name), consent(validated(name)), current))).toBe("next");
      for (const [change, code] of misfits) {
        const given = validated(name);
        expect(brief(approve(given, consent(given, change), current)), JSON.stringify(change)).toBe(
          `stopped approve ${code}`,
        );
      }
    }
  });

  it("stops when a grant was revoked or the rules moved meanwhile, consent or not", () => {
    for (const name of ["read", "write"]) {
      for (const [change, code] of [
        [{ grantsStillGood: false }, "revoked"],
        [{ policy: PIN }, "moved"],
      ] as const) {
        const given = validated(name);
        expect(brief(approve(given, consent(given), { ...current, ...change }))).toBe(`stopped approve ${code}`);
      }
    }
    expect(brief(approve(validated(), { kind: "none" }, { ...current, grantsStillGood: false }))).toBe(
      "stopped approve revoked",
    );
  });

  it("does not take the consent to one action for another", () => {
    const one = validated("write");
    const other = value(
      validate(
        value(
          select(
            decided({ proposal: { ...proposal, name: "write", arguments: { path: "/workspace/b" } } }),
            () => ready,
          ),
        ),
        validateInput(),
      ),
    );
    expect(brief(approve(other, consent(one), current))).toBe("stopped approve wrong-subject");
  });
});

describe("stages cannot be gone round", () => {
  it("uses every value once, whatever came of it", () => {
    const first = decided();
    value(select(first, () => ready));
    expect(fault(() => select(first, () => ready))).toBe("used-twice");
    const unlucky = decided();
    select(unlucky, () => ({ kind: "unknown" }));
    expect(fault(() => select(unlucky, () => ready))).toBe("used-twice");
    const crashed = decided();
    expect(() =>
      select(crashed, () => {
        throw new Error("lookup");
      }),
    ).toThrow("lookup");
    expect(fault(() => select(crashed, () => ready))).toBe("used-twice");
    const second = selected();
    validate(second, validateInput({ grants: new Map() }));
    expect(fault(() => validate(second, validateInput()))).toBe("used-twice");
    const third = validated("write");
    approve(third, { kind: "none" }, current);
    expect(fault(() => approve(third, consent(third), current))).toBe("used-twice");
    const fourth = value(approve(validated(), { kind: "none" }, current));
    redeem(fourth);
    expect(fault(() => redeem(fourth))).toBe("used-twice");
  });

  it("takes no value of another stage", () => {
    expect(fault(() => redeem(pretend<Approved>(decided())))).toBe("forged");
    expect(fault(() => redeem(pretend<Approved>(selected())))).toBe("forged");
    expect(fault(() => redeem(pretend<Approved>(validated("write"))))).toBe("forged");
    expect(fault(() => approve(pretend<Validated>(selected()), { kind: "none" }, current))).toBe("forged");
    expect(fault(() => validate(pretend<Selected>(decided()), validateInput()))).toBe("forged");
    expect(
      fault(() => select(pretend<Decided>(value(approve(validated(), { kind: "none" }, current))), () => ready)),
    ).toBe("forged");
    expect(fault(() => redeem(pretend<Approved>(ticket())))).toBe("forged");
  });

  it("does not even type-check to pass another stage's value, or one made by hand", () => {
    // @ts-expect-error -- a decided action is not approved
    expect(fault(() => redeem(decided()))).toBe("forged");
    // @ts-expect-error -- a validated action is not approved
    expect(fault(() => redeem(validated()))).toBe("forged");
    // @ts-expect-error -- a selected action is not validated
    expect(fault(() => approve(selected(), { kind: "none" }, current))).toBe("forged");
    const look = { action: action(), digest: PIN, risk: "observe", decider: { kind: "owner", key: KEY } } as const;
    // @ts-expect-error -- an object of the same look is no stage's value
    expect(fault(() => redeem(look))).toBe("forged");
    // @ts-expect-error -- nor is one of a ticket's look a ticket
    const paper: Ticket = Object.assign({}, fieldsOf(ticket()));
    expect(isTicket(paper)).toBe(false);
  });

  it("takes nothing that was made by hand, copied, proxied or inherited", () => {
    const real = value(approve(validated(), { kind: "none" }, current));
    const inherited: unknown = Object.create(real);
    const mimicked: unknown = Object.create(Object.getPrototypeOf(real));
    for (const lie of [
      null,
      undefined,
      1,
      "approved",
      {},
      [],
      fieldsOf(real),
      structuredClone({ action: real.action }),
      new Proxy(real, {}),
      inherited,
      mimicked,
    ]) {
      expect(fault(() => redeem(pretend<Approved>(lie)))).toBe("forged");
    }
    expect(isTicket(redeem(real))).toBe(true);
  });

  it("lets nobody construct a value through a value's own class", () => {
    const facts = { stage: "approved", action: action(), text: "", digest: PIN };
    for (const real of [
      decided(),
      selected(),
      validated(),
      value(approve(validated(), { kind: "none" }, current)),
      ticket(),
    ]) {
      const made = pretend<{ constructor: new (...args: unknown[]) => unknown }>(real).constructor;
      for (const key of [undefined, Symbol("stage"), Symbol.for("stage"), KEY]) {
        expect(fault(() => new made(key, facts))).toBe("forged");
        expect(fault(() => Reflect.construct(made, [key, facts]))).toBe("forged");
      }
      expect(() => Object.assign(Object.getPrototypeOf(real), { action: 1 })).toThrow(TypeError);
      expect(() => Object.defineProperty(Object.getPrototypeOf(real), "digest", { value: PIN })).toThrow(TypeError);
    }
  });

  it("lets nobody change what is looked at", () => {
    const held = validated("write");
    expect(() => Object.assign(held.decision, { kind: "granted" })).toThrow(TypeError);
    expect(() => Object.assign(held.action, { name: "read" })).toThrow(TypeError);
    expect(() => Object.assign(held, { decision: { kind: "granted" } })).toThrow(TypeError);
    expect(() => Object.assign(pretend<{ facts: object }>(held).facts, { decision: null })).toThrow(TypeError);
    expect(brief(approve(held, { kind: "none" }, current))).toBe("stopped approve hold-expired");
  });

  it("exports functions and types, and no class", () => {
    expect(Object.keys(pipeline).toSorted()).toEqual(["approve", "decide", "isTicket", "redeem", "select", "validate"]);
  });

  it("gives no ticket in any order of steps but the one, and one ticket for one decide", () => {
    const step = fc.constantFrom("select", "validate", "approve", "redeem");
    const way = ["select", "validate", "approve", "redeem"];
    fc.assert(
      fc.property(fc.array(step, { maxLength: 10 }), (steps) => {
        let held: unknown = decided();
        let at = 0;
        let tickets = 0;
        for (const name of steps) {
          const expected = name === way[at];
          const code = fault(() => {
            if (name === "select") held = value(select(pretend<Decided>(held), () => ready));
            else if (name === "validate") held = value(validate(pretend<Selected>(held), validateInput()));
            else if (name === "approve") held = value(approve(pretend<Validated>(held), { kind: "none" }, current));
            else held = redeem(pretend<Approved>(held));
          });
          expect(code).toBe(expected ? "none" : "forged");
          if (expected) at++;
          if (expected && name === "redeem") tickets++;
        }
        expect(tickets).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("has one digest for one text, and shows the same at every stage", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer())), (args: JsonObject) => {
        const first = decided({ proposal: { ...proposal, name: "free", arguments: args } });
        const { digest: sum } = first;
        const second = value(select(first, () => ready));
        const third = value(validate(second, validateInput()));
        const fourth = value(approve(third, consent(third), current));
        expect([first.digest, second.digest, third.digest, fourth.digest, redeem(fourth).digest]).toEqual([
          sum,
          sum,
          sum,
          sum,
          sum,
        ]);
      }),
    );
  });
});

it("is fast: a whole way costs far less than a durable write", () => {
  const engine = evaluator(grants);
  const input = validateInput({ evaluator: engine });
  const sum = digest("fixed");
  const way = (): Ticket => {
    const first = value(decide({ proposal, who, state: "running", clock: "steady" }, () => sum));
    const second = value(select(first, () => ready));
    return redeem(value(approve(value(validate(second, input)), { kind: "none" }, current)));
  };
  for (let round = 0; round < 3000; round++) way();
  const times = Array.from({ length: 2000 }, () => {
    const from = performance.now();
    way();
    return (performance.now() - from) * 1000;
  }).toSorted((left, right) => left - right);
  // Measured: about 25 µs. The faster tenth is compared, and with room, since other work may share the machine.
  expect(times[200]).toBeLessThan(100);
});
