import { describe, expect, test } from "vitest";
import { decideAction } from "./decision.ts";
import { decodeGrant } from "./grant-decoder.ts";
import { NET_TOOLS, type NetRequest } from "./net.ts";
import { decodeSecret } from "./secret-document.ts";
import {
  decodeBinding,
  decodeRemoval,
  fillPath,
  fitsPath,
  holdsPlaceholder,
  parseOrigin,
  parseSecretOrigin,
  placeholderUse,
  type Injection,
} from "./secrets.ts";
import { action, decisionInput, grant } from "../../test/fakes/kernel.ts";

const PLACEHOLDER = `aios-secret-bank-${"a1".repeat(16)}`;
const BINDING = {
  secret: "bank",
  to: "https://api.example.org",
  methods: ["POST"],
  path: "/v1",
  header: "authorization",
  scheme: "Bearer",
};
const INJECTION: Injection = { ...BINDING, placeholder: PLACEHOLDER };

function call(change: Partial<NetRequest> = {}): NetRequest {
  return {
    tool: "send",
    scheme: "https",
    host: "api.example.org",
    port: 443,
    method: "POST",
    path: "/v1/a",
    target: "/v1/a",
    headers: [["authorization", `Bearer ${PLACEHOLDER}`]],
    body: { kind: "none" },
    upgrade: false,
    ...change,
  };
}

describe("a binding", () => {
  test("reads to what it says", () => {
    expect(decodeBinding({ ...BINDING, methods: ["POST"] })).toEqual({ kind: "ok", value: BINDING });
    expect(decodeBinding({ ...BINDING, to: "http://localhost:8080", scheme: null, header: "x-api-key" }).kind).toBe(
      "ok",
    );
  });
  test.each([
    ["to another machine in clear", { to: "http://api.example.org" }],
    ["to an address", { to: "https://10.0.0.1" }],
    ["to an origin in another spelling", { to: "https://api.example.org:443" }],
    ["to an origin with a path", { to: "https://api.example.org/" }],
    ["without a method", { methods: [] }],
    ["with a method twice", { methods: ["GET", "GET"] }],
    ["with a method of a proxy", { methods: ["CONNECT"] }],
    ["to a path with two readings", { path: "/v1/../v2" }],
    ["to a path with a query", { path: "/v1?a" }],
    ["in a header that frames the message", { header: "content-length" }],
    ["in a header that means something else", { header: "range" }],
    ["in a header in capitals", { header: "X-Api-Key" }],
    ["as Basic, which encodes it with a name", { scheme: "Basic" }],
    ["with a scheme of two words", { scheme: "Bearer x" }],
    ["with a field more", { value: "sk-123" }],
    ["of a secret without a name", { secret: "Bank" }],
  ])("%s is refused", (_, change) => {
    expect(decodeBinding({ ...BINDING, ...change }).kind).toBe("refused");
  });
});

const BEHIND = {
  secret: "bank",
  to: "https://api.example.org",
  methods: ["POST", "GET"],
  after: ["/bot", "/file/bot"],
};

describe("a binding to a path", () => {
  test("reads to what it says", () => {
    expect(decodeBinding(BEHIND)).toEqual({ kind: "ok", value: BEHIND });
  });
  test.each([
    ["behind nothing", { after: [] }],
    ["behind the root", { after: ["/"] }],
    ["behind a folder, as its own segment", { after: ["/bot/"] }],
    ["behind the same twice", { after: ["/bot", "/bot"] }],
    ["behind a path with two readings", { after: ["/a/../bot"] }],
    ["behind a query", { after: ["/bot?x="] }],
    ["with a header besides", { header: "authorization" }],
    ["with a path besides", { path: "/" }],
    ["to another machine in clear", { to: "http://api.example.org" }],
  ])("%s is refused", (_, change) => {
    expect(decodeBinding({ ...BEHIND, ...change }).kind).toBe("refused");
  });
});

