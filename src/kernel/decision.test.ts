import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  action,
  decisionInput,
  evaluator,
  grant,
  NOW,
  PARENT,
  subject,
  TAINTED,
  tool,
} from "../../test/fakes/kernel.ts";
import { decideAction, type Decision, type DecisionInput, type Evaluation, type Evaluator } from "./decision.ts";
import { KernelFault } from "./fault.ts";
import { LABELS, RISKS, type Allow, type Grant } from "./grant.ts";
import { DAYS, wallClock, type Hours } from "./hours.ts";
import { NO_USAGE } from "./limits.ts";

const send = tool({ risk: "reach", fields: { amount: "decimal" }, recipients: { to: "email" } });
const toBob = action({ arguments: { to: "bob@example.com", amount: 5 } });
const knowsBob = subject({ endorsed: new Set(["email:bob@example.com"]) });
const leaseToBob = grant({
  id: "l-bob",
  lease: true,
  limits: { uses: 1 },
  allow: [{ what: "files/read", where: { to: { equals: "bob@example.com" }, amount: { max: 5 } } }],
});
const parent = subject({ agent: "boss", instance: PARENT });

function decide(change: Parameters<typeof decisionInput>[0] = {}, ownerAsks = false): Decision {
  return decideAction(decisionInput(change), ownerAsks);
}
function brief(decision: Decision): string {
  switch (decision.kind) {
    case "granted":
      return `granted ${decision.risk} by ${decision.grants.join("+")}${decision.lease === null ? "" : ` on ${decision.lease}`}`;
    case "held":
      return `held ${decision.reasons.join("+")}`;
    case "denied":
    case "terminal":
      return `${decision.kind} ${decision.code} by ${decision.by}`;
  }
  return decision;
}
function answers(evaluation: Partial<Evaluation>): Evaluator {
  return { version: "sha256:x", evaluate: () => ({ permits: ["g-plain"], forbids: [], errors: [], ...evaluation }) };
}

