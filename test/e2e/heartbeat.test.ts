import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { expandGrant } from "../../src/protocol/expand-grant.ts";
import { decodeShortGrant } from "../../src/protocol/short-grant.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { plainProgram } from "./plain-program.ts";
import { asJson, REPO, startSubstrate, type Substrate } from "./substrate.ts";

/* The lease for a heartbeat that ships, but for its host, which is on loopback; a monitor whose clock is set by the test. */
const DAY = 86_400_000;
const HOUR = 3_600_000;
const folder = makeTemporaryFolder();
const shift = join(folder, "shift");
let aios: Substrate;
let origin: Server;
let url: string;
const seen: string[] = [];

/** Noon of a Wednesday (UTC) that comes; 1970-01-01 was a Thursday. */
const tomorrow = Math.floor(Date.now() / DAY) + 1;
const WEDNESDAY = (tomorrow + ((13 - (tomorrow % 7)) % 7)) * DAY + 12 * HOUR;

/** Sets the monitor's clock, milliseconds since 1970 UTC. */
const setClock = (to: number): void => writeFileSync(shift, String(to - Date.now()));

beforeAll(async () => {
  chmodSync(folder, 0o755);
  setClock(WEDNESDAY);
  origin = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.end("made");
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const to = `http://localhost:${(origin.address() as AddressInfo).port}`;
  url = `${to}/api/v1/tasks`;
  const clock = `${pathToFileURL(join(REPO, "test/fakes/shifted-clock.ts")).href}?by=${encodeURIComponent(shift)}`;
  aios = await startSubstrate({ flags: [`--import=${clock}`] });
  const shipped = decodeShortGrant(parse(readFileSync(join(REPO, "examples/openclaw-heartbeat.yaml"), "utf8")));
  if (shipped.kind !== "ok") throw new TypeError(shipped.message);
  const network = shipped.value.network.map((each) => ({ ...each, to }));
  const { drivers } = await aios.client.request("probe", { drivers: { net: { kind: "net" } }, workspace: null });
  const given = { now: WEDNESDAY, resolve: () => null, pins: { net: drivers["net"]?.pin ?? "" } };
  const lease = expandGrant({ ...shipped.value, network }, given);
  if (lease.kind !== "ok") throw new TypeError(lease.message);
  await aios.sign("sign-grant", asJson(lease.value));
});
afterAll(async () => {
  origin.closeAllConnections();
  origin.close();
  await aios.stop();
});

/** One beat at that time: the codes of what was denied. */
async function beat(at: number): Promise<readonly unknown[]> {
  setClock(at);
  // A clock that jumps stops everything until its owner says that it is right.
  await aios.sign("set-clock", { at });
  const plan = join(aios.workspace, `beat-${at}.json`);
  writeFileSync(plan, JSON.stringify([{ url, method: "POST", body: "{}" }]), { mode: 0o644 });
  const program = plainProgram(join(REPO, "test/fakes/network-agent.ts"), aios.workspace);
  const command = ["/aios/node", program, plan];
  const { instance } = await aios.run({ agent: "openclaw", command, code: [program, plan] });
  const asked = { from: 0, limit: 100, instance, kinds: ["denied" as const] };
  const { entries } = await aios.client.request("log-show", asked);
  return entries.map(({ record }) => (record.kind === "denied" ? record.code : null));
}

test("a heartbeat acts in its hours, once in half an hour, and not outside of them, and the digest says both", async () => {
  expect(await beat(WEDNESDAY + HOUR)).toEqual([]);
  expect(await beat(WEDNESDAY + HOUR + 600_000)).toEqual(["limit-rate"]);
  expect(await beat(WEDNESDAY + 2 * HOUR)).toEqual([]);
  expect(await beat(WEDNESDAY + 15 * HOUR)).toEqual(["outside-hours"]); // at three or four in Vienna
  expect(seen).toEqual(["POST /api/v1/tasks", "POST /api/v1/tasks"]);
  const { leases, agents, parts } = await aios.client.request("digest", { since: WEDNESDAY });
  expect(leases).toMatchObject([{ grant: "openclaw-heartbeat", agent: "openclaw", times: 2 }]);
  expect(agents).toMatchObject([{ agent: "openclaw", done: 2, denied: 2, held: 0 }]);
  expect(JSON.stringify(parts)).toContain("outside-hours");
});
