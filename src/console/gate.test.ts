import { describe, expect, test } from "vitest";
import type { Visit } from "../face/visit.ts";
import { CONSOLE_DOORS } from "../protocol/console-table.ts";
import { createConsoleGate, type Ruling } from "./gate.ts";

const HOME = "aios-0123456789abcdef.localhost:20000";
const HOST = `00112233aabbccdd.${HOME}`;
const ORIGIN = `http://${HOST}`;
const session = { uses: new Set<() => void>() };

function judge(given: Partial<Visit> & { readonly head?: { readonly [name: string]: string } }, known = true): Ruling {
  const gate = createConsoleGate(HOST, { sessions: { of: () => (known ? session : "no-session") }, now: () => 0 });
  const head = { host: HOST, ...(given.method === "POST" ? { origin: ORIGIN } : {}), ...given.head };
  return gate({ method: "GET", target: "/", upgrade: false, ...given, headers: Object.entries(head) });
}
const why = (ruling: Ruling): string => (ruling.kind === "refused" ? ruling.why : ruling.kind);

describe("the console's gate", () => {
  test("gives files to everybody who means this very place, and the rest to a session", () => {
    expect(judge({ target: "/style.css" }, false)).toEqual({ kind: "file", path: "/style.css" });
    expect(judge({ method: "POST", target: "/enter" }, false)).toEqual({ kind: "enter" });
    for (const target of ["/ask/ps", "/watch", "/leave", "/ask/none"]) {
      expect(judge({ method: "POST", target }, false)).toEqual({ kind: "refused", why: "no-session", status: 401 });
    }
    expect(judge({ method: "POST", target: "/ask/held" })).toEqual({ kind: "ask", name: "held" });
    expect(judge({ method: "POST", target: "/watch" })).toEqual({ kind: "watch", session });
    expect(judge({ method: "POST", target: "/leave" })).toEqual({ kind: "leave" });
  });

  test("asks without a session for what lets somebody sign in or enrol, sixty times a minute, and for nothing else", () => {
    let now = 0;
    const gate = createConsoleGate(HOST, { sessions: { of: () => "no-session" }, now: () => now });
    const ask = (target: string): Ruling =>
      gate({
        method: "POST",
        target,
        headers: [
          ["host", HOST],
          ["origin", ORIGIN],
        ],
        upgrade: false,
      });
    expect(ask("/door/sign-in")).toEqual({ kind: "door", name: "sign-in" });
    for (const name of ["submit", "held-show", "owners", "invite", "prepare"]) {
      expect(why(ask(`/door/${name}`))).toBe("no-session");
    }
    for (const name of CONSOLE_DOORS) expect(why(ask(`/ask/${name}`))).toBe("no-session");
    for (let asked = 1; asked < 60; asked += 1) expect(ask("/door/sign-in-open").kind).toBe("door");
    expect(why(ask("/door/sign-in-open"))).toBe("too-many-tries");
    now = 60_000;
    expect(ask("/door/sign-in-open").kind).toBe("door");
  });

  test("asks nothing of the monitor that is not in its row of the table", () => {
    for (const name of [
      "stop",
      "run",
      "deposit",
      "invite",
      "console-open",
      "ready",
      "entered",
      "watch",
      "__proto__",
      "",
    ]) {
      expect(why(judge({ method: "POST", target: `/ask/${name}` }))).toBe("malformed");
    }
  });

  test.each([
    ["another host", { host: "localhost:20000" }, "host"],
    ["an address", { host: "127.0.0.1:20000" }, "host"],
    ["a name that was rebound", { host: "evil.example:20000" }, "host"],
    ["another port of the name", { host: HOST.replace("20000", "20001") }, "host"],
    ["a sibling's page", { origin: "http://web.agent.localhost:20000" }, "origin"],
    ["a page of another port", { origin: `http://${HOST.replace("20000", "9999")}` }, "origin"],
    ["a sandboxed page", { origin: "null" }, "origin"],
    ["what a page of another site made", { "sec-fetch-site": "cross-site" }, "cross-site"],
    ["what a page of another port made", { "sec-fetch-site": "same-site" }, "cross-site"],
  ])("turns %s away, with a session too", (_, head, refused) => {
    expect(why(judge({ method: "POST", target: "/ask/ps", head }))).toBe(refused);
    expect(why(judge({ target: "/", head }))).toBe(refused);
  });

  test.each([HOME, `ffffffffffffffff.${HOME}`])(
    "leads whoever opens a page at %s to where it is now, and nobody else; attack: a page leads nobody",
    (host) => {
      const at = (target: string, head: object = {}, method = "GET"): Ruling =>
        judge({ target, method, head: { host, ...head } }, false);
      for (const path of ["/", "/sign", "/enrol"]) {
        expect(at(path)).toEqual({ kind: "moved", path });
        expect(at(path, { "sec-fetch-site": "none" })).toEqual({ kind: "moved", path });
        for (const site of ["same-origin", "same-site", "cross-site"])
          expect(at(path, { "sec-fetch-site": site })).toEqual({ kind: "moved-on" });
        expect(why(at(path, { "service-worker": "script" }))).toBe("host");
        expect(why(at(path, { origin: `http://${host}` }, "POST"))).toBe("host");
      }
      for (const path of ["/m/page/sign.ts", "/style.css", "/worker.js", "//evil.example/"])
        expect(why(at(path))).toBe("host");
    },
  );

  test("takes no request that changes something without an origin, no WebSocket and no other method", () => {
    const gate = createConsoleGate(HOST, { sessions: { of: () => session }, now: () => 0 });
    const visit = { method: "POST", target: "/ask/ps", headers: [["host", HOST]], upgrade: false } as const;
    expect(why(gate(visit))).toBe("origin");
    expect(why(judge({ upgrade: true, head: { origin: ORIGIN, upgrade: "websocket" } }))).toBe("malformed");
    expect(why(judge({ method: "PUT", head: { origin: ORIGIN } }))).toBe("malformed");
    expect(why(judge({ method: "OPTIONS", head: { origin: ORIGIN } }))).toBe("malformed");
  });

  test("counts before it looks", () => {
    let now = 0;
    const gate = createConsoleGate(HOST, { sessions: { of: () => "no-session" }, now: () => now });
    const visit: Visit = { method: "GET", target: "/", headers: [["host", HOST]], upgrade: false };
    for (let asked = 0; asked < 2000; asked += 1) gate({ ...visit, headers: [["host", "evil.example"]] });
    expect(why(gate(visit))).toBe("flood");
    now = 10_000;
    expect(why(gate(visit))).toBe("file");
  });
});