describe("a placeholder in a path", () => {
  const injection: Injection = { ...BEHIND, placeholder: PLACEHOLDER };
  const asked = (target: string, change: Partial<NetRequest> = {}): NetRequest =>
    call({ headers: [], target, path: target.split("?")[0] ?? "", ...change });

  test.each([`/bot${PLACEHOLDER}/getMe`, `/file/bot${PLACEHOLDER}/photos/1.jpg`, `/bot${PLACEHOLDER}?a=b`])(
    "is injected at %s",
    (target) => {
      expect(placeholderUse(asked(target), [INJECTION, injection])).toEqual({ kind: "inject", injection });
      expect(fillPath(target, injection, "1:x")).toBe(target.replace(PLACEHOLDER, "1:x"));
    },
  );

  test.each<[string, NetRequest]>([
    ["behind another path", asked(`/bots${PLACEHOLDER}/getMe`)],
    ["deeper in the path", asked(`/x/bot${PLACEHOLDER}/getMe`)],
    ["twice", asked(`/bot${PLACEHOLDER}/${PLACEHOLDER}`)],
    ["in the query too", asked(`/bot${PLACEHOLDER}/getMe?a=${PLACEHOLDER}`)],
    ["with more of its segment", asked(`/bot${PLACEHOLDER}x/getMe`)],
    ["with an escape at its end", asked(`/bot${PLACEHOLDER}%2fgetMe`)],
    ["in capitals", asked(`/bot${PLACEHOLDER.toUpperCase()}/getMe`)],
    ["escaped", asked(`/bot${PLACEHOLDER.replaceAll("-", "%2D")}/getMe`)],
    ["of another agent's", asked(`/bot${PLACEHOLDER.replaceAll("a1", "b2")}/getMe`)],
    ["and in a header", asked(`/bot${PLACEHOLDER}/getMe`, { headers: [["x-key", PLACEHOLDER]] })],
    ["and in a body", asked(`/bot${PLACEHOLDER}/getMe`, { body: { kind: "text", text: PLACEHOLDER } })],
    ["to another host", asked(`/bot${PLACEHOLDER}/getMe`, { host: "api.example.com" })],
    ["with another method", asked(`/bot${PLACEHOLDER}/getMe`, { method: "PUT" })],
    ["for a part of a file", asked(`/file/bot${PLACEHOLDER}/a`, { headers: [["range", "bytes=0-1"]] })],
    ["in a header that it is not bound to", call()],
  ])("%s is misplaced", (_, wrong) => {
    expect(placeholderUse(wrong, [injection]).kind).toBe("misplaced");
  });

  test("takes the place of no value that a path would read otherwise", () => {
    expect(fitsPath("123456:AAF-x_y.z~")).toBe(true);
    for (const value of ["a/b", "a?b", "a#b", "a%41", "a b", ""]) expect(fitsPath(value)).toBe(false);
  });
});

test("what is signed of a value is a commitment and never the value", () => {
  const set = { secret: "bank", kind: "value", commitment: `sha256:${"0".repeat(64)}` };
  expect(decodeSecret(set)).toEqual({ kind: "ok", value: set });
  expect(decodeSecret({ ...set, commitment: "sk-12345678" }).kind).toBe("refused");
  expect(decodeSecret({ ...set, value: "sk-12345678" }).kind).toBe("refused");
  expect(decodeRemoval({ secret: "bank" })).toEqual({ kind: "ok", value: { secret: "bank" } });
  expect(decodeRemoval({ secret: "bank", to: "x" }).kind).toBe("refused");
});

test("an origin has one spelling, and a secret goes over TLS or to this machine", () => {
  expect(parseOrigin("http://example.org")).toEqual({ scheme: "http", host: "example.org", port: 80 });
  expect(parseSecretOrigin("http://example.org")).toBeNull();
  expect(parseSecretOrigin("https://example.org:8443")).toEqual({ scheme: "https", host: "example.org", port: 8443 });
  expect(parseOrigin("https://EXAMPLE.org")).toBeNull();
  expect(parseOrigin("https://me@example.org")).toBeNull();
});

