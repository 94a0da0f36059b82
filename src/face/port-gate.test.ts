import { createHash, generateKeyPairSync, sign, verify, createPublicKey } from "node:crypto";
import { describe, expect, test } from "vitest";
import { entryText, GATE_DOORS } from "../protocol/port-entry.ts";
import type { GatePort } from "../protocol/port-gate-table.ts";
import { createGate, SESSION_MS, type Gate } from "./port-gate.ts";
import type { Visit } from "./visit.ts";

const NAME = "0123456789abcdef.web.a.localhost";
const HOST = `${NAME}:8080`;
const ORIGIN = `http://${HOST}`;

function client(): { readonly key: string; sign(text: string): string } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    key: publicKey.export({ format: "jwk" }).x ?? "",
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString("base64"),
  };
}

function stage(keys: readonly string[]): { readonly gate: Gate; wait(ms: number): void } {
  let [now, drawn] = [0, 0];
  const port: GatePort = { name: "web", agent: "a", host: NAME, inside: 80, outside: 8080, listeners: 1, keys };
  const gate = createGate(port, {
    now: () => now,
    random: { bytes: () => new Uint8Array(), hex: (bytes) => String(++drawn).padStart(2 * bytes, "0") },
    crypto: {
      sha256: (data) => createHash("sha256").update(data).digest(),
      verify: (key, message, signature) => {
        const x = Buffer.from(key).toString("base64url");
        return verify(
          null,
          message,
          createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x } }),
          signature,
        );
      },
    },
  });
  return { gate, wait: (ms) => void (now += ms) };
}

function proof(gate: Gate, by: ReturnType<typeof client>, origin: string = ORIGIN): string {
  const challenge = gate.challenge() ?? "";
  const signature = by.sign(entryText(origin, challenge));
  return JSON.stringify({ key: by.key, challenge, signature });
}
function entry(gate: Gate, by: ReturnType<typeof client>, origin: string = ORIGIN): ReturnType<Gate["enter"]> {
  return gate.enter(proof(gate, by, origin));
}
/** What a browser hands in that has opened a link. */
function shown(made: ReturnType<Gate["link"]>): string {
  if (made.kind !== "link") throw new Error(made.why);
  return JSON.stringify({ token: made.token });
}

function visit(headers: { readonly [name: string]: string } = {}, method: string = "GET"): Visit {
  const all = { host: HOST, ...headers };
  return { method, target: "/", headers: Object.entries(all), upgrade: false };
}

function cookieOf(entered: ReturnType<Gate["enter"]>): { readonly cookie: string } {
  if (entered.kind !== "in") throw new Error(entered.why);
  return { cookie: `theirs=1; aios-web=${entered.cookie}` };
}

