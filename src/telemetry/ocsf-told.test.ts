import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { BODIES, CANARY, INSTANCE, record } from "../../test/telemetry/records.ts";
import { checkOcsf } from "../../test/telemetry/ocsf-check.ts";
import { asJson } from "../protocol/as-json.ts";
import type { JsonObject, JsonValue } from "../kernel/json.ts";
import type { RecordBody, RecordKind } from "../protocol/record.ts";
import { createNames, type Names } from "./names.ts";
import { createLogs } from "./logs.ts";
import { createOcsf } from "./ocsf.ts";

const sha256 = (data: Uint8Array): Uint8Array => createHash("sha256").update(data).digest();
const names = (mode: "hashed" | "shown"): Names => createNames(mode, { salt: "s", sha256 });

function eventOf(body: RecordBody, mode: "hashed" | "shown" = "shown"): JsonObject {
  const [event] = createOcsf({ names: names(mode), version: "0.1.0" }).take({ record: record(5, body), fields: null });
  if (event === undefined) throw new Error(`${body.kind} is no event`);
  return event.value;
}

/** What records have that no receiver is told, each with its reason. */
const KEPT_BACK: { readonly [Kind in RecordKind]?: readonly string[] } = {
  // Commitments to values of secrets: which value was in force when is nobody's business outside.
  "secret-set": ["commitment"],
  "secret-rotated": ["commitment"],
  "secret-refreshed": ["before", "commitment"],
  // Words in which arguments of the agent may be quoted.
  held: ["reasons"],
  // The code is told of what did not end well; the digest of a result may be held against guesses of it.
  outcome: ["code", "digest"],
};

/** Another value of the same type. */
function other(value: JsonValue): JsonValue {
  if (value === null) return 4711;
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return value + 4711;
  if (typeof value === "string") return `${value}-other`;
  if (Array.isArray(value)) return [...value, typeof value[0] === "number" ? 4711 : "other"];
  if ("kind" in value && value["kind"] === "monitor") return { kind: "owner", key: "ed25519:89abcdef01234567" };
  const entries = Object.entries(value);
  if (entries.length === 0) return { other: 4711 };
  return Object.fromEntries(entries.map(([name, each]) => [name, name === "kind" ? each : other(each)]));
}

describe("no field of any record goes untold: changed alone, it changes the event", () => {
  test.each(Object.values(BODIES))("$kind", (body: RecordBody) => {
    const said = JSON.stringify(eventOf(body));
    const untold = Object.entries(asJson(body))
      .filter(([field]) => field !== "kind" && !(KEPT_BACK[body.kind] ?? []).includes(field))
      .filter(([field, value]) => JSON.stringify(eventOf({ ...body, [field]: other(value) })) === said)
      .map(([field]) => field);
    expect(untold).toEqual([]);
  });
});

/** The event of a record, of which the check finds nothing wrong, with names as they are and as digests. */
function bothWays(body: RecordBody): { readonly shown: JsonObject; readonly hashed: JsonObject } {
  const both = { shown: eventOf(body, "shown"), hashed: eventOf(body, "hashed") };
  for (const event of Object.values(both)) expect(checkOcsf(event)).toEqual([]);
  return both;
}

test("a quarantine of memory is a finding about the entry, the instance or the source; the name of a source is a name", () => {
  const entry = { kind: "memory-quarantined", by: "entry", value: "400" } as const;
  const finding = {
    class_uid: 2004,
    message: "memory-quarantined entry 400",
    resources: [{ uid: "400", name: "entry 400", type: "Memory" }],
    unmapped: { code: "memory-quarantined", by: "entry", value: "400" },
  };
  expect(bothWays(entry)).toMatchObject({ shown: finding, hashed: finding });
  const instance = { ...entry, by: "instance-alone", value: INSTANCE } as const;
  expect(bothWays(instance).hashed).toMatchObject({
    message: `memory-quarantined instance ${INSTANCE}`,
    unmapped: { by: "instance-alone", value: INSTANCE },
  });
  const { shown, hashed } = bothWays(BODIES["memory-quarantined"]);
  const source = `net/fetch ${CANARY}.example`;
  expect(shown).toMatchObject({
    resources: [{ uid: source, name: `source ${source}` }],
    unmapped: { by: "source", value: source },
  });
  expect(hashed["unmapped"]).toMatchObject({ by: "source", value: expect.stringMatching(/^hashed-[0-9a-f]{16}$/u) });
  expect(JSON.stringify(hashed)).not.toContain(CANARY);
});

