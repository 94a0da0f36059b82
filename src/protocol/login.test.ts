import { expect, test } from "vitest";
import { readRenewal, readTokens, refreshBody, tokensText } from "./login.ts";

const TOKENS = { access: "oat-12345678", refresh: "ort-12345678", expires: 1_700_000_000_000 };
const TERMS = { endpoint: "https://login.example.org/token", client: "a client", scopes: ["a", "b:c"], format: "form" };

test("tokens are read back from the text that is sealed", () => {
  expect(readTokens(tokensText(TOKENS) ?? "")).toEqual(TOKENS);
  expect(readTokens(tokensText({ ...TOKENS, expires: null }) ?? "")).toEqual({ ...TOKENS, expires: null });
});

test.each([
  { access: "short" },
  { access: "oat-1234 5678" },
  { refresh: "ort-12345678\n" },
  { refresh: "ö".repeat(10) },
  { access: "x".repeat(4001) },
  { expires: -1 },
  { expires: 1.5 },
  { expires: Number.MAX_SAFE_INTEGER },
])("there is no text for %j", (change) => expect(tokensText({ ...TOKENS, ...change })).toBeNull());

test.each(["", "{", "[]", '"oat-12345678"', JSON.stringify({ ...TOKENS, more: 1 }), '{"access":"oat-12345678"}'])(
  "%j holds no tokens",
  (text) => expect(readTokens(text)).toBeNull(),
);

test("an answer is read by the names of RFC 6749, and what it has besides means nothing", () => {
  const answer = { access_token: "oat-12345678", token_type: "bearer", expires_in: 60.9, scope: "a", id_token: {} };
  expect(readRenewal(JSON.stringify(answer))).toEqual({ access: "oat-12345678", refresh: null, seconds: 60 });
  const rotated = { access_token: "oat-12345678", refresh_token: "ort-87654321" };
  expect(readRenewal(JSON.stringify(rotated))).toEqual({
    access: "oat-12345678",
    refresh: "ort-87654321",
    seconds: null,
  });
});

test.each([
  {},
  { access_token: "short" },
  { access_token: 12_345_678 },
  { access_token: "oat-12345678\r\nx-more: 1" },
  { access_token: "oat-12345678", token_type: "mac" },
  { access_token: "oat-12345678", refresh_token: "" },
  { access_token: "oat-12345678", refresh_token: 1 },
  { access_token: "oat-12345678", expires_in: "3600" },
  { access_token: "oat-12345678", expires_in: 0 },
  { access_token: "oat-12345678", expires_in: -5 },
])("%j is no answer", (answer) => expect(readRenewal(JSON.stringify(answer))).toBeNull());

test("an answer that names a field twice is none", () => {
  expect(readRenewal('{"access_token":"oat-12345678","access_token":"oat-87654321"}')).toBeNull();
});

test("a token that lasts for ever is taken for one that lasts a year", () => {
  expect(readRenewal('{"access_token":"oat-12345678","expires_in":1000000000}')?.seconds).toBe(31_536_000);
});

test("a refresh is asked for as a form or as JSON, and nothing in a token can add a field", () => {
  expect(refreshBody({ ...TERMS, format: "form" }, "ort-1&client_id=x")).toEqual({
    type: "application/x-www-form-urlencoded",
    text: "grant_type=refresh_token&refresh_token=ort-1%26client_id%3Dx&client_id=a%20client&scope=a%20b%3Ac",
  });
  expect(refreshBody({ ...TERMS, scopes: [], format: "json" }, 'ort-1","x":"')).toEqual({
    type: "application/json",
    text: '{"client_id":"a client","grant_type":"refresh_token","refresh_token":"ort-1\\",\\"x\\":\\""}',
  });
});
