import { expect, test } from "vitest";
import { grant, NOW } from "../../test/fakes/kernel.ts";
import type { Proposal } from "../kernel/action.ts";
import type { Hours } from "../kernel/hours.ts";
import { wallClock } from "../kernel/hours.ts";
import { OWN_TOKENS } from "./conduct-ports.ts";
import { emptyState } from "./state.ts";
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

test("a token that the monitor may give by itself names no action of a face", async () => {
  let asked = 0;
  const propose = (): Promise<Outcome> => ((asked += 1), Promise.resolve({ kind: "done", result: {} }));
  const handlers = faceHandlers({ conduct: { propose } } as unknown as FacePorts);
  const proposal = { verb: "call", driver: "files", name: "read", arguments: {} } as const;
  for (const token of [OWN_TOKENS, OWN_TOKENS + 1, Number.MAX_SAFE_INTEGER]) {
    expect(await handlers.propose({ ...proposal, token })).toMatchObject({ kind: "stopped", code: "malformed" });
  }
  expect(asked).toBe(0);
  await handlers.propose({ ...proposal, token: OWN_TOKENS - 1 });
  expect(asked).toBe(1);
});

test("a message outside of the hours of the grant that names its service is still read as one, and not as any request", async () => {
  const { minute } = wallClock("UTC", NOW);
  const closed: Hours = {
    zone: "UTC",
    windows: [{ days: ["sun"], from: (minute + 60) % 1440, to: (minute + 61) % 1440 }],
  };
  const where = { scheme: { equals: "https" }, host: { equals: "api.telegram.org" }, port: { equals: 443 } };
  const state = emptyState();
  const lease = grant({
    allow: [
      {
        what: "net/message",
        where: { chat: { equals: "telegram" }, account: { equals: "bot" }, api: { in: ["sendMessage"] }, ...where },
      },
    ],
    limits: { hours: closed },
  });
  state.byAgent.set("worker", new Map([[lease.id, lease]]));
  const asked: Proposal[] = [];
  const handlers = faceHandlers({
    conduct: {
      async propose(_live: unknown, proposal: Proposal) {
        asked.push(proposal);
        return { kind: "done", result: {} };
      },
    },
    live: { state: { agent: "worker" } },
    journal: { state },
    now: () => NOW,
  } as unknown as FacePorts);
  const body = { kind: "text", text: JSON.stringify({ chat_id: 1, text: "hi" }) };
  const path = `/botaios-secret-bot-${"0a".repeat(16)}/sendMessage`;
  await handlers.propose({
    token: 1,
    verb: "call",
    driver: "net",
    name: "send",
    arguments: {
      scheme: "https",
      host: "api.telegram.org",
      port: 443,
      method: "POST",
      path,
      target: path,
      headers: [["content-type", "application/json"]],
      upgrade: false,
      body,
    },
  });
  expect(asked.map(({ name }) => name)).toEqual(["message"]);
});
