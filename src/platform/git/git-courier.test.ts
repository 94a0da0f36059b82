import { Duplex } from "node:stream";
import { expect, test } from "vitest";
import type { GitArming } from "../../protocol/git-order.ts";
import { writeHead } from "../network/broker-wire.ts";
import { createCourier, type CourierParts } from "./git-courier.ts";

const ARMING: GitArming = {
  binding: { secret: "deploy", to: "ssh://git@example.org", paths: ["/me"], hostKeys: ["ssh-ed25519 AAAA"] },
  value: "AAAA",
};
const CALL = { tool: "refs", host: "example.org", port: 22, user: "git", path: "/me/x.git" } as const;
const TICKET = "a".repeat(32);

function parts(changed: Partial<CourierParts> = {}): CourierParts {
  return {
    resolve: () => Promise.resolve([{ address: "10.0.0.1" }]),
    folder: "/nonexistent",
    serves: ({ binding }, call) => binding.to === `ssh://${call.user}@${call.host}`,
    offeredLine: (line) => line,
    pushLines: () => [],
    ...changed,
  };
}

/** Two ends of one stream. */
function pair(): readonly [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        other().push(chunk);
        done();
      },
      final(done) {
        other().push(null);
        done();
      },
    });
  const near: Duplex = make(() => far);
  const far: Duplex = make(() => near);
  return [near, far];
}

test("a courier that is not armed, or for another place, does nothing that it is told", async () => {
  const idle = createCourier(parts());
  expect(await idle.session({ ticket: TICKET, call: CALL, most: null })).toMatchObject({
    end: "failed",
    fault: "not-bound",
  });
  const armed = createCourier(parts());
  armed.arm(ARMING);
  const other = { ...CALL, user: "me" };
  expect(await armed.session({ ticket: TICKET, call: other, most: null })).toMatchObject({ fault: "not-bound" });
});

test("an address of another class is not connected to, and the face hears why", async () => {
  const courier = createCourier(parts());
  courier.arm(ARMING);
  const ended = courier.session({ ticket: TICKET, call: CALL, most: null });
  const [near, far] = pair();
  courier.serve(far);
  writeHead(near, { ticket: TICKET });
  expect(await ended).toEqual({ end: "failed", fault: "address-refused", sent: 0, received: 0, address: null });
  expect(String(near.read())).toContain('{"kind":"fault","fault":"address-refused"}');
});

test("a stream with a ticket that nobody ordered, or that was used, ends without a word", async () => {
  const courier = createCourier(parts());
  courier.arm(ARMING);
  const ended = courier.session({ ticket: TICKET, call: CALL, most: null });
  const streams = [pair(), pair()] as const;
  for (const [near, far] of streams) {
    courier.serve(far);
    writeHead(near, { ticket: TICKET });
  }
  await ended;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(streams.map(([near]) => near.read() !== null)).toEqual([true, false]);
});

test("a session that is cut before anybody came for it is over", async () => {
  const courier = createCourier(parts());
  courier.arm(ARMING);
  const ended = courier.session({ ticket: TICKET, call: CALL, most: null });
  courier.cancel(TICKET);
  expect(await ended).toMatchObject({ end: "cut", fault: "cut" });
});
