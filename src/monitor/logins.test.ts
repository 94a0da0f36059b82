import { beforeEach, expect, test } from "vitest";
import type { RecordBody } from "../protocol/record.ts";
import type { Refreshed } from "../protocol/refresh-order.ts";
import { createLogins, type Logins, type LoginsPorts } from "./logins.ts";
import { applySecret } from "./secret-state.ts";
import { emptyState, type State } from "./state.ts";

const NOW = 1_700_000_000_000;
const HOUR = 3_600_000;
const TERMS = { endpoint: "https://login.example.org/token", client: "c", scopes: [], format: "form" } as const;
const commitment = (digit: number): string => `sha256:${String(digit).repeat(64)}`;
let state: State;
let sealed: Map<string, string>;
/** What happened, in order. */
let story: string[];
let now: number;
let answer: () => Promise<Refreshed>;
let logins: Logins;

function renewed(access: string, refresh: string | null = `r-${access}`): Refreshed {
  return { kind: "renewed", access, refresh, seconds: 3600 };
}

function logIn(expires: number | null): void {
  sealed.set(commitment(0), JSON.stringify({ access: "old-access", expires, refresh: "old-refresh" }));
  state.secrets.set("bank", {
    secret: "bank",
    commitment: commitment(0),
    login: TERMS,
    key: "k",
    since: NOW,
    bindings: new Map(),
    ssh: new Map(),
  });
}

beforeEach(() => {
  state = emptyState();
  sealed = new Map();
  story = [];
  now = NOW;
  answer = () => Promise.resolve(renewed("new-access"));
  const write = async (body: RecordBody): Promise<number> => {
    story.push(body.kind);
    if (body.kind === "secret-refreshed") applySecret(state, { seq: 1, at: now, body, document: null });
    return 1;
  };
  const vault: LoginsPorts["vault"] = {
    open: async (named) => sealed.get(named) ?? null,
    seal: async ({ value }) => {
      const named = commitment(sealed.size);
      sealed.set(named, value);
      story.push("sealed");
      return named;
    },
    destroy: async (named) => {
      story.push(`destroyed ${named.at(-1)}`);
      sealed.delete(named);
    },
  };
  logins = createLogins({
    journal: { state, write, size: () => story.length },
    vault,
    random: { bytes: (length) => new Uint8Array(length), hex: (bytes) => "0".repeat(bytes * 2) },
    now: () => now,
    ask: (login, token) => {
      expect(login).toEqual(TERMS);
      story.push(`asked with ${token}`);
      return answer();
    },
  });
});

test("new tokens are sealed and recorded before the old are destroyed and before anybody gets them", async () => {
  logIn(NOW);
  expect(await logins.ready("bank")).toBe(commitment(1));
  expect(story).toEqual(["asked with old-refresh", "sealed", "secret-refreshed", "destroyed 0"]);
  expect(await logins.valueOf("bank")).toEqual({
    commitment: commitment(1),
    value: "new-access",
    others: ["r-new-access"],
  });
});

test("a refresh token that stays is kept", async () => {
  logIn(NOW);
  answer = () => Promise.resolve(renewed("new-access", null));
  await logins.ready("bank");
  expect(await logins.valueOf("bank")).toMatchObject({ value: "new-access", others: ["old-refresh"] });
});

test("one that lasts, and one of which nobody knows when it ends, are left alone", async () => {
  logIn(NOW + HOUR);
  expect(await logins.ready("bank")).toBe(commitment(0));
  logIn(null);
  expect(await logins.ready("bank")).toBe(commitment(0));
  expect(story).toEqual([]);
});

test("many who wait share one refresh", async () => {
  logIn(NOW);
  const { promise, resolve } = Promise.withResolvers<Refreshed>();
  answer = () => promise;
  const all = Promise.all([logins.ready("bank"), logins.ready("bank"), logins.ready("bank")]);
  await Promise.resolve();
  resolve(renewed("new-access"));
  expect(await all).toEqual([commitment(1), commitment(1), commitment(1)]);
  expect(story.filter((each) => each.startsWith("asked"))).toHaveLength(1);
});

test("a failure is recorded once, denies with a code, and is tried again after a pause only", async () => {
  logIn(NOW);
  answer = () => Promise.resolve({ kind: "failed", fault: "unavailable" });
  for (let tries = 0; tries < 3; tries++)
    await expect(logins.ready("bank")).rejects.toMatchObject({ code: "login-expired" });
  expect(story).toEqual(["asked with old-refresh", "secret-not-refreshed"]);
  now += 30_001;
  answer = () => Promise.resolve(renewed("new-access"));
  expect(await logins.ready("bank")).toBe(commitment(1));
});

test("one that its endpoint takes no more is asked about rarely", async () => {
  logIn(NOW);
  answer = () => Promise.resolve({ kind: "failed", fault: "rejected" });
  await expect(logins.ready("bank")).rejects.toThrow(/rejected/);
  now += 60_000;
  await expect(logins.ready("bank")).rejects.toThrow(/rotate bank/);
  expect(story.filter((each) => each.startsWith("asked"))).toHaveLength(1);
});

test("what fails to be recorded is not used", async () => {
  logIn(NOW);
  answer = () => Promise.reject(new Error("no process"));
  await expect(logins.ready("bank")).rejects.toMatchObject({ code: "login-expired" });
  expect(await logins.valueOf("bank")).toMatchObject({ value: "old-access" });
});

test("an owner who rotates or removes it meanwhile has the last word, and the new tokens are destroyed", async () => {
  logIn(NOW);
  const { promise, resolve } = Promise.withResolvers<Refreshed>();
  answer = () => promise;
  const waiting = logins.ready("bank");
  const known = state.secrets.get("bank");
  if (known !== undefined) state.secrets.set("bank", { ...known, commitment: commitment(9) });
  resolve(renewed("new-access"));
  expect(await waiting).toBe(commitment(9));
  expect(story.at(-1)).toBe("destroyed 1");
});

test("a 401 is believed once, however often it comes", async () => {
  logIn(NOW + HOUR);
  const refuse = async (): Promise<void> =>
    logins.answered("bank", { commitment: await logins.ready("bank"), status: 401 });
  for (let tries = 0; tries < 5; tries++) await refuse();
  now += HOUR / 2;
  for (let tries = 0; tries < 5; tries++) await refuse();
  expect(story.filter((each) => each.startsWith("asked"))).toHaveLength(1);
});

test("a destination that took the new token may refuse it later, but not at once", async () => {
  logIn(NOW + HOUR);
  const tell = async (status: number): Promise<void> =>
    logins.answered("bank", { commitment: await logins.ready("bank"), status });
  for (const status of [401, 200, 401, 200]) await tell(status);
  expect(story.filter((each) => each.startsWith("asked"))).toHaveLength(1);
  now += 5 * 60_000;
  for (const status of [401, 200]) await tell(status);
  expect(story.filter((each) => each.startsWith("asked"))).toHaveLength(2);
});

test("a plain value is what it is", async () => {
  sealed.set(commitment(5), "sk-12345678");
  const nowhere = { bindings: new Map(), ssh: new Map() };
  const value = { secret: "lamp", commitment: commitment(5), login: null, key: "k", since: NOW, ...nowhere };
  state.secrets.set("lamp", value);
  expect(await logins.ready("lamp")).toBe(commitment(5));
  expect(await logins.valueOf("lamp")).toEqual({ commitment: commitment(5), value: "sk-12345678", others: [] });
  expect(await logins.ready("nobody")).toBeNull();
  expect(await logins.valueOf("nobody")).toBeNull();
});
