import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { BODIES, CANARY, EVERY_KIND, record } from "../../test/telemetry/records.ts";
import { checkOcsf } from "../../test/telemetry/ocsf-check.ts";
import type { JsonObject, JsonValue } from "../kernel/json.ts";
import type { LogRecord } from "../protocol/record.ts";
import type { PayloadFields } from "../protocol/telemetry-table.ts";
import { createNames } from "./names.ts";
import { createOcsf } from "./ocsf.ts";
import type { View } from "./view.ts";

const sha256 = (data: Uint8Array): Uint8Array => createHash("sha256").update(data).digest();
const ocsf = (mode: "hashed" | "shown"): View =>
  createOcsf({ names: createNames(mode, { salt: "s", sha256 }), version: "0.1.0" });
const NONE: PayloadFields = { record: 0, infer: null, net: null, programs: [], content: null };
const program = { pid: 7, parent: 6, program: `/bin/${CANARY}` };
const infer = { provider: "local", model: "m", spent: { input: 30, output: 12, cost: 1 } };
const net = { host: `${CANARY}.example`, port: 443, method: "GET", status: 200, sent: 10, received: 20 };

function events(view: View, fields: Partial<PayloadFields> = {}): readonly JsonObject[] {
  return EVERY_KIND.flatMap((each) => view.take({ record: each, fields: { ...NONE, ...fields } })).map(
    ({ value }) => value,
  );
}

/** Of every kind of record, with all that a monitor tells of it and with nothing, with names and without, and of a gap. */
function everyEvent(): readonly JsonObject[] {
  const told = { programs: [program, { ...program, pid: 8 }], infer };
  const content = { arguments: "{}", result: "r" };
  const failed = record(900, { ...BODIES.outcome, result: "failed", code: "driver-failed" });
  const gap = ocsf("hashed").gap({ from: 1, to: 2, at: 5, why: "damaged" });
  return [
    ...events(ocsf("hashed")),
    ...events(ocsf("shown"), { ...told, content }),
    ...events(ocsf("shown"), { net, infer: { provider: null, model: "m", spent: null } }),
    ...events(ocsf("hashed"), { net: { ...net, host: null, port: null, sent: null, received: null, status: null } }),
    ...[{ net: null }, { net }, { net: { ...net, host: "192.0.2.1", status: null } }].flatMap((fields) =>
      ocsf("shown")
        .take({ record: failed, fields: { ...NONE, ...fields } })
        .map(({ value }) => value),
    ),
    ...gap.map(({ value }) => value),
  ];
}

test("every kind of record is an event, whose type follows from its class", () => {
  const all = events(ocsf("hashed"));
  expect(all).toHaveLength(EVERY_KIND.length);
  for (const event of all) {
    expect(event["type_uid"]).toBe(Number(event["class_uid"]) * 100 + Number(event["activity_id"]));
    expect(Math.floor(Number(event["class_uid"]) / 1000)).toBe(event["category_uid"]);
  }
  const classOf = (kind: string): unknown =>
    all.find((event) => JSON.stringify(event["unmapped"]).includes(`"kind":"${kind}"`))?.["class_uid"];
  expect(
    [
      "terminal",
      "outcome",
      "programs-started",
      "owner-enrolled",
      "grant-signed",
      "policy-set",
      "start",
      "labelled",
    ].map(classOf),
  ).toEqual([2004, 6003, 1007, 3007, 3003, 3004, 6002, 0]);
});

test("events have the attributes of their classes, of the types that those have, those that are required, and no other", () => {
  for (const event of everyEvent()) {
    expect({ kind: event["message"], wrong: checkOcsf(event) }).toEqual({ kind: event["message"], wrong: [] });
  }
});

