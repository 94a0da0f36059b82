import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { BODIES, CANARY, EVERY_KIND, record } from "../../test/telemetry/records.ts";
import { checkOcsf } from "../../test/telemetry/ocsf-extract.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { PayloadFields } from "../protocol/telemetry-table.ts";
import { createNames } from "./names.ts";
import { createOcsf } from "./ocsf.ts";
import type { View } from "./view.ts";

const sha256 = (data: Uint8Array): Uint8Array => createHash("sha256").update(data).digest();
const ocsf = (mode: "hashed" | "shown"): View =>
  createOcsf({ names: createNames(mode, { salt: "s", sha256 }), version: "0.1.0" });
const NONE: PayloadFields = { record: 0, infer: null, net: null, programs: [], content: null };
const program = { pid: 7, parent: 6, program: `/bin/${CANARY}` };
const net = { host: `${CANARY}.example`, port: 443, method: "GET", status: 200, sent: 10, received: 20 };

function events(view: View, fields: Partial<PayloadFields> = {}): readonly JsonObject[] {
  return EVERY_KIND.flatMap((each) => view.take({ record: each, fields: { ...NONE, ...fields } })).map(
    ({ value }) => value,
  );
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
  ).toEqual([2004, 6003, 1007, 3001, 3003, 3004, 6002, 0]);
});

test("events have the attributes of their classes, those that are required, and no other", () => {
  const fields = { programs: [program], net, infer: { provider: "local", model: "m", spent: null } };
  const told = [...events(ocsf("hashed")), ...events(ocsf("shown"), fields)];
  const gap = ocsf("hashed").gap({ from: 1, to: 2, at: 5, why: "damaged" });
  for (const event of [...told, ...gap.map(({ value }) => value)]) {
    expect({ kind: event["message"], wrong: checkOcsf(event) }).toEqual({ kind: event["message"], wrong: [] });
  }
  const [good = {}] = told;
  expect(checkOcsf({ ...good, invented: 1 })).toEqual(["/invented is not an attribute"]);
  expect(checkOcsf({ ...good, metadata: {} })).toHaveLength(2);
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