describe("a placeholder", () => {
  test.each([
    PLACEHOLDER,
    PLACEHOLDER.toUpperCase(),
    `x${PLACEHOLDER}y`,
    encodeURIComponent(PLACEHOLDER).replace("a", "%61"),
    PLACEHOLDER.replaceAll("-", "%252d"),
    ...[0, 1, 2].map((lead) => Buffer.from(`${"u".repeat(lead)}${PLACEHOLDER}`).toString("base64")),
    ...[0, 1, 2].map((lead) => Buffer.from(`${"~".repeat(lead)}${PLACEHOLDER}~~~`).toString("base64url")),
  ])("is seen in %s", (text) => expect(holdsPlaceholder(text)).toBe(true));
  test.each(["", "aios", "aios secret", "a secret of aios-", "%61%62"])("is not seen in %j", (text) =>
    expect(holdsPlaceholder(text)).toBe(false),
  );

  test("is injected where its binding says, and nowhere else", () => {
    expect(placeholderUse(call(), [INJECTION])).toEqual({ kind: "inject", injection: INJECTION });
    expect(placeholderUse(call({ headers: [] }), [INJECTION])).toEqual({ kind: "none" });
    expect(placeholderUse(call(), []).kind).toBe("misplaced");
  });

  test("is injected by the binding that fits when there are several", () => {
    const second = { ...INJECTION, to: "https://other.example.org" };
    const asked = call({ host: "other.example.org" });
    expect(placeholderUse(asked, [INJECTION, second])).toEqual({ kind: "inject", injection: second });
  });

  const header = (name: string, value: string): Partial<NetRequest> => ({ headers: [[name, value]] });
  test.each<[string, Partial<NetRequest>]>([
    ["another scheme", { scheme: "http" }],
    ["another host", { host: "api.example.com" }],
    ["another port", { port: 8443 }],
    ["another path", { path: "/v2", target: "/v2" }],
    ["another method", { method: "PUT" }],
    ["a WebSocket", { upgrade: true }],
    ["a header that is there twice", { headers: [...call().headers, ["authorization", "Bearer mine"]] }],
    ["a part of a resource", { headers: [...call().headers, ["range", "bytes=0-1"]] }],
    ["another word before it", header("authorization", `Token ${PLACEHOLDER}`)],
    ["no word before it", header("authorization", PLACEHOLDER)],
    ["another header", header("x-api-key", PLACEHOLDER)],
    ["the name of a header", header(PLACEHOLDER, "x")],
    ["a text body", { body: { kind: "text", text: `{"key":"${PLACEHOLDER}"}` } }],
    ["a body of bytes", { body: { kind: "base64", base64: Buffer.from(`\xff${PLACEHOLDER}`).toString("base64") } }],
    ["a query", { target: `/v1/a?k=${PLACEHOLDER}` }],
  ])("in %s is misplaced", (_, change) => {
    expect(placeholderUse(call(change), [INJECTION]).kind).toBe("misplaced");
  });
});

test("an action with a misplaced placeholder is denied, under any grant and lease", () => {
  const args = {
    scheme: "https",
    host: "evil.example.org",
    port: 443,
    method: "GET",
    path: "/",
    target: "/",
    headers: [["authorization", `Bearer ${PLACEHOLDER}`]],
  };
  const asked = action({ driver: "net", name: "fetch", arguments: args });
  const grants = [grant({ allow: [{ what: "net/fetch", where: {} }] })];
  const input = decisionInput({ action: asked, tool: NET_TOOLS.fetch, grants, injections: [INJECTION] });
  expect(decideAction(input)).toMatchObject({ kind: "denied", code: "secret-not-injected" });
  const twin = { ...asked, arguments: { ...args, headers: [] } };
  expect(decideAction({ ...input, action: twin }).kind).toBe("granted");
});

describe("the secrets of a grant", () => {
  const use = { secret: "bank", to: "https://api.example.org" };
  const withSecrets = (secrets: unknown): ReturnType<typeof decodeGrant> =>
    decodeGrant(
      JSON.parse(
        JSON.stringify({
          ...grant(),
          sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [], secrets },
        }),
      ),
    );
  test("say by variable which secret and where to; none are written by leaving them out", () => {
    const read = withSecrets({ BANK_KEY: use });
    expect(read).toMatchObject({ kind: "ok", value: { sandbox: { secrets: { BANK_KEY: use } } } });
    expect(decodeGrant(JSON.parse(JSON.stringify(grant()))).kind).toBe("ok");
    expect(withSecrets({}).kind).toBe("refused");
  });
  test.each([
    "PATH",
    "LD_PRELOAD",
    "NODE_OPTIONS",
    "HTTPS_PROXY",
    "http_proxy",
    "AIOS_X",
    "HOME",
    "BASH_ENV",
    "A B",
    "",
  ])("do not take the place of %j", (name) => expect(withSecrets({ [name]: use }).kind).toBe("refused"));
  test.each([{ secret: "bank" }, { ...use, to: "http://api.example.org" }, { ...use, value: "x" }])(
    "are refused as %j",
    (wrong) => expect(withSecrets({ BANK_KEY: wrong }).kind).toBe("refused"),
  );
});