describe("decideAction: who may", () => {
  it("denies without a grant, with the smallest one as a proposal", () => {
    expect(decide()).toEqual({ kind: "granted", risk: "observe", grants: ["g-plain"], lease: null });
    const asked = action({ arguments: { path: "/workspace/a", text: "x" } });
    expect(decide({ grants: [], action: asked, tool: tool({ fields: { path: "path" } }) })).toEqual({
      kind: "denied",
      code: "no-grant",
      by: "worker",
      proposal: {
        agents: ["worker"],
        allow: [{ what: "files/read", where: { path: { equals: "/workspace/a" } } }],
        lease: false,
      },
    });
  });

  it("proposes no lease, also where a human would be asked", () => {
    const denied = decide({ grants: [], action: toBob, tool: send });
    expect(denied).toMatchObject({ kind: "denied", proposal: { lease: false } });
    const endorsed = decide({ grants: [], action: toBob, tool: send, chain: [knowsBob] });
    expect(endorsed).toMatchObject({ kind: "denied", proposal: { lease: false } });
  });

  it("lets any forbid win over every grant, and proposes nothing against it", () => {
    expect(decide({ evaluator: answers({ forbids: ["no-reading"] }) })).toEqual({
      kind: "denied",
      code: "forbidden",
      by: "no-reading",
      proposal: null,
    });
  });

  it("denies on a forbid that errors, and takes nothing from a permit that does", () => {
    const errors = (effect: "permit" | "forbid"): Evaluation["errors"] => [{ rule: "r", effect }];
    expect(brief(decide({ evaluator: answers({ errors: errors("forbid") }) }))).toBe("denied policy-error by r");
    expect(brief(decide({ evaluator: answers({ errors: errors("permit") }) }))).toBe("granted observe by g-plain");
    expect(brief(decide({ evaluator: answers({ permits: [], errors: errors("permit") }) }))).toBe(
      "denied no-grant by worker",
    );
  });

  it("denies when the engine throws or answers in another shape", () => {
    const broken: readonly (() => unknown)[] = [
      () => {
        throw new Error("wasm trap");
      },
      () => undefined,
      () => ({ permits: ["g-plain"] }),
      () => ({ permits: ["g-plain"], forbids: null, errors: [] }),
    ];
    for (const evaluate of broken) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an engine that breaks its contract
      const engine = { version: "sha256:x", evaluate } as Evaluator;
      expect(brief(decide({ evaluator: engine }))).toBe("denied policy-error by the policy engine");
    }
  });

  it("does not take the engine's word for a grant that is gone, another's, or filed under another id", () => {
    expect(brief(decide({ evaluator: answers({ permits: ["g-revoked"] }) }))).toBe("denied no-grant by worker");
    expect(brief(decide({ grants: [grant({ agents: ["other"] })], evaluator: answers({}) }))).toBe(
      "denied no-grant by worker",
    );
    const filed = {
      ...decisionInput({ evaluator: answers({ permits: ["g-other"] }) }),
      grants: new Map([["g-other", grant()]]),
    };
    expect(brief(decideAction(filed))).toBe("denied no-grant by worker");
  });

  it("holds grants to their limits, and names the one that was used up", () => {
    const used = new Map([["g-plain", { uses: 1, bytes: 0, recent: [] }]]);
    const once = grant({ limits: { uses: 1 } });
    expect(brief(decide({ grants: [once] }))).toBe("granted observe by g-plain");
    expect(brief(decide({ grants: [once], usage: used }))).toBe("denied limit-uses by g-plain");
    expect(brief(decide({ grants: [once, grant({ id: "h" })], usage: used }))).toBe("granted observe by h");
    expect(brief(decide({ now: NOW + 3_600_000 }))).toBe("denied expired by g-plain");
    const small = grant({ limits: { bytes: '{"a":"éé"}'.length + 2 } });
    expect(brief(decide({ grants: [small], action: action({ arguments: { a: "éé" } }) }))).toBe(
      "granted observe by g-plain",
    );
    expect(brief(decide({ grants: [small], action: action({ arguments: { a: "ééx" } }) }))).toBe(
      "denied limit-bytes by g-plain",
    );
  });

  it("picks the same grant whatever order they come in", () => {
    const grants = ["b", "a", "c"].map((id) => grant({ id }));
    expect(brief(decide({ grants }))).toBe("granted observe by a");
    expect(brief(decide({ grants: grants.toReversed() }))).toBe("granted observe by a");
  });

  it("denies an argument of another type than was signed, before any rule sees it", () => {
    const typed = tool({ fields: { n: "long", d: "decimal", b: "bool", s: "string", l: "strings" } });
    const good = { n: 1, d: 1.25, b: true, s: "", l: ["x"], other: [{}] };
    expect(brief(decide({ tool: typed, action: action({ arguments: good }) }))).toBe("granted observe by g-plain");
    expect(brief(decide({ tool: typed, action: action({ arguments: { n: null } }) }))).toBe(
      "granted observe by g-plain",
    );
    for (const [field, value] of [
      ["n", "1"],
      ["n", 1.5],
      ["d", 1.00001],
      ["d", "1"],
      ["d", 1e20],
      ["b", 1],
      ["s", ["a"]],
      ["l", "x"],
      ["l", ["x", 1]],
    ] as const) {
      const asked = action({ arguments: { ...good, [field]: value } });
      expect(brief(decide({ tool: typed, action: asked, evaluator: answers({ forbids: ["seen"] }) }))).toBe(
        `denied argument-type by ${field}`,
      );
    }
  });

  it("asks the constitution first", () => {
    expect(brief(decide({ action: action({ driver: "aios" }), grants: [] }))).toBe(
      "terminal control-verb by C1-control",
    );
    const own = {
      tool: tool({ fields: { path: "path" } }),
      action: action({ arguments: { path: "/home/owner/.aios/x" } }),
    };
    expect(brief(decide(own))).toBe("terminal prohibited by C3-own-state");
    const dotted = { ...own, action: action({ arguments: { path: "/home/owner/a/../.aios" } }) };
    expect(brief(decide(dotted))).toBe("denied not-canonical by C6-one-reading");
  });

  it("does not decide for a chain that is another's", () => {
    expect(() => decide({ chain: [parent] })).toThrow(KernelFault);
    expect(() => decide({ chain: [subject({ agent: "boss" })] })).toThrow(KernelFault);
  });
});

