import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { runProgram } from "../../src/cli/program.ts";
import type { HeldView } from "../../src/protocol/held-view.ts";
import type { Purpose } from "../../src/protocol/statement.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { createDesk, NOW, PASSPHRASE, type Desk } from "../fakes/cli-powers.ts";
import { grant } from "../fakes/kernel.ts";
import { pageOf } from "../fakes/monitor-client.ts";

const HOUR = 3_600_000;
const DIGEST = `sha256:${"0".repeat(64)}`;
const NOTHING = { agents: [], leases: [], running: [], parts: [] };
const LEASE = grant({
  id: "beat",
  lease: true,
  allow: [],
  limits: { uses: 8, notBefore: NOW, expires: NOW + 7 * 24 * HOUR },
});

interface Signed {
  readonly purpose: Purpose;
  readonly document: JsonObject;
}

/** A desk whose monitor drafts what it is asked to, and what was handed in. */
function scene(setting: Parameters<typeof createDesk>[0] = {}): {
  readonly desk: Desk;
  readonly signed: () => readonly Signed[];
} {
  const drafted: Signed[] = [];
  const desk = createDesk({
    typed: ["yes", PASSPHRASE],
    files: { "/work/beat.yaml": stringify(LEASE), "/work/plain.yaml": stringify({ ...LEASE, lease: false }) },
    ...setting,
    answers: {
      grants: () => ({ grants: [] }),
      held: () => pageOf([]),
      prepare: (asked) => {
        drafted.push(asked);
        const { crypto } = desk.powers;
        const subject = crypto.digest(JSON.stringify(sorted(asked.document)));
        const nonce = "0".repeat(32);
        return {
          statement: {
            v: 1,
            purpose: asked.purpose,
            subject,
            policy: DIGEST,
            start: nonce,
            nonce,
            expires: NOW + HOUR,
          },
        };
      },
      submit: () => ({ seq: 42 }),
      ...setting.answers,
    },
  });
  return { desk, signed: () => drafted };
}
/** As RFC 8785 has it for what is in these documents. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
}

/** One that waits. */
function waits(request: string): HeldView {
  const digest = `sha256:${request.repeat(64)}`;
  return {
    request: request.repeat(32),
    instance: "i-0123456789abcdef",
    agent: "worker",
    what: "mail/send",
    about: "",
    reasons: ["reserved"],
    since: NOW - HOUR,
    expires: NOW + HOUR,
    digest,
    same: digest,
    shape: digest,
  };
}

