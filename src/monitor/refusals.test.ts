import { expect, test } from "vitest";
import type { RecordBody } from "../protocol/record.ts";
import { createRefusals } from "./refusals.ts";

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