/** The event with each of its values changed in turn: to another type, and a number that stands for a word to one that does not. */
function mutations(event: JsonObject): readonly { readonly at: string; readonly changed: JsonObject }[] {
  const walk = (value: JsonValue, at: string, put: (value: JsonValue) => JsonObject): ReturnType<typeof mutations> => {
    const numbered = /(?:_id|_uid)$/u.test(at) && typeof value === "number";
    const wrong: JsonValue[] = [typeof value === "object" ? "text" : { other: true }, ...(numbered ? [77] : [])];
    const here = wrong.map((each) => ({ at, changed: put(each) }));
    if (at === "/unmapped" || value === null || typeof value !== "object") return here;
    if (Array.isArray(value)) {
      return [...here, ...value.flatMap((each, n) => walk(each, `${at}/${n}`, (other) => put(value.with(n, other))))];
    }
    const fields = value as JsonObject;
    const inside = Object.entries(fields).flatMap(([name, each]) =>
      walk(each, `${at}/${name}`, (other) => put({ ...fields, [name]: other })),
    );
    return [...here, { at, changed: put({ ...fields, invented: 1 }) }, ...inside];
  };
  return Object.entries(event).flatMap(([name, each]) =>
    walk(each, `/${name}`, (other) => ({ ...event, [name]: other })),
  );
}

test("no value of any event goes unchecked: changed alone, each is found", () => {
  const places = new Set<string>();
  for (const event of everyEvent()) {
    for (const { at, changed } of mutations(event)) {
      places.add(at);
      if (checkOcsf(changed).length === 0) expect.fail(`${at} of ${JSON.stringify(event)} is not checked`);
    }
  }
  for (const at of [
    "/actor/user/type_id",
    "/ai_agent/instance_uid",
    "/ai_model/ai_provider",
    "/application/product/vendor_name",
    "/connection_info/direction_id",
    "/dst_endpoint/ip",
    "/entity/policy/uid",
    "/message_context/total_tokens",
    "/observables/0/type_id",
    "/policy/uid",
    "/privileges/0",
    "/process/path",
    "/resources/0/uid",
    "/traffic/bytes",
  ]) {
    expect(places).toContain(at);
  }
});

