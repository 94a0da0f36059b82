import type { RecordKind } from "../protocol/record.ts";
import { CliFailure } from "./failure.ts";
import { findNearest } from "./nearest.ts";

// A table, so that the compiler finds a kind that is missing here.
const KINDS: { readonly [Kind in RecordKind]: true } = {
  start: true,
  stop: true,
  "owner-enrolled": true,
  "owner-removed": true,
  "owner-signed-in": true,
  "passkey-rolled-back": true,
  "grant-signed": true,
  "grant-revoked": true,
  "policy-set": true,
  "clock-set": true,
  "secret-set": true,
  "secret-rotated": true,
  "secret-refreshed": true,
  "secret-not-refreshed": true,
  "secret-bound": true,
  "secret-removed": true,
  "provider-set": true,
  "provider-removed": true,
  "payload-erased": true,
  "witnesses-set": true,
  "telemetry-set": true,
  "instance-started": true,
  "instance-ended": true,
  "instance-frozen": true,
  "instance-thawed": true,
  "hold-asked": true,
  "hold-lifted": true,
  "all-frozen": true,
  "all-thawed": true,
  "home-put": true,
  "home-wiped": true,
  "agent-restarted": true,
  "memory-kept": true,
  "memory-expired": true,
  "memory-erased": true,
  "memory-destroyed": true,
  "memory-budget-set": true,
  "memory-proposed": true,
  "memory-frozen": true,
  "memory-quarantined": true,
  "memory-released": true,
  terminal: true,
  labelled: true,
  "programs-started": true,
  "calls-refused": true,
  "files-written": true,
  "files-refused": true,
  "files-undone": true,
  "port-opened": true,
  "port-closed": true,
  "port-entered": true,
  "port-visited": true,
  "limit-reached": true,
  "devices-passed": true,
  "driver-pinned": true,
  "driver-quarantined": true,
  refused: true,
  denied: true,
  held: true,
  approved: true,
  intent: true,
  outcome: true,
};

/** Reads a kind of record as a person types it. Throws `CliFailure` `usage`: a filter that fits nothing would look like a clean log. */
export function readRecordKind(text: string): string {
  if (Object.hasOwn(KINDS, text)) return text;
  const kinds = Object.keys(KINDS);
  const nearest = findNearest(text, kinds);
  throw CliFailure.of(
    "usage",
    `there is no kind of record "${text}"`,
    nearest === null ? `one of: ${kinds.join(", ")}` : `did you mean ${nearest}?`,
  );
}
