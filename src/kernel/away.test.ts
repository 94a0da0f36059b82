import { expect, test } from "vitest";
import { grant, NOW } from "../../test/fakes/kernel.ts";
import { decodeAway } from "./away.ts";
import type { Grant } from "./grant.ts";
import type { JsonValue } from "./json.ts";

const UNTIL = NOW + 3_600_000;
const lease = (change: Parameters<typeof grant>[0] = {}): Grant =>
  grant({ id: "l", lease: true, limits: { uses: 2, expires: UNTIL }, drivers: {}, allow: [], ...change });

function read(document: object): string {
  // As it comes over the wire.
  const decoded = decodeAway(JSON.parse(JSON.stringify(document)) as JsonValue);
  return decoded.kind === "ok" ? "ok" : decoded.message;
}

test("an owner can be away until a moment, with leases for that stretch", () => {
  expect(read({ until: UNTIL, asked: "wait", leases: [] })).toBe("ok");
  expect(read({ until: UNTIL, asked: "deny", leases: [lease(), lease({ id: "m" })] })).toBe("ok");
});

test("attack: a lease that outlives the stretch, a plain grant, and one id twice are refused", () => {
  const long = lease({ limits: { uses: 2, expires: UNTIL + 1 } });
  expect(read({ until: UNTIL, asked: "wait", leases: [long] })).toBe("leases[0]: it outlives the stretch");
  const plain = lease({ lease: false });
  expect(read({ until: UNTIL, asked: "wait", leases: [plain] })).toMatch(/^leases\[0\]: a grant that is no lease/);
  expect(read({ until: UNTIL, asked: "wait", leases: [lease(), lease()] })).toMatch(/^leases: two of them/);
  expect(read({ until: UNTIL, asked: "wait", leases: [{ ...lease(), extra: 1 }] })).toMatch(/^leases\[0\]: unknown/);
  expect(read({ until: UNTIL, asked: "wait", leases: [lease({ limits: { uses: null, expires: UNTIL } })] })).toMatch(
    /^leases\[0\]: limits.uses/,
  );
});

test("what is not exactly such a document is refused", () => {
  const away = { until: UNTIL, asked: "wait", leases: [] };
  expect(read({ ...away, asked: "allow" })).toMatch(/^asked: /);
  expect(read({ ...away, until: 1.5 })).toMatch(/^until: /);
  expect(read({ ...away, more: true })).toMatch(/unknown field/);
  expect(read({ until: UNTIL, asked: "wait" })).toMatch(/^leases: /);
  expect(read({ ...away, leases: Array.from({ length: 17 }, (_, n) => lease({ id: `l-${n}` })) })).toMatch(/over 16/);
});
