import { describe, expect, test } from "vitest";
import type { InstanceView } from "../protocol/requests.ts";
import type { HeldLine } from "./held.ts";
import { line, plainText } from "../showing/line.ts";
import { cut, drawTop, type TopModel } from "./top-screen.ts";
import { measureText } from "../showing/width.ts";

const NOW = Date.UTC(2026, 10, 26);

function instance(change: Partial<InstanceView> = {}): InstanceView {
  return {
    instance: "i-0123456789abcdef",
    agent: "worker",
    ancestry: [],
    state: "running",
    since: NOW - 65_000,
    labels: [],
    held: 0,
    done: 3,
    denied: 1,
    workspace: null,
    why: null,
    holdAt: [],
    ...change,
  };
}

function held(at: number, change: Partial<HeldLine> = {}): HeldLine {
  return {
    request: at.toString(16).padStart(8, "0").padEnd(32, "0"),
    instance: "i-0123456789abcdef",
    agent: "worker",
    what: "mail/send",
    about: `to: "bob@example.com"`,
    reasons: ["reserved"],
    since: NOW,
    expires: NOW + 600_000,
    digest: `sha256:${"a".repeat(64)}`,
    same: `sha256:${at.toString(16).padStart(64, "0")}`,
    times: 1,
    shape: `sha256:${"c".repeat(64)}`,
    ...change,
  };
}

function model(change: Partial<TopModel> = {}): TopModel {
  return {
    instances: [instance()],
    held: [],
    stages: new Map(),
    allFrozen: null,
    recovering: null,
    slowLog: null,
    log: null,
    away: null,
    pane: "instances",
    chosen: { instances: 0, held: 0 },
    budgets: [],
    notes: [],
    ...change,
  };
}

const draw = (shown: TopModel, columns = 80, rows = 24): readonly string[] =>
  drawTop(shown, { columns, rows, now: NOW }).map(plainText);