test("the check finds what does not fit the schema", () => {
  const of = (uid: number): JsonObject => {
    const found = everyEvent().find((event) => event["class_uid"] === uid);
    if (found === undefined) throw new Error(`no event of class ${uid}`);
    return found;
  };
  const api = of(6003);
  const network = of(4001);
  const metadata = api["metadata"] as JsonObject;
  const wrong: readonly (readonly [JsonObject, string])[] = [
    [{ ...api, invented: 1 }, "/invented is not an attribute"],
    [{ ...api, constructor: 1 }, "/constructor is not an attribute"],
    [{ ...api, class_uid: 9 }, "class 9 is not there"],
    [{ ...api, category_uid: 3 }, "another category"],
    [{ ...api, type_uid: 600_300 }, "another type"],
    [{ ...api, activity_id: 9, type_uid: 600_309 }, "/activity_id is none of 0,1,2,3,4,99"],
    [{ ...api, activity_id: 99, type_uid: 600_399, activity_name: "" }, "/activity_id is 99 and has no word"],
    [{ ...api, activity_id: 2, type_uid: 600_302, activity_name: "Look" }, '/activity_id is not called "Look"'],
    [{ ...api, severity_id: 7 }, "/severity_id is none of 0,1,2,3,4,5,6,99"],
    [{ ...api, severity: "Grave" }, '/severity_id is not called "Grave"'],
    [{ ...api, status_id: "1", status: "Failure" }, '/status_id is not called "Failure"'],
    [{ ...api, time: "today" }, "/time is no timestamp"],
    [{ ...api, duration: 2 }, "a duration of one event"],
    [{ ...api, metadata: { ...metadata, version: "1.0.0" } }, "another version of the schema"],
    [{ ...api, metadata: { ...metadata, profiles: ["cloud"] } }, "profile cloud is not in the class"],
    [
      { ...api, metadata: { ...metadata, profiles: ["host"] } },
      "/ai_agent is of the profile ai_operation, which is not named",
    ],
    [{ ...api, metadata: { ...metadata, product: { vendor_name: "AIOS" } } }, "/metadata/product: none of name,uid"],
    [{ ...api, disposition_id: 1, disposition: "Passed" }, '/disposition_id is not called "Passed"'],
    [{ ...api, ai_model: { name: "m" } }, "/ai_model/ai_provider is missing"],
    [{ ...api, observables: [{ name: "actor.user.name" }] }, "/observables/0/type_id is missing"],
    [{ ...api, api: { operation: 1 } }, "/api/operation is no string"],
    [{ ...api, api: [] }, "/api: no object"],
    [{ ...api, actor: {} }, "/actor: none of process,user,iam_role,invoked_by,session,application,app_name,app_uid"],
    [{ ...network, metadata: { ...metadata, profiles: [] } }, "/actor is of the profile host, which is not named"],
    [{ ...network, dst_endpoint: { name: "a", port: 70_000 } }, "/dst_endpoint/port is no port"],
    [{ ...network, traffic: { bytes: 1.5 } }, "/traffic/bytes is no integer"],
    // Of two profiles that some classes know, findings know one.
    [
      { ...of(2004), metadata: { ...metadata, profiles: ["ai_operation"] } },
      "profile ai_operation is not in the class",
    ],
    [{ ...of(2004), status: "Success" }, '/status_id is not called "Success"'],
    // Deprecated since 1.9.0.
    [{ ...of(6002), app: { name: "aiosd", vendor_name: "AIOS" } }, "/app is not an attribute"],
    [{ ...of(2004), is_alert: "yes" }, "/is_alert is no boolean"],
    [{ ...of(2004), resources: {} }, "/resources is no array"],
    [{ ...of(2004), finding_info: { uid: "a", title: "b", types: [1] } }, "/finding_info/types/0 is no string"],
    [{ ...of(3003), privileges: "all" }, "/privileges is no array"],
    [{ ...of(3007), user: { uid: "a", type_id: 2, type: "Root" } }, '/user/type_id is not called "Root"'],
    [{ ...of(1007), device: { uid: "a", type_id: 99 } }, "/device/type_id is 99 and has no word"],
    [{ ...of(3004), unmapped: "more" }, "/unmapped: no object"],
  ];
  for (const [event, said] of wrong) expect(checkOcsf(event)).toContain(said);
  for (const name of ["time", "metadata", "severity_id", "activity_id", "actor", "api", "src_endpoint"]) {
    const { [name]: _, ...rest } = api;
    expect(checkOcsf(rest)).toContain(`/${name} is missing`);
  }
  const { privileges: _, ...nobody } = of(3003);
  expect(checkOcsf(nobody)).toContain("/: none of privileges,groups,iam_roles".slice(1));
});

test("no word that somebody else chose is in any of them, and with names shown it is", () => {
  const fields = { programs: [program], net };
  expect(JSON.stringify(events(ocsf("hashed"), fields))).not.toContain(CANARY);
  const shown = JSON.stringify(events(ocsf("shown"), fields));
  for (const name of [`/bin/${CANARY}`, `${CANARY}.example`, `${CANARY}.md`]) expect(shown).toContain(name);
});

test("an exchange that has ended is Network Activity, and its host a digest", () => {
  const [event] = ocsf("hashed").take({ record: record(1, BODIES.outcome), fields: { ...NONE, net } });
  expect(event?.value).toMatchObject({
    class_uid: 4001,
    activity_id: 6,
    dst_endpoint: { port: 443 },
    traffic: { bytes_in: 20, bytes_out: 10, bytes: 30 },
    status_id: 1,
  });
});

