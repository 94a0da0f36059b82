import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Visit } from "../face/visit.ts";
import { COOKIE, createSessions, HALF, SESSION_MS, type Halves, type Sessions } from "./sessions.ts";

function stage(): { readonly sessions: Sessions; wait(ms: number): void } {
  let [now, drawn] = [0, 0];
  const sessions = createSessions({
    now: () => now,
    random: { bytes: () => new Uint8Array(), hex: (bytes) => String(++drawn).padStart(2 * bytes, "0") },
    crypto: { digest },
  });
  return { sessions, wait: (ms) => void (now += ms) };
}
const digest = (text: string | Uint8Array): string => createHash("sha256").update(text).digest("hex");

function visit(halves: Partial<Halves>, more: Visit["headers"] = []): Visit {
  const headers: (readonly [string, string])[] = [...more];
  if (halves.cookie !== undefined) headers.push(["cookie", `theirs=1; ${COOKIE}=${halves.cookie}`]);
  if (halves.half !== undefined) headers.push([HALF, halves.half]);
  return { method: "POST", target: "/ask/ps", headers, upgrade: false };
}

describe("a session of the console", () => {
  test("takes both halves", () => {
    const { sessions } = stage();
    const [one, other] = [sessions.open(null), sessions.open(null)];
    expect(sessions.of(visit(one))).toMatchObject({ uses: new Set() });
    expect(sessions.of(visit({ half: one.half }))).toBe("no-session");
    expect(sessions.of(visit({ cookie: one.cookie }))).toBe("half-session");
    expect(sessions.of(visit({ cookie: one.cookie, half: other.half }))).toBe("half-session");
    expect(sessions.of(visit(one, [[HALF, one.half]]))).toBe("half-session");
  });

  test("is found beside a cookie of the same name that another port set", () => {
    const { sessions } = stage();
    const one = sessions.open(null);
    expect(sessions.of(visit(one, [["cookie", `${COOKIE}=planted`]]))).not.toBeTypeOf("string");
  });

  test("ends after its time, when it is left and for the oldest of too many, and what it uses is cut", () => {
    const { sessions, wait } = stage();
    const cut: string[] = [];
    const opened = (name: string): Halves => {
      const halves = sessions.open(null);
      const session = sessions.of(visit(halves));
      if (typeof session !== "string") session.uses.add(() => cut.push(name));
      return halves;
    };
    const left = opened("left");
    sessions.leave(visit(left));
    expect([cut, sessions.of(visit(left))]).toEqual([["left"], "no-session"]);
    const oldest = opened("oldest");
    for (let more = 0; more < 32; more += 1) sessions.open(null);
    expect([cut, sessions.of(visit(oldest))]).toEqual([["left", "oldest"], "no-session"]);
    const late = opened("late");
    wait(SESSION_MS);
    expect(sessions.of(visit(late))).toBe("no-session");
    sessions.sweep();
    expect(cut).toEqual(["left", "oldest", "late"]);
  });
});

test("a session ends with its passkey, and what it uses is cut; sessions of others and of codes go on", () => {
  const { sessions } = stage();
  const cut: string[] = [];
  const opened = (key: string | null): Halves => {
    const halves = sessions.open(key);
    const session = sessions.of(visit(halves));
    if (typeof session !== "string") session.uses.add(() => cut.push(String(key)));
    return halves;
  };
  const [hers, again, his, coded] = [opened("hers"), opened("hers"), opened("his"), opened(null)];
  sessions.endOf("hers");
  expect([hers, again].map((halves) => sessions.of(visit(halves)))).toEqual(["no-session", "no-session"]);
  for (const halves of [his, coded]) expect(sessions.of(visit(halves))).not.toBeTypeOf("string");
  expect(cut).toEqual(["hers", "hers"]);
  sessions.drop(his);
  expect(sessions.of(visit(his))).toBe("no-session");
});

describe("a code", () => {
  test("lets one browser in, once, in its time", () => {
    const { sessions, wait } = stage();
    sessions.admit(digest("first"), 1000);
    expect(sessions.enter("first")).toEqual({ kind: "in" });
    expect(sessions.enter("first")).toEqual({ kind: "refused", why: "wrong-code" });
    sessions.admit(digest("late"), 1000);
    wait(1000);
    expect(sessions.enter("late")).toEqual({ kind: "refused", why: "wrong-code" });
  });

  test("cannot be guessed: after twenty tries in a minute nobody is asked, the right one too", () => {
    const { sessions, wait } = stage();
    sessions.admit(digest("right"), 120_000);
    for (let tried = 0; tried < 20; tried += 1) sessions.enter(`wrong ${tried}`);
    expect(sessions.enter("right")).toEqual({ kind: "refused", why: "too-many-tries" });
    wait(60_000);
    expect(sessions.enter("right")).toEqual({ kind: "in" });
  });
});
