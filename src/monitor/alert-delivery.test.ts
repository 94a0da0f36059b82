import { expect, test } from "vitest";
import type { AlertOrder, AlertSent } from "../protocol/alert-order.ts";
import { readAlertSetting, type AlertReceiver } from "../protocol/alert-setting.ts";
import { createAlertDelivery, type DeliveryPorts } from "./alert-delivery.ts";

function receiverOf(line: string): AlertReceiver {
  const read = readAlertSetting(line);
  const [receiver] = read.kind === "ok" ? read.value : [];
  if (receiver === undefined) throw new Error("no receiver");
  return receiver;
}
const HOOK = receiverOf("https://a.example/hook");
const message = { headers: { title: "AIOS" }, body: "words" };

/** A delivery whose requests end when the test says so. */
function open(receiver = HOOK, token: DeliveryPorts["token"] = () => Promise.resolve({})) {
  const posted: { readonly order: AlertOrder; readonly end: (sent: AlertSent | Error) => void }[] = [];
  const said: string[] = [];
  const delivery = createAlertDelivery(receiver, {
    post: (order) =>
      new Promise((resolve, reject) => {
        posted.push({ order, end: (sent) => (sent instanceof Error ? reject(sent) : resolve(sent)) });
      }),
    token,
    now: () => 7,
    report: (words) => void said.push(words),
  });
  return { delivery, posted, said, settle: () => new Promise((resolve) => setImmediate(resolve)) };
}

test("alerts go one after the other, and what is not a 2xx is a failure that is kept until the next success", async () => {
  const { delivery, posted, settle } = open();
  for (let times = 0; times < 4; times++) delivery.send(message);
  const ends = [
    { kind: "answered", status: 302 },
    new Error("it took too long"),
    { kind: "failed", fault: "address-refused" },
    { kind: "answered", status: 204 },
  ] as const;
  const whys: unknown[] = [];
  for (const [at, end] of ends.entries()) {
    await settle();
    expect(posted).toHaveLength(at + 1);
    posted[at]?.end(end);
    await settle();
    whys.push(delivery.standing().fault?.why ?? null);
  }
  expect(whys).toEqual([
    "the receiver answered 302",
    "it took too long",
    "its name leads to an address that is not public, or not of this machine",
    null,
  ]);
  expect(delivery.standing()).toEqual({ to: "a.example", told: 1, failed: 3, left: 0, fault: null });
  expect(posted[0]?.order).toMatchObject({ host: "a.example", port: 443, path: "/hook", reach: "public", ...message });
});

test("a receiver that hangs makes nobody wait: what comes is left out and counted, and another's goes on", async () => {
  const [hanging, other] = [open(), open()];
  for (let times = 0; times < 100; times++) {
    hanging.delivery.send(message);
    await hanging.settle();
  }
  expect(hanging.posted).toHaveLength(1);
  expect(hanging.delivery.standing()).toMatchObject({ told: 0, failed: 0, left: 68 });
  other.delivery.send(message);
  await other.settle();
  expect(other.posted).toHaveLength(1);
});

test("what its token may not be sent with is not sent at all", async () => {
  const refused = open(HOOK, () => Promise.reject(new Error('there is no secret "push"')));
  refused.delivery.send(message);
  await refused.settle();
  expect(refused.posted).toEqual([]);
  expect(refused.said).toEqual(['an alert to a.example was not sent: there is no secret "push"']);
  const allowed = open(HOOK, () => Promise.resolve({ authorization: "Bearer tk" }));
  allowed.delivery.send(message);
  await allowed.settle();
  expect(allowed.posted[0]?.order.headers).toEqual({ title: "AIOS", authorization: "Bearer tk" });
});