describe("the gate of a published port", () => {
  test("lets in who signs its challenge with a paired key, and passes that session only", () => {
    const one = client();
    const { gate } = stage([one.key]);
    const session = cookieOf(entry(gate, one));
    expect(gate.judge(visit(session)).kind).toBe("pass");
    expect(gate.judge(visit())).toEqual({ kind: "refused", why: "unpaired", status: 401 });
    expect(gate.judge(visit({ cookie: "aios-web=" })).kind).toBe("refused");
    expect(gate.judge(visit({ cookie: session.cookie.replace("aios-web", "aios-other") })).kind).toBe("refused");
  });

  test("takes a signature for its own origin and challenge, once, within a minute", () => {
    const one = client();
    const { gate, wait } = stage([one.key]);
    const wrong = { kind: "refused", why: "wrong-key", status: 403 };
    expect(entry(gate, one, `http://${NAME}:9999`)).toEqual(wrong);
    expect(entry(gate, client())).toEqual(wrong);
    const challenge = gate.challenge() ?? "";
    const body = JSON.stringify({ key: one.key, challenge, signature: one.sign(entryText(ORIGIN, challenge)) });
    expect(gate.enter(body).kind).toBe("in");
    expect(gate.enter(body)).toEqual(wrong);
    const late = gate.challenge() ?? "";
    wait(60_000);
    const signature = one.sign(entryText(ORIGIN, late));
    expect(gate.enter(JSON.stringify({ key: one.key, challenge: late, signature }))).toEqual(wrong);
  });

  test("reads an entry of one shape only", () => {
    const { gate } = stage([]);
    for (const body of [
      "",
      "{}",
      "[]",
      '{"key":"x","challenge":"y","signature":"z","approved":true}',
      "x".repeat(5000),
    ])
      expect(gate.enter(body)).toEqual({ kind: "refused", why: "malformed", status: 400 });
  });

  test("ends a session when its key may not come any more, and cuts what it had under way", () => {
    const [one, two] = [client(), client()];
    const { gate } = stage([one.key, two.key]);
    const [first, second] = [cookieOf(entry(gate, one)), cookieOf(entry(gate, two))];
    let cut = 0;
    const passed = gate.judge(visit(first));
    if (passed.kind === "pass") passed.session.uses.add(() => cut++);
    gate.admit([two.key]);
    expect([cut, gate.judge(visit(first)).kind, gate.judge(visit(second)).kind]).toEqual([1, "refused", "pass"]);
  });

  test("ends every session after its time", () => {
    const one = client();
    const { gate, wait } = stage([one.key]);
    const session = cookieOf(entry(gate, one));
    wait(SESSION_MS - 1);
    expect(gate.judge(visit(session)).kind).toBe("pass");
    wait(1);
    expect(gate.judge(visit(session)).kind).toBe("refused");
  });

  test("counts tries before it looks at them, the right ones too, and takes up again after a minute", () => {
    const one = client();
    const { gate, wait } = stage([one.key]);
    for (let tried = 0; tried < 10; tried++) expect(entry(gate, one).kind).toBe("in");
    expect(gate.challenge()).toBeNull();
    expect(gate.enter("{}")).toEqual({ kind: "refused", why: "flood", status: 429 });
    wait(60_000);
    expect(entry(gate, one).kind).toBe("in");
  });

  test("counts requests before it looks at them, those of a session too", () => {
    const one = client();
    const { gate, wait } = stage([one.key]);
    const session = cookieOf(entry(gate, one));
    for (let asked = 0; asked < 2000; asked++) gate.judge(visit({ host: "evil.example" }));
    expect(gate.judge(visit(session))).toEqual({ kind: "refused", why: "flood", status: 429 });
    wait(10_000);
    expect(gate.judge(visit(session)).kind).toBe("pass");
  });

  test.each([
    ["no host", { headers: [] }, "malformed"],
    [
      "two hosts",
      {
        headers: [
          ["host", HOST],
          ["host", "evil.example"],
        ],
      },
      "malformed",
    ],
    ["an address for a target", { target: `http://${HOST}/` }, "malformed"],
    [
      "two origins",
      {
        headers: [
          ["host", HOST],
          ["origin", ORIGIN],
          ["origin", ORIGIN],
        ],
      },
      "malformed",
    ],
    ["another host", { headers: [["host", NAME]] }, "host"],
    ["the name without a label, as ports had it once", { headers: [["host", "web.a.localhost:8080"]] }, "host"],
    ["another label", { headers: [["host", `0123456789abcdee.web.a.localhost:8080`]] }, "host"],
    ["the host with a dot behind", { headers: [["host", `${NAME}.:8080`]] }, "host"],
    ["a post without an origin", { method: "POST" }, "origin"],
    ["an upgrade without an origin", { upgrade: true }, "origin"],
    [
      "an origin with a path",
      {
        headers: [
          ["host", HOST],
          ["origin", `${ORIGIN}/`],
        ],
      },
      "origin",
    ],
    [
      "a link from elsewhere",
      {
        headers: [
          ["host", HOST],
          ["sec-fetch-site", "cross-site"],
        ],
      },
      "cross-site",
    ],
    ["an own address that is none", { target: "/.aios/other" }, "malformed"],
    [
      "the program of a service worker",
      {
        headers: [
          ["host", HOST],
          ["service-worker", "script"],
        ],
      },
      "worker",
    ],
    [
      "an upgrade to something else",
      {
        upgrade: true,
        headers: [
          ["host", HOST],
          ["origin", ORIGIN],
          ["upgrade", "h2c"],
        ],
      },
      "malformed",
    ],
  ] as const)("turns away %s", (_what, change, why) => {
    const { gate } = stage([]);
    expect(gate.judge({ ...visit(), ...change })).toMatchObject({ kind: "refused", why });
  });

  test("refuses the program of a service worker, and serves no script at an address", () => {
    const { gate } = stage([]);
    const worker = { ...visit({ "service-worker": "script" }), target: "/.aios/entry.js" };
    expect(gate.judge(worker)).toEqual({ kind: "refused", why: "worker", status: 403 });
    expect(gate.judge({ ...visit(), target: "/.aios/entry.js" })).toMatchObject({ why: "malformed", status: 404 });
  });

  test("shows its page to who comes as a browser does, and serves its entry to its own origin", () => {
    const { gate } = stage([]);
    expect(gate.judge(visit({ accept: "text/html,*/*" }))).toEqual({ kind: "own", what: "page" });
    const post = visit({ origin: ORIGIN }, "POST");
    for (const [what, target] of Object.entries(GATE_DOORS))
      expect(gate.judge({ ...post, target })).toEqual({ kind: "own", what });
    expect(gate.judge({ ...visit(), target: GATE_DOORS.enter })).toMatchObject({ why: "malformed" });
  });
});