describe("attack: a flood of strangers", () => {
  /** A gate to which visitors say who they are. */
  function stage(): (who: string, target: string, more?: Partial<Visit>) => string {
    const known = new Map([
      ["maria", { uses: new Set<() => void>() }],
      ["ben", { uses: new Set<() => void>() }],
    ]);
    const whose = ({ headers }: Visit): string => headers.find(([name]) => name === "who")?.[1] ?? "";
    const gate = createConsoleGate(HOST, {
      sessions: {
        of: (visit) => known.get(whose(visit)) ?? (whose(visit) === "cookie" ? "half-session" : "no-session"),
      },
      now: () => 0,
    });
    return (who, target, more) => {
      const headers: Visit["headers"] = [
        ["host", HOST],
        ["origin", ORIGIN],
        ["who", who],
      ];
      return why(gate({ method: "POST", target, headers, upgrade: false, ...more }));
    };
  }
  const times = (count: number, work: () => void): void => {
    for (let done = 0; done < count; done += 1) work();
  };

  test.each([
    ["of the wrong host", "stranger", { headers: [["host", "127.0.0.1:20000"]] }],
    [
      "of the wrong host that shows a session",
      "maria",
      {
        headers: [
          ["host", "127.0.0.1:20000"],
          ["who", "maria"],
        ],
      },
    ],
    ["of the right host", "stranger", {}],
    ["with the cookie alone", "cookie", {}],
  ] as const)("%s takes nothing from a person who has come in, and least of all the stop", (_, who, more) => {
    const ask = stage();
    times(2500, () => ask(who, "/x", more));
    expect(ask(who, "/x", more)).toBe("flood");
    for (const target of ["/ask/freeze", "/ask/kill", "/ask/ps"]) expect(ask("maria", target)).toBe("ask");
    expect(ask("maria", "/watch")).toBe("watch");
  });

  test("leaves the pages to a browser that has the cookie, which is all that it sends for them", () => {
    const ask = stage();
    times(2500, () => ask("stranger", "/x"));
    expect(ask("stranger", "/sign", { method: "GET" })).toBe("flood");
    expect(ask("cookie", "/sign", { method: "GET" })).toBe("file");
  });

  test("at the door keeps nobody who has come in from signing", () => {
    const ask = stage();
    times(100, () => ask("stranger", "/door/passkey-party"));
    expect(ask("stranger", "/door/passkey-party")).toBe("too-many-tries");
    expect(ask("cookie", "/door/passkey-party")).toBe("too-many-tries");
    times(100, () => expect(ask("maria", "/door/passkey-party")).toBe("door"));
    expect(ask("maria", "/door/sign-in")).toBe("door");
  });

  test("is bounded for each session too, and one takes nothing from another", () => {
    const ask = stage();
    times(2000, () => ask("maria", "/ask/ps"));
    expect(ask("maria", "/ask/ps")).toBe("flood");
    expect(ask("ben", "/ask/freeze")).toBe("ask");
    expect(ask("stranger", "/enter")).toBe("enter");
  });
});
