import { createHash, generateKeyPairSync, sign, verify, createPublicKey } from "node:crypto";
import { describe, expect, test } from "vitest";
import { entryText, type GatePort } from "../protocol/port-gate-table.ts";
import { createGate, SESSION_MS, type Gate } from "./port-gate.ts";
import type { Visit } from "./visit.ts";

const HOST = "web.a.localhost:8080";
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
  const port: GatePort = { name: "web", agent: "a", host: "web.a.localhost", inside: 80, outside: 8080, keys };
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

function entry(gate: Gate, by: ReturnType<typeof client>, origin: string = ORIGIN): ReturnType<Gate["enter"]> {
  const challenge = gate.challenge() ?? "";
  const signature = by.sign(entryText(origin, challenge));
  return gate.enter(JSON.stringify({ key: by.key, challenge, signature }));
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
    expect(entry(gate, one, "http://web.a.localhost:9999")).toEqual(wrong);
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
    ["another host", { headers: [["host", "web.a.localhost"]] }, "host"],
    ["the host with a dot behind", { headers: [["host", "web.a.localhost.:8080"]] }, "host"],
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

  test("answers the program of a service worker as one that is replaced, and serves no script at an address", () => {
    const { gate } = stage([]);
    const worker = { ...visit({ "service-worker": "script" }), target: "/.aios/entry.js" };
    expect(gate.judge(worker)).toEqual({ kind: "refused", why: "worker", status: 200 });
    expect(gate.judge({ ...visit(), target: "/.aios/entry.js" })).toMatchObject({ why: "malformed", status: 404 });
    // A page of another site brings no answer about, replaced or not.
    const foreign = visit({ "service-worker": "script", "sec-fetch-site": "cross-site" });
    expect(gate.judge(foreign)).toMatchObject({ why: "cross-site" });
  });

  test("shows its page to who comes as a browser does, and serves its entry to its own origin", () => {
    const { gate } = stage([]);
    expect(gate.judge(visit({ accept: "text/html,*/*" }))).toEqual({ kind: "own", what: "page" });
    const post = visit({ origin: ORIGIN }, "POST");
    expect(gate.judge({ ...post, target: "/.aios/enter" })).toEqual({ kind: "own", what: "enter" });
  });
});