describe("decideAction: ancestors (CHILD-LESS)", () => {
  const both = grant({ agents: ["worker", "boss"] });

  it("needs a grant for each of them", () => {
    expect(brief(decide({ chain: [subject(), parent], grants: [both] }))).toBe("granted observe by g-plain");
    expect(brief(decide({ chain: [subject(), parent], grants: [grant(), grant({ id: "p", agents: ["boss"] })] }))).toBe(
      "granted observe by g-plain+p",
    );
    const denied = decide({ chain: [subject(), parent] });
    expect(brief(denied)).toBe(`denied ancestor-denied by ${PARENT}`);
    expect(denied).toMatchObject({ proposal: { agents: ["boss"] } });
    expect(decide({ chain: [subject(), parent], grants: [] })).toMatchObject({
      code: "no-grant",
      proposal: { agents: ["worker", "boss"] },
    });
  });

  it("needs none of them forbidden", () => {
    const forbids = evaluator([both], ["boss files/read"]);
    expect(decide({ chain: [subject(), parent], grants: [both], evaluator: forbids })).toEqual({
      kind: "denied",
      code: "ancestor-denied",
      by: PARENT,
      proposal: null,
    });
  });

  it("needs a lease for each of them, and a recipient named to each of them", () => {
    const plain = [grant(), grant({ id: "p", agents: ["boss"] })];
    const about = { action: toBob, tool: send };
    const told = { ...parent, endorsed: knowsBob.endorsed };
    expect(brief(decide({ ...about, grants: plain, chain: [knowsBob, told] }))).toBe("granted reach by g-plain+p");
    expect(brief(decide({ ...about, grants: plain, chain: [knowsBob, parent] }))).toBe("held recipient-not-endorsed");
    expect(brief(decide({ ...about, grants: [leaseToBob, ...plain], chain: [subject(), parent] }))).toBe(
      "held recipient-not-endorsed",
    );
    const shared = { ...leaseToBob, agents: ["worker", "boss"] };
    expect(brief(decide({ ...about, grants: [shared], chain: [subject(), parent] }))).toBe(
      "granted reach by l-bob on l-bob",
    );
  });

  it("counts what the parent took in", () => {
    const mixed = { action: action(), tool: tool({ risk: "reach" }), grants: [both] };
    expect(brief(decide({ ...mixed, chain: [subject({ labels: ["untrusted"] }), parent] }))).toBe(
      "granted reach by g-plain",
    );
    expect(
      brief(decide({ ...mixed, chain: [subject({ labels: ["untrusted"] }), { ...parent, labels: ["private"] }] })),
    ).toBe("held untrusted-and-private");
  });
});

