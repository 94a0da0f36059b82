import { expect, test } from "vitest";
import type { LimitName } from "../kernel/sandbox-limits.ts";
import type { LogRecord, RecordBody } from "../protocol/record.ts";
import type { InstanceView } from "../protocol/requests.ts";
import { plainText } from "../showing/line.ts";
import { describeCause } from "./cause.ts";
import { createFakeMonitor } from "../../test/fakes/monitor-client.ts";
import { INSTANCE, instances } from "../../test/cli/cast.ts";

const [view] = instances;
const KEY = "ed25519:0011223344556677";
const frozen = (code: string): RecordBody => ({
  kind: "instance-frozen",
  instance: INSTANCE,
  by: { kind: "monitor", why: "asked" },
  code,
});
const thawed: RecordBody = { kind: "instance-thawed", instance: INSTANCE, key: KEY };
const allThawed: RecordBody = { kind: "all-thawed", key: KEY };
const resumed: RecordBody = { kind: "instance-resumed", instance: INSTANCE, why: "x" };
const ended: RecordBody = { kind: "instance-ended", instance: INSTANCE, why: "exited", exit: 0 };

/** The first line about an instance, when the log holds these records from 0 on. */
async function causeOf(
  state: InstanceView["state"],
  bodies: readonly RecordBody[],
  why: string | null = null,
): Promise<string> {
  const log = bodies.map((body, seq): LogRecord => ({
    v: 1,
    seq,
    at: 0,
    start: "0".repeat(32),
    payload: null,
    ...body,
  }));
  const { client } = createFakeMonitor({
    "log-show": ({ kinds, instance }) => ({
      entries: log
        .filter((record) => kinds.includes(record.kind))
        .filter((record) => instance === null || ("instance" in record && record.instance === instance))
        .map((record) => ({ record, payload: null })),
      size: log.length,
    }),
  });
  if (view === undefined) throw new Error("the cast has no instance");
  const [first] = await describeCause(client, { ...view, state, why });
  return first === undefined ? "" : plainText(first);
}

test("of several freezes the one that stands is named: the first since it was last let go on", async () => {
  expect(await causeOf("frozen", [frozen("breaker-open"), thawed, frozen("asked"), frozen("all-frozen")])).toContain(
    "record 2: instance-frozen",
  );
  expect(await causeOf("frozen", [frozen("all-frozen"), allThawed, frozen("held-flood")])).toContain("record 2");
  // What was frozen for another reason stays so when everything is let go on.
  expect(await causeOf("frozen", [frozen("breaker-open"), frozen("all-frozen"), allThawed])).toContain("record 0");
});

test("a freeze for the log gives way to any other, and is lifted by its own record alone", async () => {
  const log = frozen("log-unavailable");
  expect(await causeOf("frozen", [log, frozen("asked"), resumed])).toContain("record 1: instance-frozen");
  expect(await causeOf("frozen", [log, resumed, frozen("breaker-open")])).toContain("record 2: instance-frozen");
  expect(await causeOf("ended", [log, resumed, ended])).toContain("record 2: instance-ended");
});

test("a freeze that has no record yet is not mistaken for one that was lifted", async () => {
  expect(await causeOf("frozen", [frozen("breaker-open"), thawed], "asked")).toBe(
    "The log has no record of why it stopped: asked.",
  );
});

test("a limit is the cause where it is one that ends an instance, and not where calls of it failed", async () => {
  const reached = (limit: LimitName, server: { readonly driver?: string } = {}): RecordBody => ({
    ...server,
    kind: "limit-reached",
    instance: INSTANCE,
    agent: "worker",
    limit,
    most: 64,
    found: 64,
  });
  expect(await causeOf("ended", [reached("memory"), ended])).toContain("record 0: limit-reached");
  expect(await causeOf("ended", [reached("processes"), reached("files"), ended])).toContain("record 2: instance-ended");
  // That of a server ends the server alone.
  expect(await causeOf("ended", [reached("memory", { driver: "files" }), ended])).toContain("record 1: instance-ended");
  expect(await causeOf("frozen", [frozen("breaker-open"), reached("processes")])).toContain(
    "record 0: instance-frozen",
  );
});

test("one that ended is told by its end, and by a freeze only when it ended frozen", async () => {
  expect(await causeOf("ended", [frozen("breaker-open"), thawed, ended])).toContain("record 2: instance-ended");
  expect(await causeOf("ended", [frozen("breaker-open"), ended])).toContain("record 0: instance-frozen");
});
