import { expect, test } from "vitest";
import { decode } from "./decode.ts";
import { MONITOR_REFRESHER, REFRESHER_SIDE } from "./refresh-order.ts";

const order = {
  login: { endpoint: "https://login.example.org/token", client: "a-client", scopes: ["chat"], format: "form" },
  token: "ort-12345678",
};
const renewed = { kind: "renewed", access: "oat-12345678", refresh: null, seconds: 3600 };

test("a refresher serves one request, and asks and says nothing", () => {
  expect(Object.keys(REFRESHER_SIDE.serves)).toEqual(["refresh"]);
  const { asks, says } = REFRESHER_SIDE;
  const { serves, hears } = MONITOR_REFRESHER;
  expect([asks, says, serves, hears]).toEqual([{}, {}, {}, {}]);
  expect(decode(REFRESHER_SIDE.serves.refresh, order)).toEqual({ kind: "ok", value: order });
});

test.each([
  { token: "ort-1234567 " },
  { token: "short" },
  { token: 12_345_678 },
  { login: { ...order.login, endpoint: "http://login.example.org/token" } },
  { more: "ort-12345678" },
])("%j is no order, and what is said of it holds no token", (change) => {
  const read = decode(REFRESHER_SIDE.serves.refresh, { ...order, ...change });
  expect(read.kind).toBe("refused");
  expect(JSON.stringify(read)).not.toContain("1234567");
});

test("what it answers is new tokens or one word of a closed list", () => {
  const answer = MONITOR_REFRESHER.asks.refresh;
  for (const each of [renewed, { ...renewed, refresh: "ort-87654321", seconds: null }]) {
    expect(decode(answer, each)).toEqual({ kind: "ok", value: each });
  }
  expect(decode(answer, { kind: "failed", fault: "rejected" }).kind).toBe("ok");
  for (const each of [
    { kind: "failed", fault: "the token oat-12345678 is over" },
    { kind: "failed", fault: "rejected", text: "oat-12345678" },
    { ...renewed, access: "oat-1234567\n" },
    { ...renewed, seconds: 0 },
  ]) {
    const read = decode(answer, each);
    expect(read.kind).toBe("refused");
    expect(JSON.stringify(read)).not.toContain("1234567");
  }
});