describe("a link of the gate", () => {
  const wrong = { kind: "refused", why: "wrong-link", status: 403 };

  test("lets in who shows what it holds, in the name of the key that asked for it", () => {
    const one = client();
    const { gate } = stage([one.key]);
    const entered = gate.open(shown(gate.link(proof(gate, one))));
    expect(entered).toMatchObject({ kind: "in", key: one.key });
    expect(gate.judge(visit(cookieOf(entered))).kind).toBe("pass");
  });

  test("is given to a paired key only, for a challenge that is used once", () => {
    const one = client();
    const { gate } = stage([one.key]);
    expect(gate.link(proof(gate, client()))).toMatchObject({ why: "wrong-key" });
    expect(gate.link(proof(gate, one, "http://web.a.localhost:8080"))).toMatchObject({ why: "wrong-key" });
    const proven = proof(gate, one);
    expect(gate.link(proven).kind).toBe("link");
    expect(gate.link(proven)).toMatchObject({ why: "wrong-key" });
    expect(gate.enter(proven)).toMatchObject({ why: "wrong-key" });
  });

  test("is over when it was used, after a minute, and at once with the pairing", () => {
    const [one, two] = [client(), client()];
    const { gate, wait } = stage([one.key, two.key]);
    const used = shown(gate.link(proof(gate, one)));
    expect(gate.open(used).kind).toBe("in");
    expect(gate.open(used)).toEqual(wrong);
    const late = shown(gate.link(proof(gate, one)));
    wait(59_999);
    const kept = shown(gate.link(proof(gate, two)));
    wait(1);
    expect(gate.open(late)).toEqual(wrong);
    gate.admit([one.key]);
    expect(gate.open(kept)).toEqual(wrong);
  });

  test("is of one port: another takes nothing of it, and its session ends with its key", () => {
    const one = client();
    const [{ gate }, other] = [stage([one.key]), stage([one.key])];
    const made = shown(gate.link(proof(gate, one)));
    expect(other.gate.open(made)).toEqual(wrong);
    const session = cookieOf(gate.open(made));
    gate.admit([]);
    expect(gate.judge(visit(session)).kind).toBe("refused");
  });

  test("is counted among the tries, right or wrong, and read in one shape only", () => {
    const one = client();
    const { gate, wait } = stage([one.key]);
    for (const body of ["", "{}", '{"token":"ab"}', `{"token":"${"a".repeat(64)}","key":"x"}`])
      expect(gate.open(body)).toEqual({ kind: "refused", why: "malformed", status: 400 });
    for (let tried = 4; tried < 20; tried++) expect(gate.open(`{"token":"${"a".repeat(64)}"}`)).toEqual(wrong);
    expect(gate.open(`{"token":"${"a".repeat(64)}"}`)).toEqual({ kind: "refused", why: "flood", status: 429 });
    expect(gate.challenge()).toBeNull();
    wait(60_000);
    expect(gate.open(shown(gate.link(proof(gate, one)))).kind).toBe("in");
  });

  test("has a page that may be opened from elsewhere in a tab, and what it holds is handed in from there only", () => {
    const { gate } = stage([]);
    const page = { ...visit(), target: GATE_DOORS.open };
    const from = (headers: { readonly [name: string]: string }, method = "GET") =>
      gate.judge({ ...page, method, headers: [...page.headers, ...Object.entries(headers)] });
    const tab = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
    expect(from({})).toEqual({ kind: "own", what: "door" });
    expect(from(tab)).toEqual({ kind: "own", what: "door" });
    expect(from({ ...tab, "sec-fetch-dest": "iframe" })).toMatchObject({ why: "cross-site" });
    expect(from({ ...tab, "sec-fetch-mode": "no-cors" })).toMatchObject({ why: "cross-site" });
    expect(from({ origin: "https://evil.example" }, "POST")).toMatchObject({ why: "origin" });
    expect(from({ ...tab, origin: "https://evil.example" }, "POST")).toMatchObject({ why: "origin" });
    expect(from({ ...tab, origin: ORIGIN }, "POST")).toMatchObject({ why: "cross-site" });
    // Nothing but that page.
    expect(gate.judge({ ...visit(tab), target: "/" })).toMatchObject({ why: "cross-site" });
    expect(gate.judge({ ...visit(tab), target: `${GATE_DOORS.open}?x` })).toMatchObject({ why: "cross-site" });
  });
});
