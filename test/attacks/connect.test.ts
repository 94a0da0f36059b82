import { readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { WardNews } from "../../src/platform/sandbox/supervisor-link.ts";
import type { SandboxSpec } from "../../src/sandbox/spec.ts";
import { makeWorkspace } from "./guarded-stage.ts";
import { harmlessSpec, setStage } from "./sandbox-stage.ts";

/*
 * A socket that a program of the host's makes in a folder, after an agent has begun to work there: whoever may name it may
 * connect to it, across network namespaces and on a mount that is only read. Without a supervisor (a role that has none) each
 * way there succeeds.
 */
const ATTACKER_INSIDE = "/aios/connect-attacker.ts";
const ATTACKER = readFileSync(join(import.meta.dirname, "connect-attacker.ts"), "utf8");
const stage = setStage();
const workspace = makeWorkspace(stage);
const path = join(workspace, "late.sock");
let server: Server;
let heard = "";
let visits = 0;

beforeAll(async () => {
  server = createServer((socket) => {
    visits++;
    socket.on("error", () => {}).on("data", (bytes) => (heard += bytes.toString()));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(path, { force: true });
  stage.remove();
});

async function inside(
  task: object,
  { role = "agent", kind = "write" }: { readonly role?: SandboxSpec["role"]; readonly kind?: "read" | "write" } = {},
): Promise<{ readonly said: { readonly [what: string]: unknown }; readonly news: readonly WardNews[] }> {
  const base = harmlessSpec(stage);
  const news: WardNews[] = [];
  const command = ["/aios/node", "--disable-warning=ExperimentalWarning", ATTACKER_INSIDE, JSON.stringify(task)];
  const mounts = [
    ...base.mounts,
    { kind: "text", inside: ATTACKER_INSIDE, text: ATTACKER } as const,
    { kind, host: workspace, inside: "/workspace" } as const,
  ];
  const limits = { ...base.limits, memoryBytes: 2 * 1024 ** 3 };
  const started = await stage.start(command, { role, mounts, limits }, (each) => news.push(each));
  await started.ended;
  const output = Buffer.from(started.output().bytes).toString();
  if (output === "") throw new Error(`it said nothing: ${started.errors()}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own attacker wrote it
  return { said: JSON.parse(output) as { readonly [what: string]: unknown }, news };
}

/** Visits, once all who have connected were taken in. */
async function settled(): Promise<number> {
  for (let last = -1; last !== visits;) {
    last = visits;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return visits;
}

describe("a socket of the host's in a shared folder", () => {
  it.each(["read", "write"] as const)("is not reached in any way from a mount of kind %s", async (kind) => {
    const off = await inside({ reach: "/workspace/late.sock" }, { role: "exec", kind });
    const reached = Object.entries(off.said).filter(([, result]) => result === "ok");
    expect(reached.map(([way]) => way)).toEqual([
      "its path",
      "a path with dots",
      "a link",
      "a link to the folder",
      "without waiting",
      "another root",
      "from the folder",
    ]);
    await expect.poll(() => heard.length).toBe(reached.length * "agent".length);
    const before = await settled();
    const on = await inside({ reach: "/workspace/late.sock" }, { kind });
    expect(Object.values(on.said).filter((result) => result === "ok")).toEqual([]);
    expect(on.said["its path"]).toBe("EACCES");
    expect(on.said["datagrams"]).toBe("EPROTONOSUPPORT");
    const refused = on.news.flatMap((each) => (each.event === "refused" ? [each.calls["connect"] ?? 0] : []));
    expect(refused.reduce((sum, times) => sum + times, 0)).toBeGreaterThanOrEqual(reached.length - 1);
    expect(await settled()).toBe(before);
    heard = "";
  });

  it.each(["read", "write"] as const)("is not reached by a driver either, on a mount of kind %s", async (kind) => {
    const before = await settled();
    const { said } = await inside({ reach: "/workspace/late.sock" }, { role: "driver", kind });
    const { datagrams, "a pair": pair, "a pair of packets": packets, ...ways } = said;
    expect([datagrams, pair, packets]).toEqual(["EPERM", "EISCONN", "EPROTOTYPE"]);
    expect(new Set(Object.values(ways))).toEqual(new Set(["EPERM"]));
    expect(await settled()).toBe(before);
  });

  it("is not reached by an address that another thread changes while the call is made", async () => {
    const race = { own: "/tmp/own.sock", foreign: "/workspace/late.sock", ms: 1000 };
    const before = visits;
    // On a machine that others use the other thread may not get its turn.
    for (let tries = 0; tries < 5; tries++) {
      await inside({ race: { ...race, until: ["ok"] } }, { role: "exec" });
      if ((await settled()) > before) break;
    }
    const now = await settled();
    expect(now).toBeGreaterThan(before);
    const on = await inside({ race: { ...race, until: ["ok", "EACCES"] } });
    expect(await settled()).toBe(now);
    expect(on.said["ok"]).toBeGreaterThan(0);
    expect(on.said["EACCES"]).toBeGreaterThan(0);
  });
});

it("twin: what ordinary programs connect to is what it is without a supervisor", async () => {
  const wanted = {
    "a path of one's own": "ok",
    "nobody there": "ENOENT",
    "an abstract name": "ok",
    "loopback, waiting": "ok",
    "loopback, not waiting": "EINPROGRESS",
    "loopback, nobody there": "ECONNREFUSED",
    outside: "ENETUNREACH",
    "no socket": "ENOTSOCK",
    "no descriptor": "EBADF",
    "too long": "EINVAL",
    "no room, not waiting": "EAGAIN",
    "no room, waiting": "ok",
  };
  expect((await inside({}, { role: "exec" })).said).toEqual(wanted);
  expect((await inside({})).said).toEqual(wanted);
});

it("twin: a driver speaks over loopback, and over pairs", async () => {
  const { said } = await inside({ loopback: true }, { role: "driver" });
  expect(said).toEqual({ "loopback, waiting": "ok", "a child over a pair": "ok" });
});