describe("the screen", () => {
  test("shows instances with the stage of their last action, what is held, and the stop", () => {
    const stages = new Map([["i-0123456789abcdef", { what: "mail/send", stage: "approve", verdict: "held" }]]);
    expect(draw(model({ stages, held: [held(1)], budgets: ["grant mail: 3/10 uses"] }), 100, 16)).toEqual([
      "aios top  1 running, 0 frozen, 1 held",
      "[S] STOP  freezes everything at once",
      "",
      "  INSTANCE           AGENT          STATE    AGE    DONE  DENY  HELD STAGE",
      expect.stringMatching(
        /^> i-0123456789abcdef worker {9}running {2}65 s {3}3 {5}1 {5}0 {4}approve held mail\/send/,
      ),
      "",
      expect.stringMatching(/^ {2}HELD {5}AGENT {10}ENDS IN {2}WHAT AND WHY/),
      expect.stringMatching(/^> 00000001 worker {9}10 min {3}mail\/send {2}to: "bob@example\.com" {2}reserved/),
      "grant mail: 3/10 uses",
      "arrows, Tab choose  a approve  d deny  p lease  f freeze  k kill  t thaw  q leave",
    ]);
  });

  test("says that everything is frozen where the stop was", () => {
    const recovering = { record: 9, owner: "ed25519:0123456789abcdef", name: "maria-2", due: NOW + 3_600_000 };
    expect(draw(model({ recovering }))[2]).toMatch(/^SOMEBODY RECOVERS A KEY: maria-2 is an owner in 60 min/);
    expect(draw(model({ away: "away until 2026-11-22 20:00:00" }))[2]).toBe("away until 2026-11-22 20:00:00");
    const log = { code: "log-read-only", message: "the disk of the log is read-only", hint: "mend it" } as const;
    expect(draw(model({ log }))[2]).toMatch(
      /^THE LOG TAKES NO RECORDS: the disk of the log is read-only \(log-read-only\)/u,
    );
    expect(draw(model({ slowLog: 230 }))[2]).toMatch(/^THE LOG IS SLOW: 230 ms a record\. Every effect waits/u);
    expect(draw(model()).join("\n")).not.toMatch(/SLOW/u);
    expect(draw(model({ allFrozen: 17 }))[1]).toBe("EVERYTHING IS FROZEN (record 17)  [T] you sign, all goes on");
  });

  test.each([
    [39, 10],
    [40, 24],
    [80, 8],
    [200, 60],
    [20, 6],
    [1, 1],
  ])("fits %i columns and %i rows, whatever there is", (columns, rows) => {
    const many = model({
      instances: Array.from({ length: 60 }, (_, at) =>
        instance({ agent: `agent-${at}`, labels: ["untrusted", "private"] }),
      ),
      held: Array.from({ length: 60 }, (_, at) => held(at, { what: `driver/${"x".repeat(300)}` })),
      notes: [line("n".repeat(500))],
      budgets: ["b".repeat(500)],
    });
    for (const pane of ["instances", "held"] as const) {
      const lines = draw({ ...many, pane }, columns, rows);
      expect(lines.length).toBeLessThanOrEqual(rows);
      expect(lines.filter((each) => measureText(each) > columns)).toEqual([]);
    }
  });

  describe("where nothing can be approved, for want of columns", () => {
    const agents = [
      instance({ agent: "a-long-name-of-an-agent", held: 3 }),
      instance({ state: "frozen", why: "asked", agent: "b" }),
    ];
    const narrow = model({ instances: agents, held: [held(1, { times: 12 })], budgets: ["grant mail: 3/10 uses"] });

    test("has short rows in straight columns, whole counts and the stop, and says what is not there", () => {
      expect(draw(narrow, 30, 20)).toEqual([
        "1 running, 1 frozen, 12 held",
        "[S] STOP: freezes all",
        "",
        "  AGENT          STATE    HELD",
        "> a-long-name-o… running  3",
        "  b              frozen   0",
        "",
        "  HELD     WHAT AND WHY",
        "> 00000001 12 times mail/send…",
        "grant mail: 3/10 uses",
        "d deny f freeze k kill",
        "t thaw q leave",
        "to approve and see more: 40",
        "columns",
      ]);
      expect(draw(model({ allFrozen: 17 }), 30, 20).slice(1, 4)).toEqual([
        "EVERYTHING IS FROZEN (record",
        "17)  [T] you sign, all goes on",
        "",
      ]);
    });

    test("cuts no count, no stop and no warning at any width that has room for its words", () => {
      const warned = { ...narrow, slowLog: 230, away: "away until 2026-11-22 20:00:00" };
      for (let columns = 12; columns < 39; columns += 1) {
        const lines = draw(warned, columns, 60);
        expect(lines.filter((each) => measureText(each) > columns)).toEqual([]);
        const said = lines.join(" ");
        expect(said).toContain("12 held");
        expect(said).toContain("[S] STOP: freezes all");
        expect(said).toContain("THE LOG IS SLOW: 230 ms a record. Every effect waits for it; aios doctor says more");
        expect(said.includes("AGENT")).toBe(columns >= 24);
        const [heading = "", ...rows] = lines.slice(lines.findIndex((each) => each.includes("STATE")));
        if (columns < 24) continue;
        expect([rows[0]?.indexOf("running"), rows[1]?.indexOf("frozen")]).toEqual(
          Array.from({ length: 2 }, () => heading.indexOf("STATE")),
        );
      }
    });

    test("twin: with one column more it is the whole form", () => {
      expect(draw(narrow, 39, 20)[0]).toBe("aios top  1 running, 1 frozen, 12 held");
      expect(draw(narrow, 39, 20).join("\n")).toContain("INSTANCE AGENT      STATE    HELD");
    });
  });

  test("keeps what is chosen in sight in a list of any length", () => {
    const many = Array.from({ length: 10_000 }, (_, at) => held(at));
    for (const at of [0, 5, 4321, 9999]) {
      const lines = draw(model({ held: many, pane: "held", chosen: { instances: 0, held: at } }));
      expect(lines.some((each) => each.startsWith(`> ${at.toString(16).padStart(8, "0")}`))).toBe(true);
    }
  });

  test("shows equal requests as one line with how many they are, and counts them all", () => {
    const rows = drawTop(model({ held: [held(1, { times: 7 }), held(2)] }), { columns: 100, rows: 30, now: NOW });
    const text = rows.map(plainText);
    expect(text.filter((row) => row.includes("7 times mail/send"))).toHaveLength(1);
    expect(text[0]).toContain("8 held");
  });

  test("tells two writes of one tool apart by what they are about", () => {
    const writes = ["a", "b"].map((name, at) =>
      held(at, { what: "files/write", about: `path: "/workspace/${name}"`, same: `sha256:${name.repeat(64)}` }),
    );
    const rows = draw(model({ held: writes, pane: "held" }));
    for (const name of ["a", "b"])
      expect(rows.filter((row) => row.includes(`files/write  path: "/workspace/${name}"`))).toHaveLength(1);
  });

  test("with ten thousand held is drawn in no time that a person would see", () => {
    const shown = model({ held: Array.from({ length: 10_000 }, (_, at) => held(at)), pane: "held" });
    draw(shown);
    const begun = performance.now();
    for (let round = 0; round < 20; round++) draw(shown);
    expect((performance.now() - begun) / 20).toBeLessThan(20);
  });

  test("shows what an agent wrote as code points, and moves no cursor", () => {
    const hostile = "\u001b[2J\u001b]0;x\u0007\u202egnp\u200b‮\r\n\u{e0041}аdmin";
    const lines = draw(
      model({
        instances: [instance({ state: "frozen", why: hostile })],
        held: [held(1, { what: hostile, reasons: [hostile] })],
        stages: new Map([["i-0123456789abcdef", { what: hostile, stage: hostile, verdict: hostile }]]),
      }),
      200,
    ).join("\n");
    // oxlint-disable-next-line no-control-regex -- controls are what is looked for
    expect(lines.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b\u202e\u{e0041}]/u);
    expect(lines).toContain("‹U+001B›[2J‹U+001B›]0;x‹U+0007›‹U+202E›gnp");
  });
});

describe("a cut text", () => {
  test.each([
    ["short", 10, "short"],
    ["exactly", 7, "exactly"],
    ["longer than that", 8, "longer␠…"],
    ["漢字漢字", 5, "漢字…"],
    ["‹U+202E›x", 4, "…"],
    ["abc", 1, "…"],
  ])("%s in %i columns", (text, columns, expected) => {
    expect(cut(text, columns)).toBe(expected);
  });
});