describe("decideAction: when a human is needed (FLOOR)", () => {
  const write = tool({ risk: "reserved", fields: { path: "path" } });
  const asked = action({ arguments: { path: "/workspace/a" } });
  const lease = grant({
    id: "l-write",
    lease: true,
    limits: { uses: 2 },
    allow: [{ what: "files/read", where: { path: { under: "/workspace" } } }],
  });

  it("holds what is reserved, and what nobody classified, without a lease for it", () => {
    expect(brief(decide({ tool: write, action: asked }))).toBe("held reserved");
    expect(brief(decide({ tool: write, action: asked, grants: [lease] }))).toBe(
      "granted reserved by l-write on l-write",
    );
    expect(brief(decide({ tool: write, action: asked, grants: [grant(), lease] }))).toBe(
      "granted reserved by l-write on l-write",
    );
    const unclassified = tool({ risk: "reserved" });
    expect(
      brief(decide({ tool: unclassified, action: asked, grants: [grant({ lease: true, limits: { uses: 1 } })] })),
    ).toBe("held reserved");
  });

  it("does not run on a lease that is used up, over, or about something else", () => {
    const used = new Map([["l-write", { uses: 2, bytes: 0, recent: [] }]]);
    expect(brief(decide({ tool: write, action: asked, grants: [lease, grant()], usage: used }))).toBe("held reserved");
    expect(brief(decide({ tool: write, action: asked, grants: [lease], usage: used }))).toBe(
      "denied limit-uses by l-write",
    );
    const elsewhere = action({ arguments: { path: "/workspaces/a" } });
    expect(brief(decide({ tool: write, action: elsewhere, grants: [lease, grant()] }))).toBe("held reserved");
    // Even when the engine is wrong about what the lease permits.
    const wrong = answers({ permits: ["l-write"] });
    expect(brief(decide({ tool: write, action: elsewhere, grants: [lease], evaluator: wrong }))).toBe("held reserved");
  });

  it("outside its hours, or with its window used up, is held as if there were no lease", () => {
    const { day, minute } = wallClock("UTC", NOW);
    const open = { zone: "UTC", windows: [{ days: [...DAYS], from: minute, to: minute + 1 }], uses: 1 };
    const closed = { zone: "UTC", windows: [{ days: [...DAYS], from: minute + 1, to: minute + 2 }] };
    const timed = (hours: Hours): Grant => ({ ...lease, limits: { ...lease.limits, hours } });
    const ask = (...grants: readonly Grant[]): string => brief(decide({ tool: write, action: asked, grants }));
    const used = new Map([["l-write", { ...NO_USAGE, uses: 1, windows: [{ window: 0, day, uses: 1 }] }]]);
    expect(ask(timed(open), grant())).toBe("granted reserved by l-write on l-write");
    expect(ask(timed(closed), grant())).toBe("held reserved");
    expect(ask(timed(closed))).toBe("denied outside-hours by l-write");
    expect(brief(decide({ tool: write, action: asked, grants: [timed(open), grant()], usage: used }))).toBe(
      "held reserved",
    );
    expect(brief(decide({ tool: write, action: asked, grants: [timed(open)], usage: used }))).toBe(
      "denied limit-window by l-write",
    );
  });

  it("uses no lease where none is needed", () => {
    const free = grant({ id: "a-lease", lease: true, limits: { uses: 1 } });
    expect(brief(decide({ grants: [free, grant()] }))).toBe("granted observe by g-plain");
    expect(brief(decide({ grants: [free] }))).toBe("granted observe by a-lease");
  });

  it("asks about recipients that the human did not name", () => {
    const about = { action: toBob, tool: send };
    expect(brief(decide({ ...about, chain: [knowsBob] }))).toBe("granted reach by g-plain");
    expect(decide(about)).toEqual({
      kind: "held",
      risk: "reach",
      grants: ["g-plain"],
      reasons: ["recipient-not-endorsed"],
      unendorsed: ["bob@example.com"],
    });
    expect(brief(decide({ ...about, grants: [leaseToBob] }))).toBe("granted reach by l-bob on l-bob");
    const more = action({ arguments: { to: "bob@example.com", amount: 6 } });
    expect(brief(decide({ tool: send, action: more, grants: [leaseToBob, grant()] }))).toBe(
      "held recipient-not-endorsed",
    );
    const also = action({ arguments: { to: ["bob@example.com", "eve@evil.example"] } });
    expect(decide({ tool: send, action: also, chain: [knowsBob] })).toMatchObject({
      kind: "held",
      unendorsed: ["eve@evil.example"],
    });
  });

  it("asks when a tool that reaches someone is not told whom", () => {
    expect(brief(decide({ tool: send, action: action({ arguments: { amount: 1 } }), chain: [knowsBob] }))).toBe(
      "held recipient-not-endorsed",
    );
    const event = tool({ risk: "stage", recipients: { to: "email" } });
    expect(brief(decide({ tool: event, action: action({ arguments: { to: [] } }) }))).toBe("granted stage by g-plain");
    expect(brief(decide({ tool: event, action: toBob }))).toBe("held recipient-not-endorsed");
  });

  it("asks about what leaves once both kinds of words came in, unless the human named everyone", () => {
    const post = tool({ risk: "reach" });
    expect(brief(decide({ tool: post }))).toBe("granted reach by g-plain");
    expect(brief(decide({ tool: post, chain: [subject({ labels: TAINTED })] }))).toBe("held untrusted-and-private");
    const tainted = { ...knowsBob, labels: TAINTED };
    expect(brief(decide({ tool: send, action: toBob, chain: [tainted] }))).toBe("granted reach by g-plain");
    expect(brief(decide({ tool: send, action: toBob, chain: [subject({ labels: TAINTED })] }))).toBe(
      "held recipient-not-endorsed+untrusted-and-private",
    );
    expect(
      brief(decide({ tool: send, action: toBob, chain: [subject({ labels: TAINTED })], grants: [leaseToBob] })),
    ).toBe("granted reach by l-bob on l-bob");
    for (const risk of ["observe", "stage", "infer"] as const) {
      expect(brief(decide({ tool: tool({ risk }), chain: [subject({ labels: TAINTED })] }))).toBe(
        `granted ${risk} by g-plain`,
      );
    }
  });

  it("always asks about what leaves once a secret came in, lease or not", () => {
    const holder = { ...knowsBob, labels: ["secret"] as const };
    expect(brief(decide({ tool: send, action: toBob, chain: [holder] }))).toBe("held untrusted-and-private");
    expect(brief(decide({ tool: send, action: toBob, chain: [holder], grants: [leaseToBob] }))).toBe(
      "held untrusted-and-private",
    );
    expect(brief(decide({ tool: write, action: asked, chain: [holder], grants: [lease] }))).toBe(
      "held untrusted-and-private",
    );
    expect(brief(decide({ chain: [holder] }))).toBe("granted observe by g-plain");
  });

  it("asks when an owner wants it", () => {
    expect(brief(decide({}, true))).toBe("held owner-asked");
    expect(brief(decide({ tool: write, action: asked }, true))).toBe("held reserved+owner-asked");
    expect(brief(decide({ grants: [] }, true))).toBe("denied no-grant by worker");
  });

  it("denies instead of burying the one that matters under a flood", () => {
    const waiting = (heldCount: number): DecisionInput["chain"] => [subject({ heldCount })];
    expect(brief(decide({ tool: write, action: asked, chain: waiting(20) }))).toBe("held reserved");
    expect(brief(decide({ tool: write, action: asked, chain: waiting(21) }))).toBe(
      "denied too-many-held by 21 actions are held",
    );
    expect(brief(decide({ chain: waiting(21) }))).toBe("granted observe by g-plain");
  });
});

