import { expect, test } from "vitest";
import { ALERTER_SIDE, type AlertOrder } from "./alert-order.ts";
import { decode } from "./decode.ts";

const ORDER: AlertOrder = {
  scheme: "https",
  host: "ntfy.example",
  port: 443,
  path: "/topic",
  reach: "public",
  headers: { title: "AIOS", authorization: "Bearer tk_secret" },
  body: "words",
};
const send = (change: object): unknown => decode(ALERTER_SIDE.serves.send, { ...ORDER, ...change });

test("an order is a request whose headers end where they end", () => {
  expect(send({})).toMatchObject({ kind: "ok" });
  for (const value of ["a\r\nx: y", "a\nb", "a\u0000", "a\u202eb", ""]) {
    expect(send({ headers: { title: value } })).toMatchObject({ kind: "refused" });
  }
  for (const name of ["x y", "x\r\ny", "Title", "x:", ""]) {
    expect(send({ headers: { [name]: "a" } })).toMatchObject({ kind: "refused" });
  }
  for (const path of ["topic", "/a b", "/a\r\nHost: b"]) expect(send({ path })).toMatchObject({ kind: "refused" });
});

test("what is said of a header that is refused holds nothing of it", () => {
  expect(JSON.stringify(send({ headers: { authorization: "Bearer tk_secret\n" } }))).not.toContain("tk_secret");
});
