import { expect, test } from "vitest";
import type { Outcome } from "../protocol/requests.ts";
import { faceHandlers, type FacePorts } from "./face-requests.ts";

test("a token that is open names no second action, so that none can hide from being cut", async () => {
  const answers: ((outcome: Outcome) => void)[] = [];
  const propose = (): Promise<Outcome> => new Promise((resolve) => void answers.push(resolve));
  // Nothing else of the ports is used by a proposal.
  const handlers = faceHandlers({ conduct: { propose } } as unknown as FacePorts);
  const proposal = { verb: "call", driver: "files", name: "read", arguments: {} } as const;
  const first = handlers.propose({ ...proposal, token: 7 });
  expect(await handlers.propose({ ...proposal, token: 7 })).toMatchObject({ kind: "stopped", code: "malformed" });
  const other = handlers.propose({ ...proposal, token: 8 });
  expect(answers).toHaveLength(2);
  for (const answer of answers) answer({ kind: "done", result: {} });
  expect(await first).toEqual({ kind: "done", result: {} });
  await other;
  void handlers.propose({ ...proposal, token: 7 });
  expect(answers).toHaveLength(3);
});