/** How much a decision allows. */
const ALLOWS = { terminal: 0, denied: 0, held: 1, granted: 2 } as const;

const emails = fc.constantFrom("bob@example.com", "eve@evil.example");
const wheres = fc.constantFrom<Allow["where"]>(
  {},
  {},
  {},
  { to: { equals: "bob@example.com" } },
  { to: { in: ["bob@example.com", "eve@evil.example"] }, amount: { max: 5 } },
  { amount: { max: 1 } },
);
const EVERYONE = ["worker", "boss", "owner"];
const grants = fc
  .array(
    fc.record({
      agents: fc.constantFrom(EVERYONE, EVERYONE, EVERYONE, ["worker"], ["boss", "owner"]),
      lease: fc.boolean(),
      where: wheres,
      uses: fc.integer({ min: 1, max: 3 }),
      used: fc.constantFrom(0, 0, 0, 1, 3),
      late: fc.constantFrom(false, false, false, true),
    }),
    { maxLength: 6, size: "max" },
  )
  .map((list) =>
    list.map(({ agents, lease, where, uses, used, late }, index) => ({
      used,
      grant: grant({
        id: `g${index}`,
        agents,
        lease,
        allow: [{ what: "files/read", where }],
        limits: { uses, expires: late ? NOW : NOW + 1 },
      }),
    })),
  );
const subjects = fc.record({
  labels: fc.subarray([...LABELS]),
  endorsed: fc.subarray(["email:bob@example.com", "email:eve@evil.example"]).map((tokens) => new Set(tokens)),
});
const situation = fc
  .record({
    grants,
    risk: fc.constantFrom(...RISKS),
    to: fc.option(fc.oneof(emails, fc.array(emails, { maxLength: 2 })), { nil: undefined }),
    amount: fc.constantFrom(1, 5, 9),
    chain: fc.tuple(subjects, subjects, subjects),
    length: fc.integer({ min: 1, max: 3 }),
    forbids: fc.constantFrom<readonly string[]>(
      [],
      [],
      [],
      ["worker files/read"],
      ["boss files/read"],
      ["owner files/read"],
    ),
  })
  .map(({ grants: list, risk, to, amount, chain: [actor, middle, top], length, forbids }) => ({
    grants: list.map((each) => each.grant),
    usage: new Map(list.map((each) => [each.grant.id, { uses: each.used, bytes: 0, recent: [] }])),
    tool: tool({ risk, fields: { amount: "decimal" }, recipients: { to: "email" } }),
    action: action({ arguments: to === undefined ? { amount } : { to, amount } }),
    chain: [
      subject(actor),
      ...[
        subject({ ...middle, agent: "boss", instance: PARENT }),
        subject({ ...top, agent: "owner", instance: "i-00000000000000cc" }),
      ].slice(0, length - 1),
    ] as const,
    forbids,
  }));