describe("aios away", () => {
  test("shows the end, what becomes of questions and each lease in full, and signs that", async () => {
    const { desk, signed } = scene();
    const words = ["away", "--until", "8h", "--deny", "--lease", "/work/beat.yaml"];
    expect(await runProgram(words, desk.powers)).toBe(EXIT.ok);
    expect(desk.err()).toContain("away until 2026-11-22 20:00:00 (in 8 h)");
    expect(desk.err()).toContain("what needs a human is denied at once (owner-away)");
    expect(desk.err()).toContain("nothing waits now");
    expect(desk.err()).toContain("lease beat for worker");
    expect(desk.err()).toContain("8 uses in all");
    expect(desk.err()).toContain("ends 2026-11-22 20:00:00 (in 8 h)");
    expect(desk.err()).toContain("away until 2026-11-22 20:00:00 (record 42)");
    const until = NOW + 8 * HOUR;
    expect(signed().at(-1)).toMatchObject({
      purpose: "go-away",
      document: { until, asked: "deny", leases: [{ id: "beat", lease: true, limits: { expires: until } }] },
    });
  });

  test("gives a lease an id of its own when that was used", async () => {
    const view = {
      agents: ["worker"],
      state: "revoked",
      lease: true,
      uses: 1,
      bytes: 0,
      spent: { input: 0, output: 0, cost: 0 },
      expires: NOW,
      opens: null,
      quarantined: [],
    } as const;
    const grants = ["beat", "beat-2"].map((id) => ({ ...view, id, key: `ed25519:${"0".repeat(16)}` }));
    const { desk, signed } = scene({ answers: { grants: () => ({ grants }) } });
    const words = ["away", "--until", "8h", "--lease", "/work/beat.yaml"];
    expect(await runProgram(words, desk.powers)).toBe(EXIT.ok);
    expect(signed().at(-1)?.document).toMatchObject({ asked: "wait", leases: [{ id: "beat-3" }] });
  });

  test("signs nothing without a yes, for a plain grant, for a time that is none and for more than a week", async () => {
    const no = scene({ typed: ["no"] });
    expect(await runProgram(["away", "--until", "8h"], no.desk.powers)).not.toBe(EXIT.ok);
    expect(no.desk.monitor.asked.map(({ name }) => name)).not.toContain("submit");
    for (const words of [
      ["--until", "8h", "--lease", "/work/plain.yaml"],
      ["--until", "8d"],
      ["--until", "tomorrow"],
      ["--until", "8h", "--wait", "--deny"],
      ["--deny"],
      ["--lease", "/work/beat.yaml"],
    ]) {
      const { desk, signed } = scene();
      expect(await runProgram(["away", ...words], desk.powers), words.join(" ")).not.toBe(EXIT.ok);
      expect(signed(), words.join(" ")).toEqual([]);
    }
  });

  test("says what becomes of what waits already: it keeps its own end, before or after the stretch", async () => {
    const waiting = (...ends: number[]) => ({
      held: () => pageOf(ends.map((end, at) => ({ ...waits(String(at)), expires: NOW + end }))),
    });
    const early = scene({ answers: waiting(8 * 60_000, 9 * HOUR, HOUR) });
    expect(await runProgram(["away", "--until", "8h"], early.desk.powers)).toBe(EXIT.ok);
    expect(early.desk.err()).toContain(
      "3 wait already, to their own end: 2 are denied before you are back, the first in 8 min",
    );
    const late = scene({ answers: waiting(9 * HOUR) });
    expect(await runProgram(["away", "--until", "8h"], late.desk.powers)).toBe(EXIT.ok);
    expect(late.desk.err()).toContain("1 waits already, to its own end: none ends before you are back");
  });

  test("says of a moment that has passed that it has, and what time it is", async () => {
    const { desk, signed } = scene();
    expect(await runProgram(["away", "--until", "2026-11-22T08:00:00Z"], desk.powers)).toBe(EXIT.usage);
    expect(desk.err()).toContain(
      "Cannot be away until 2026-11-22 08:00:00: that has passed, it is 2026-11-22 12:00:00 (usage)",
    );
    expect(signed()).toEqual([]);
  });

  test("says who is away, and that nobody is", async () => {
    const away = { since: NOW, until: NOW + HOUR, asked: "wait" as const, leases: ["beat"] };
    const held = () =>
      pageOf([
        { ...waits("0"), since: NOW - 1, expires: NOW + 60_000 },
        { ...waits("1"), since: NOW },
      ]);
    const there = scene({ answers: { away: () => ({ away }), held } });
    expect(await runProgram(["away"], there.desk.powers)).toBe(EXIT.ok);
    expect(there.desk.out()).toBe(
      "away until 2026-11-22 13:00:00: what needs a human waits; aios back ends it, since 2026-11-22 12:00:00; leases beat\n" +
        "from before: 1 waits already, to its own end: 1 is denied before you are back, the first in 60 s\n",
    );
    const none = scene({ answers: { away: () => ({ away: null }) } });
    expect(await runProgram(["away"], none.desk.powers)).toBe(EXIT.ok);
    expect(none.desk.out()).toBe("nobody is away\n");
  });
});

describe("aios back", () => {
  test("asks for no passphrase, and sums up what happened since", async () => {
    const { desk } = scene({
      typed: [],
      answers: {
        back: () => ({ since: NOW - HOUR, record: 7 }),
        digest: () => ({ ...NOTHING, leases: [{ grant: "beat", agent: "worker", times: 3, first: NOW, last: NOW }] }),
        held: () => pageOf([]),
      },
    });
    expect(await runProgram(["back"], desk.powers)).toBe(EXIT.ok);
    expect(desk.err()).toContain("you are back (record 7)");
    expect(desk.out()).toContain(
      "Since 2026-11-22 11:00:00\nRan under a lease, and nobody was asked\n  worker: beat, 3 times",
    );
    expect(desk.prompts).toEqual([]);
    expect(desk.monitor.asked.map(({ name, body }) => [name, body])).toEqual([
      ["back", {}],
      ["digest", { since: NOW - HOUR }],
      ["held", { after: null }],
    ]);
  });
});
