import { expect, test } from "vitest";
import type { Binding } from "../kernel/secrets.ts";
import { readAlertSetting } from "../protocol/alert-setting.ts";
import { alertToken } from "./alert-token.ts";
import type { SecretState } from "./state.ts";

const BOUND: Binding = {
  secret: "push",
  to: "https://ntfy.example",
  methods: ["POST"],
  path: "/agents",
  header: "authorization",
  scheme: "Bearer",
};

async function token(line: string, binding: Binding = BOUND, change: Partial<SecretState> = {}): Promise<unknown> {
  const read = readAlertSetting(line);
  const [receiver] = read.kind === "ok" ? read.value : [];
  if (receiver === undefined) throw new Error("no receiver");
  const secret: SecretState = {
    secret: "push",
    commitment: "sha256:1",
    login: null,
    key: "ed25519:0",
    since: 0,
    bindings: new Map([[binding.to, binding]]),
    ssh: new Map(),
    ...change,
  };
  const state = { secrets: new Map([["push", secret]]) };
  const open = (commitment: string): Promise<string | null> =>
    Promise.resolve(commitment === "sha256:1" ? "tk_value" : null);
  return await alertToken(receiver, { state, vault: { open } }).catch((error: unknown) => String(error));
}

test("the token goes where an owner bound it, in the header that they signed, and a line without one sends none", async () => {
  expect(await token("ntfy https://ntfy.example/agents secret=push")).toEqual({ authorization: "Bearer tk_value" });
  const bare = { ...BOUND, header: "x-key", scheme: null };
  expect(await token("https://ntfy.example:443/agents/x secret=push", bare)).toEqual({ "x-key": "tk_value" });
  expect(await token("ntfy https://ntfy.example/agents")).toEqual({});
});

test.each([
  ["another host", "ntfy https://evil.example/agents secret=push"],
  ["another port", "ntfy https://ntfy.example:8443/agents secret=push"],
  ["this machine", "ntfy http://localhost/agents secret=push"],
  ["another path", "ntfy https://ntfy.example/other secret=push"],
  ["a longer name", "ntfy https://ntfy.example/agents2 secret=push"],
])("it goes nowhere else: %s", async (_, line) => {
  expect(await token(line)).toBe('Error: the secret "push" is not bound to that address for POST, in a header');
});

test("a binding for other methods, one in a path and a login are none for alerts, nor is what does not open", async () => {
  const line = "ntfy https://ntfy.example/agents secret=push";
  const refused = /is not bound to that address/;
  expect(await token(line, { ...BOUND, methods: ["GET"] })).toMatch(refused);
  expect(await token(line, { secret: "push", to: BOUND.to, methods: ["POST"], after: ["/agents"] })).toMatch(refused);
  const login = { endpoint: "https://a.example/t", client: "c", scopes: [], format: "form" } as const;
  expect(await token(line, BOUND, { login })).toMatch(refused);
  expect(await token(line, BOUND, { commitment: "sha256:2" })).toBe('Error: the secret "push" does not open');
  expect(await token("ntfy https://ntfy.example/agents secret=other")).toBe('Error: there is no secret "other"');
});