test("an exchange says the host as a name or an address only where it is one", () => {
  const endpoint = (host: string, mode: "hashed" | "shown" = "shown"): unknown =>
    ocsf(mode).take({ record: record(1, BODIES.outcome), fields: { ...NONE, net: { ...net, host } } })[0]?.value[
      "dst_endpoint"
    ];
  expect(endpoint("a.example")).toEqual({ name: "a.example", hostname: "a.example", port: 443 });
  expect(endpoint("192.0.2.1")).toEqual({ name: "192.0.2.1", ip: "192.0.2.1", port: 443 });
  expect(endpoint("[::1]")).toEqual({ name: "[::1]", port: 443 });
  expect(Object.keys(endpoint("a.example", "hashed") as JsonObject)).toEqual(["name", "port"]);
});

test("each step of an action says what was decided, and by which policy; all have its digest", () => {
  const steps = (["held", "approved", "intent", "outcome", "denied"] as const).map((kind) => {
    const [event] = ocsf("hashed").take({ record: record(1, BODIES[kind]), fields: { ...NONE, infer } });
    return event?.value ?? {};
  });
  expect(steps.map(({ action_id, action, disposition = null }) => [action_id, action, disposition])).toEqual([
    [99, "Held", null],
    [1, "Allowed", "Approved"],
    [1, "Allowed", "Allowed"],
    [1, "Allowed", "Allowed"],
    [2, "Denied", "Blocked"],
  ]);
  for (const step of steps) {
    expect(step).toMatchObject({
      policy: { uid: BODIES.intent.policy },
      ai_agent: { name: "writer", instance_uid: BODIES.intent.instance },
      metadata: { correlation_uid: BODIES.intent.action, profiles: ["ai_operation", "security_control"] },
    });
  }
  expect(steps.map(({ ai_model }) => ai_model)).toEqual([
    ...Array.from({ length: 4 }, () => ({ name: "m", ai_provider: "local" })),
    undefined,
  ]);
  expect(steps[3]).toMatchObject({ message_context: { prompt_tokens: 30, completion_tokens: 12, total_tokens: 42 } });
});

test("what people look for over all classes is said once more, with its place", () => {
  const observables = (each: LogRecord): unknown =>
    ocsf("shown").take({ record: each, fields: { ...NONE, programs: [program] } })[0]?.value["observables"];
  const agent = { name: "actor.user.name", type_id: 4, type: "User Name", value: "writer" };
  expect(observables(record(5, BODIES["programs-started"]))).toEqual([
    agent,
    { name: "process.name", type_id: 9, type: "Process Name", value: CANARY },
    { name: "process.path", type_id: 45, type: "File Path", value: `/bin/${CANARY}` },
  ]);
  expect(observables(record(5, BODIES.terminal))).toEqual([
    { name: "resources[].uid", type_id: 10, type: "Resource UID", value: BODIES.terminal.instance },
  ]);
  expect(observables(record(5, BODIES.stop))).toBeUndefined();
});

test("programs of one record are events of their own, each with an id", () => {
  const items = ocsf("hashed").take({
    record: record(5, BODIES["programs-started"]),
    fields: { ...NONE, programs: [program, { ...program, pid: 8 }] },
  });
  const uids = items.map(({ value }) => (value["metadata"] as JsonObject)["uid"]);
  expect(new Set(uids).size).toBe(2);
  expect(items.map(({ value }) => value["type_uid"])).toEqual([100701, 100701]);
});

test("arguments and results go along when the monitor told them, escaped", () => {
  const content = { arguments: `{"path":"${CANARY}"}\u001b`, result: `${CANARY}-result` };
  const [event] = ocsf("hashed").take({ record: record(1, BODIES.outcome), fields: { ...NONE, content } });
  expect(event?.value["unmapped"]).toMatchObject({
    arguments: `{"path":"${CANARY}"}\\u{1b}`,
    result: `${CANARY}-result`,
  });
});

test("a gap says from where to where", () => {
  const [event] = ocsf("hashed").gap({ from: 10, to: 13, at: 5, why: "their file is missing" });
  expect(event?.value).toMatchObject({
    activity_name: "Gap",
    message: "records 10 to 12 are missing: their file is missing",
    unmapped: { missing_from: 10, missing_to: 12 },
  });
});
