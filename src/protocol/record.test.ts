import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalize } from "../kernel/canonical.ts";
import { parseJson, type JsonObject } from "../kernel/json.ts";
import { LABELS, RISKS } from "../kernel/grant.ts";
import { STAGES } from "../kernel/codes.ts";
import { LIMIT_NAMES } from "../kernel/sandbox-limits.ts";
import { CONSOLE_ENTRIES } from "./console-entry.ts";
import { EXTENSION_KINDS } from "./extension.ts";
import { decodeRecord, recordText } from "./record-codec.ts";
import { ERASABLE } from "./retention.ts";
import { toBase64 } from "./bytes.ts";
import { PUBLISHERS_CHANGES } from "./publishers.ts";
import { DEMANDS } from "./second-screen.ts";
import type { ActionBase, LogRecord, RecordBase, RecordKind } from "./record.ts";

type Own<Kind extends RecordKind> = Omit<Extract<LogRecord, { readonly kind: Kind }>, keyof RecordBase | "kind">;

const hex = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef".split("")), minLength: length, maxLength: length });
const digest = hex(64).map((digits) => `sha256:${digits}`);
const key = hex(16).map((digits) => `ed25519:${digits}`);
const instance = hex(16).map((digits) => `i-${digits}`);
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,30}$/);
const words = fc.string({ unit: "grapheme", maxLength: 40 });
const count = fc.maxSafeNat();
const moment = fc.nat({ max: 8_640_000_000_000_000 });
const ancestry = fc.uniqueArray(instance, { maxLength: 3 });
const labels = fc.subarray([...LABELS]);
const code = fc.constantFrom("no-grant" as const, "breaker-open" as const, "malformed" as const);
const by = fc.oneof(
  fc.record({ kind: fc.constant("rule" as const), rule: words }),
  fc.record({ kind: fc.constant("grant" as const), grants: fc.array(name, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant("owner" as const), key }),
  fc.record({ kind: fc.constant("monitor" as const), why: words }),
);
const action: { [Name in keyof ActionBase]: fc.Arbitrary<ActionBase[Name]> } = {
  instance,
  agent: name,
  ancestry,
  action: digest,
  what: words,
  risk: fc.constantFrom(...RISKS),
  labels,
  policy: digest,
};

const port = fc.integer({ min: 1, max: 65_535 });

const kinds: { [Kind in RecordKind]: fc.Arbitrary<Own<Kind>> } = {
  start: fc.record({ code: digest, constitution: digest, version: words, node: words }),
  stop: fc.record({ why: words }),
  "backup-made": fc.record({ size: count, manifest: digest, keys: fc.boolean() }),
  restored: fc.record({ size: count, known: count }),
  "state-kept": fc.record({
    size: count,
    digest,
    signed: fc.dictionary(fc.constantFrom("grant-signed", "policy-set"), count, { noNullPrototype: true }),
  }),
  "owner-enrolled": fc.record({ owner: key, key }),
  "owner-removed": fc.record({ owner: key, key }),
  "recovery-set": fc.record({ codes: count, key }),
  "recovery-begun": fc.record({ owner: key, key }),
  "recovery-stopped": fc.record({ record: count, key }),
  "owner-recovered": fc.record({ owner: key, record: count }),
  "owner-signed-in": fc.record({ key, count }),
  "passkey-rolled-back": fc.record({ key, kept: count, found: count }),
  "witness-refused": fc.record({
    witness: name,
    code: fc.constantFrom("rolled-back" as const, "forked" as const),
    size: count,
    seen: count,
  }),
  "grant-signed": fc.record({ grant: name, digest, key }),
  "grant-revoked": fc.record({ grant: name, key }),
  "policy-set": fc.record({ policy: digest, key }),
  "clock-set": fc.record({ key }),
  "secret-set": fc.record({ secret: name, commitment: digest, key }),
  "secret-rotated": fc.record({ secret: name, commitment: digest, key }),
  "secret-refreshed": fc.record({ secret: name, before: digest, commitment: digest, expires: fc.option(moment) }),
  "secret-not-refreshed": fc.record({ secret: name, fault: fc.constantFrom("rejected" as const, "lost" as const) }),
  "secret-bound": fc.record({ secret: name, to: fc.constantFrom("https://example.org", "http://localhost:1"), key }),
  "secret-removed": fc.record({ secret: name, key }),
  "provider-set": fc.record({ provider: name, key }),
  "witnesses-set": fc.record({ quorum: fc.integer({ min: 0, max: 16 }), key }),
  "telemetry-set": fc.record({ on: fc.boolean(), key }),
  "second-screen-set": fc.record({ demand: fc.constantFrom(...DEMANDS), key }),
  "publishers-set": fc.record({
    change: fc.constantFrom(...PUBLISHERS_CHANGES),
    publisher: fc.option(fc.constant("acme")),
    key,
  }),
  "retention-set": fc.record({
    days: fc.dictionary(fc.constantFrom(...ERASABLE), fc.integer({ min: 1, max: 36_500 }), { noNullPrototype: true }),
    key,
  }),
  "payloads-expired": fc.record({
    count: fc.maxSafeNat(),
    next: fc.dictionary(fc.constantFrom(...ERASABLE), fc.maxSafeNat(), { noNullPrototype: true }),
  }),
  "payloads-destroyed": fc.record({ count: fc.maxSafeNat() }),
  "payload-erased": fc.record({ record: fc.maxSafeNat(), key }),
  "provider-removed": fc.record({ provider: name, key }),
  "instance-started": fc.record({ instance, agent: name, ancestry }),
  "instance-ended": fc.record({ instance, why: words, exit: fc.option(fc.integer()) }),
  "instance-frozen": fc.record({ instance, by, code: words }),
  "instance-thawed": fc.record({ instance, key }),
  "instance-resumed": fc.record({ instance, why: words }),
  "hold-asked": fc.record({ instance, stages: fc.uniqueArray(fc.constantFrom(...STAGES)) }),
  "hold-lifted": fc.record({ instance, key }),
  "all-frozen": fc.record({ by }),
  "all-thawed": fc.record({ key }),
  "away-begun": fc.record({
    until: fc.nat(),
    asked: fc.constantFrom("wait" as const, "deny" as const),
    leases: fc.array(name, { maxLength: 16 }),
    key,
  }),
  "away-ended": fc.record({ why: fc.constantFrom("back" as const, "over" as const) }),
  "home-put": fc.record({ agent: name, path: fc.constantFrom("CLAUDE.md", ".claude/settings.json"), digest, key }),
  "home-wiped": fc.record({ agent: name, key }),
  "extension-added": fc.record({
    extension: digest,
    manifest: digest,
    of: fc.constantFrom(...EXTENSION_KINDS),
    name,
    version: fc.option(fc.constantFrom("1.0.0", "2.1.0-beta.3")),
    source: name,
  }),
  "extension-attested": fc.record({
    extension: digest,
    provenance: fc.constantFrom(
      { kind: "refused" as const, why: "of other bytes" },
      { kind: "unread" as const, why: "it answered 503" },
      {
        kind: "verified" as const,
        repository: "https://github.com/acme/notes",
        workflow: "https://github.com/acme/notes/.github/workflows/release.yml@refs/tags/v1.0.0",
        commit: "0".repeat(40),
        builder: "GitHub Actions",
        roots: null,
      },
    ),
  }),
  "extension-published": fc.record({
    extension: digest,
    publication: fc.constantFrom(
      { kind: "refused" as const, why: "it was signed for another name" },
      { kind: "signed" as const, key: toBase64(new Uint8Array(32).fill(7)) },
    ),
  }),
  "extension-quarantined": fc.record({ extension: digest, why: name }),
  "extension-removed": fc.record({ extension: digest }),
  "memory-kept": fc.record({
    entry: count,
    agent: name,
    plane: fc.constantFrom("append-only" as const, "ephemeral" as const),
    by: name,
    instance,
    labels,
    digest,
    bytes: count,
    expires: fc.option(moment),
    imported: fc.option(count),
  }),
  "memory-expired": fc.record({ count }),
  "memory-erased": fc.record({ count, key }),
  "memory-destroyed": fc.record({ count }),
  "memory-budget-set": fc.record({
    agent: name,
    what: fc.constantFrom("working-set" as const),
    bytes: count,
    count,
    key,
  }),
  "memory-proposed": fc.record({ instance, agent: name, name, entries: fc.array(count, { maxLength: 3 }) }),
  "memory-frozen": fc.record({ agent: name, name, version: count, digest, key }),
  "memory-quarantined": fc.record({ by: fc.constantFrom("source" as const, "instance" as const), value: words }),
  "memory-released": fc.record({ by: fc.constantFrom("entry" as const), value: words, key }),
  "memory-imported": fc.record({
    agent: name,
    plane: fc.constantFrom("append-only" as const, "ephemeral" as const),
    origin: words,
    count,
    key,
  }),
  "agent-restarted": fc.record({ agent: name, key }),
  terminal: fc.record({ instance, agent: name, code, by: words }),
  labelled: fc.record({ instance, labels, because: words }),
  "programs-started": fc.record({ instance, agent: name, count }),
  "probe-observed": fc.record({ driver: name, count, calls: fc.constantFrom({}, { mount: 2 }) }),
  "files-written": fc.record({ instance, agent: name, count }),
  "files-refused": fc.record({ instance, agent: name, count }),
  "files-undone": fc.record({
    instance,
    agent: name,
    stage: fc.constantFrom("begun" as const, "ended" as const),
    count,
    left: count,
  }),
  "devices-passed": fc.record({ instance, agent: name, devices: fc.uniqueArray(words, { maxLength: 4 }) }),
  "limit-reached": fc.record({
    instance,
    agent: name,
    limit: fc.constantFrom(...LIMIT_NAMES),
    most: count,
    found: count,
  }),
  "calls-refused": fc.record({
    instance,
    agent: name,
    calls: fc.dictionary(fc.constantFrom("mount", "unshare", "io_uring_setup"), count, {
      minKeys: 1,
      noNullPrototype: true,
    }),
  }),
  "port-opened": fc.record({ instance, agent: name, port: name, host: words, inside: port, outside: port }),
  "port-closed": fc.record({ instance, agent: name, port: name, why: words }),
  "port-entered": fc.record({ instance, agent: name, port: name, key: fc.constant("A".repeat(43)) }),
  "port-visited": fc.record({
    instance,
    agent: name,
    port: name,
    connections: count,
    requests: count,
    refused: fc.dictionary(fc.constantFrom("host", "origin", "cross-site"), count, { noNullPrototype: true }),
  }),
  "console-opened": fc.record({ host: hex(16).map((digits) => `aios-${digits}.localhost`), port, pages: digest }),
  "console-closed": fc.record({ why: words }),
  "console-entered": fc.record({ by: fc.constantFrom(...CONSOLE_ENTRIES) }),
  "console-visited": fc.record({
    connections: count,
    requests: count,
    refused: fc.dictionary(fc.constantFrom("host", "origin", "no-session"), count, { noNullPrototype: true }),
  }),
  "driver-pinned": fc.record({ instance, driver: name, pin: digest }),
  "driver-quarantined": fc.record({ driver: name, pin: digest, found: digest }),
  "driver-ended": fc.record({
    instance,
    agent: name,
    driver: name,
    pin: digest,
    code: fc.constantFrom("prohibited-call", "refused-calls", "pin-changed"),
  }),
  refused: fc.record({ peer: words, code: words, what: words }),
  denied: fc.record({ ...action, stage: fc.constantFrom(...STAGES), code, by }),
  held: fc.record({ ...action, reasons: fc.uniqueArray(words, { maxLength: 3 }), expires: moment }),
  approved: fc.record({ ...action, by, statement: digest }),
  intent: fc.record({ ...action, by, pin: digest }),
  outcome: fc.record({
    ...action,
    intent: count,
    result: fc.constantFrom("ok" as const, "tool-error" as const, "failed" as const, "unknown" as const),
    code: fc.option(code),
    digest: fc.option(digest),
    bytes: count,
    micros: count,
  }),
};

const base = fc.record({
  v: fc.constant(1 as const),
  seq: count,
  at: moment,
  start: hex(32),
  payload: fc.option(fc.record({ digest, bytes: count })),
});

/** Any record of a kind, as the JSON that it is. */
function recordOf(kind: string, own: fc.Arbitrary<object>): fc.Arbitrary<JsonObject> {
  return fc
    .tuple(base, own)
    .map(([common, rest]): JsonObject => JSON.parse(JSON.stringify({ ...common, kind, ...rest })));
}

function decoded(value: JsonObject): LogRecord {
  const result = decodeRecord(value);
  if (result.kind === "refused") throw new Error(`${result.path} ${result.message}`);
  return result.value;
}

describe.each(Object.entries(kinds))("a record of kind %s", (kind, own) => {
  it("decodes to what was encoded, and encodes to the same text", () => {
    fc.assert(
      fc.property(recordOf(kind, own), (value) => {
        const record = decoded(value);
        expect(record).toEqual(value);
        const text = recordText(record);
        expect(text).toBe(canonicalize(value));
        const parsed = parseJson(text);
        expect(parsed.kind === "ok" && decodeRecord(parsed.value)).toEqual({ kind: "ok", value });
      }),
      { numRuns: 30 },
    );
  });

  it("is refused with any field missing, and with one more", () => {
    fc.assert(
      fc.property(recordOf(kind, own), (value) => {
        for (const field of Object.keys(value)) {
          const rest = Object.fromEntries(Object.entries(value).filter(([other]) => other !== field));
          expect(decodeRecord(rest)).toMatchObject({ kind: "refused", path: `/${field}` });
        }
        expect(decodeRecord({ ...value, approved: true })).toMatchObject({ kind: "refused", path: "/approved" });
      }),
      { numRuns: 5 },
    );
  });
});

it("refuses a kind that does not exist", () => {
  expect(decodeRecord({ kind: "granted" })).toMatchObject({ kind: "refused", path: "/kind" });
});

it("does not write what could not be read again", () => {
  const stop: LogRecord = { v: 1, seq: 0, at: 0, start: "0".repeat(32), payload: null, kind: "stop", why: "asked" };
  expect(recordText(stop)).toBe(
    '{"at":0,"kind":"stop","payload":null,"seq":0,"start":"00000000000000000000000000000000","v":1,"why":"asked"}',
  );
  expect(() => recordText({ ...stop, seq: -1 })).toThrow("Cannot write a record of kind stop: /seq");
  expect(() => recordText({ ...stop, why: "x".repeat(5000) })).toThrow(RangeError);
});
