import { expect, test } from "vitest";
import { createMemoryLog } from "../../test/fakes/memory-log.ts";
import { createJournal } from "./journal.ts";
import { LogError } from "./log/error.ts";
import { emptyState } from "./state.ts";

const refused = (what: string) => ({ kind: "refused", peer: "x", code: "y", what }) as const;

test("what is owed is written when the log takes it, in its order and once", async () => {
  const log = createMemoryLog("0".repeat(32));
  let room = 0;
  const failing: typeof log = Object.assign(Object.create(log), {
    append: (...words: Parameters<typeof log.append>) =>
      room-- > 0 ? log.append(...words) : Promise.reject(new LogError("log-unavailable", "ENOSPC")),
  });
  const told: string[] = [];
  const journal = createJournal(failing, {
    state: emptyState(),
    now: () => 0,
    onRecord: (_seq, body) => told.push(body.kind === "refused" ? body.what : body.kind),
  });
  for (const what of ["a", "b", "c"]) journal.owe(refused(what));
  await expect(journal.pay()).rejects.toThrow("ENOSPC");
  room = 2;
  await expect(journal.pay()).rejects.toThrow("ENOSPC");
  expect(told).toEqual(["a", "b"]);
  journal.owe(refused("d"));
  room = 10;
  await journal.pay();
  await journal.pay();
  expect(told).toEqual(["a", "b", "c", "d"]);
});