test("an entry of memory names its number, its plane and the agent that wrote it, unless that is of another home", () => {
  const body = BODIES["memory-kept"];
  const { hashed } = bothWays(body);
  expect(hashed).toMatchObject({
    class_uid: 3004,
    activity_id: 1,
    message: "memory-kept entry 3 of ephemeral of writer",
    entity: { uid: "3", name: "entry 3 of ephemeral of writer", type: "Memory" },
    ai_agent: { name: "writer", instance_uid: body.instance },
    unmapped: { entry: 3, plane: "ephemeral", agent: "writer", by: "writer", bytes: 12, labels: ["untrusted"] },
  });
  const imported = bothWays({ ...body, imported: 7 }).hashed;
  expect(imported["unmapped"]).toMatchObject({ by: "writer", imported: 7 });
  expect([imported["ai_agent"], imported["actor"]]).toEqual([undefined, undefined]);
});

test("what owners sign about memory says what it is about, with its numbers", () => {
  const released = { ...BODIES["memory-released"], by: "entry", value: "400" } as const;
  expect(bothWays(released).hashed).toMatchObject({ entity: { name: "entry 400" }, unmapped: { value: "400" } });
  expect(bothWays({ ...BODIES["memory-erased"], count: 2 }).hashed).toMatchObject({
    entity: { name: "entries that record 5 names" },
    unmapped: { count: 2 },
  });
  expect(bothWays(BODIES["memory-budget-set"]).hashed).toMatchObject({
    entity: { name: "ephemeral of writer", type: "Memory budget" },
    unmapped: { agent: "writer", what: "ephemeral", bytes: 9, count: 2 },
  });
  expect(bothWays(BODIES["memory-frozen"]).hashed).toMatchObject({ entity: { name: "rules of writer", version: "1" } });
  expect(bothWays(BODIES["memory-imported"]).shown["unmapped"]).toMatchObject({
    origin: `${CANARY}.example`,
    count: 2,
  });
});

test("a pinned driver is named with its pin", () => {
  const { driver, pin } = BODIES["driver-pinned"];
  expect(bothWays(BODIES["driver-pinned"]).hashed["unmapped"]).toMatchObject({ driver, pin, instance: INSTANCE });
});

test("who froze everything is told, and never in the monitor's words, which may quote the agent's", () => {
  const by = { kind: "owner", key: "ed25519:0123456789abcdef" } as const;
  expect(eventOf({ kind: "all-frozen", by })["unmapped"]).toMatchObject({ decider: "owner", owner: by.key });
  expect(JSON.stringify(eventOf(BODIES["all-frozen"]))).not.toContain(CANARY);
});

test("a field that nobody has looked at is told as a name, and a commitment to a secret not at all", () => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a field that a later version may have
  const later = { ...BODIES["driver-pinned"], later: CANARY } as RecordBody;
  expect(JSON.stringify(eventOf(later, "hashed"))).not.toContain(CANARY);
  expect(eventOf(later)["unmapped"]).toMatchObject({ later: CANARY });
  for (const kind of ["secret-set", "secret-rotated", "secret-refreshed"] as const) {
    expect(JSON.stringify(eventOf(BODIES[kind]))).not.toContain(BODIES[kind].commitment);
  }
});

test("a list of numbers reaches a receiver of logs whole", () => {
  const logs = createLogs({ names: names("hashed"), sha256 });
  const [log] = logs.take({ record: record(5, { ...BODIES["memory-proposed"], entries: [3, 9] }), fields: null });
  expect(log?.value["attributes"]).toContainEqual({ key: "aios.entries", value: { stringValue: "[3,9]" } });
});
