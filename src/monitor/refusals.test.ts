import { expect, test } from "vitest";
import type { RecordBody } from "../protocol/record.ts";
import { createFaults, createRefusals } from "./refusals.ts";

test("attack: a hundred that are refused at once make two records; twin: another code or peer has its own, and the next second too", () => {
  const written: RecordBody[] = [];
  let timers: (() => void)[] = [];
  const note = createRefusals({
    journal: { write: async (body) => written.push(body) },
    timer: { after: (_ms, call) => (timers.push(call), () => {}) },
  });
  const elapse = (): void => {
    const due = timers;
    timers = [];
    for (const call of due) call();
  };
  for (let at = 0; at < 100; at += 1) note({ peer: "console", code: "replayed", what: `statement ${at}` });
  note({ peer: "cli", code: "replayed", what: "statement" });
  expect(written).toHaveLength(2);
  elapse();
  expect(written).toHaveLength(3);
  expect(written[2]).toEqual({
    kind: "refused",
    peer: "console",
    code: "replayed",
    what: "99 more within a second, the last: statement 99",
  });
  elapse();
  expect(timers).toEqual([]);
  note({ peer: "console", code: "replayed", what: "later" });
  expect(written).toHaveLength(4);
});

test("attack: a thousand broken frames of the command line make two records and two lines; twin: another kind of peer is told apart", () => {
  const written: RecordBody[] = [];
  const reported: string[] = [];
  const due: (() => void)[] = [];
  const refused = createFaults({
    journal: { write: async (body) => written.push(body) },
    timer: { after: (_ms, call) => (due.push(call), () => {}) },
    report: (words) => void reported.push(words),
  });
  for (let at = 0; at < 1000; at += 1) refused("cli", { code: "frame-not-json", message: `${at} ${"x".repeat(500)}` });
  refused("gate", { code: "frame-not-json", message: "y" });
  due.shift()?.();
  expect(written.map((body) => body.kind === "refused" && [body.peer, body.what.slice(0, 12)])).toEqual([
    ["cli", "0 xxxxxxxxxx"],
    ["gate", "y"],
    ["cli", "999 more wit"],
  ]);
  expect(reported.map((words) => words.slice(0, 34))).toEqual([
    "ended a cli: frame-not-json: 0 xxx",
    "ended a gate: frame-not-json: y",
    "ended a cli: frame-not-json: 999 m",
  ]);
});