type Situation = typeof situation extends fc.Arbitrary<infer T> ? T : never;

function outcome(
  given: Situation,
  change: { grants?: readonly Grant[]; forbids?: readonly string[]; chain?: DecisionInput["chain"] } = {},
): Decision {
  const list = change.grants ?? given.grants;
  const engine = evaluator(list, change.forbids ?? given.forbids);
  return decide({ ...given, grants: list, evaluator: engine, chain: change.chain ?? given.chain });
}

describe("decideAction: properties", () => {
  it("never allows more when a grant is taken away", () => {
    fc.assert(
      fc.property(situation, fc.nat(), (given, pick) => {
        const less = given.grants.filter((_, index) => index !== pick % Math.max(given.grants.length, 1));
        expect(ALLOWS[outcome(given, { grants: less }).kind]).toBeLessThanOrEqual(ALLOWS[outcome(given).kind]);
      }),
      { numRuns: 3000 },
    );
  });

  it("never allows more when a rule that forbids is added", () => {
    fc.assert(
      fc.property(situation, fc.constantFrom("worker", "boss", "owner", "*"), (given, who) => {
        const more = outcome(given, { forbids: [...given.forbids, `${who} files/read`] });
        expect(ALLOWS[more.kind]).toBeLessThanOrEqual(ALLOWS[outcome(given).kind]);
      }),
      { numRuns: 2000 },
    );
  });

  it("never allows a child what it would not allow each of its ancestors with the same past", () => {
    fc.assert(
      fc.property(situation, (given) => {
        const whole = ALLOWS[outcome(given).kind];
        for (const [index, ancestor] of given.chain.entries()) {
          const [first, ...rest] = given.chain.slice(index);
          const acting = action({ ...given.action, agent: ancestor.agent, instance: ancestor.instance });
          const own = outcome({ ...given, action: acting, chain: [first ?? ancestor, ...rest] });
          expect(whole).toBeLessThanOrEqual(ALLOWS[own.kind]);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("never allows more for more labels or fewer words of the human", () => {
    fc.assert(
      fc.property(situation, fc.constantFrom(...LABELS), (given, label) => {
        const [actor, ...rest] = given.chain;
        const dirtier = { ...actor, labels: [...new Set([...actor.labels, label])] };
        const mute = { ...actor, endorsed: new Set<string>() };
        const before = ALLOWS[outcome(given).kind];
        expect(ALLOWS[outcome(given, { chain: [dirtier, ...rest] }).kind]).toBeLessThanOrEqual(before);
        expect(ALLOWS[outcome(given, { chain: [mute, ...rest] }).kind]).toBeLessThanOrEqual(before);
      }),
      { numRuns: 2000 },
    );
  });

  it("grants what is reserved on a lease only, in use and in time, and the prohibited never", () => {
    let granted = 0;
    fc.assert(
      fc.property(situation, (given) => {
        const decision = outcome(given);
        if (given.tool.risk === "prohibited") expect(decision.kind).toBe("terminal");
        if (decision.kind !== "granted") return;
        granted++;
        for (const id of decision.grants) {
          const used = given.grants.find((each) => each.id === id);
          expect(used?.limits.expires).toBeGreaterThan(NOW);
          expect(given.usage.get(id)?.uses).toBeLessThan(used?.limits.uses ?? 0);
          if (decision.risk === "reserved") expect(used?.lease).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
    expect(granted).toBeGreaterThan(100);
  });

  it("is the same for the same input, and its proposal would have helped", () => {
    let helped = 0;
    fc.assert(
      fc.property(situation, (given) => {
        const decision = outcome(given);
        expect(outcome(given)).toEqual(decision);
        if (decision.kind !== "denied" || decision.proposal === null) return;
        const { proposal } = decision;
        const signed = grant({ ...proposal, id: "z-proposed", limits: { uses: 1 } });
        const after = outcome(given, { grants: [...given.grants, signed] });
        helped++;
        expect(after.kind).toMatch(/^(?:granted|held)$/);
      }),
      { numRuns: 2000 },
    );
    expect(helped).toBeGreaterThan(100);
  });
});
