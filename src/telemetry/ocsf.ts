import type { JsonObject, JsonValue } from "../kernel/json.ts";
import { showText, type Names } from "./names.ts";
import { CLASSES, SEVERITY, SEVERITY_WORDS, type Draft } from "./ocsf-draft.ts";
import { observablesOf } from "./ocsf-observables.ts";
import { draftsOf } from "./ocsf-records.ts";
import { isAction } from "./record-attributes.ts";
import type { Gap, Item, Seen, View } from "./view.ts";

/** The version of the Open Cybersecurity Schema Framework that events follow. */
export const OCSF_VERSION = "1.9.0";

export interface OcsfParts {
  readonly names: Names;
  readonly version: string;
}

/** What an event is made of: a record, or a gap. */
interface Origin {
  readonly seq: number;
  readonly at: number;
  readonly uid: string;
  readonly kind: string;
  /** The digest of the action, which all its steps have. */
  readonly action: string | null;
}

/** Makes one event of OCSF, or some, of each record: in order, numbered by the record, so that one that is missing shows. */
export function createOcsf({ names, version }: OcsfParts): View {
  const finish = (draft: Draft, { seq, at, uid, kind, action }: Origin): Item => {
    const { uid: classUid, category } = CLASSES[draft.kind];
    const value = {
      ...draft.own,
      class_uid: classUid,
      category_uid: category,
      activity_id: draft.activity,
      ...(draft.activityName === undefined ? {} : { activity_name: draft.activityName }),
      type_uid: classUid * 100 + draft.activity,
      severity_id: draft.severity,
      severity: SEVERITY_WORDS[draft.severity] ?? "Other",
      ...statusOf(draft),
      time: at,
      message: showText(draft.message),
      metadata: {
        version: OCSF_VERSION,
        product: { name: "AIOS", vendor_name: "AIOS", version },
        ...profilesOf(draft),
        uid,
        sequence: seq,
        log_name: "aios",
        event_code: kind,
        ...(action === null ? {} : { correlation_uid: action }),
      },
      ...observablesOf(draft.own),
      unmapped: draft.unmapped,
    };
    return { seq, value };
  };

  return {
    take(seen: Seen) {
      const { record } = seen;
      const drafts = draftsOf(seen, names);
      return drafts.map((draft, part) => {
        const uid = `${record.start}-${record.seq}${part === 0 ? "" : `-${part}`}`;
        return finish(
          { ...draft, unmapped: { record: record.seq, kind: record.kind, ...draft.unmapped } },
          { ...record, uid, action: isAction(record) ? record.action : null },
        );
      });
    },
    gap(gap: Gap) {
      const draft: Draft = {
        kind: "base",
        activity: 99,
        activityName: "Gap",
        severity: SEVERITY.high,
        status: 2,
        message: `records ${gap.from} to ${gap.to - 1} are missing: ${gap.why}`,
        own: {},
        unmapped: { missing_from: gap.from, missing_to: gap.to - 1, why: showText(gap.why) },
      };
      const origin = { seq: gap.from, at: gap.at, uid: `gap-${gap.from}-${gap.to}-${gap.at}` };
      return [finish(draft, { ...origin, kind: "gap", action: null })];
    },
    snapshot: (): JsonValue => null,
  };
}

function statusOf({ kind, status }: Draft): JsonObject {
  if (status === null) return {};
  const words = kind === "finding" ? ["New", "In Progress"] : ["Success", "Failure"];
  return { status_id: status, status: words[status - 1] ?? "Unknown" };
}

/** Profiles without which a strict receiver refuses attributes that the event has. */
function profilesOf({ kind, own }: Draft): JsonObject {
  const profiles = [
    ...(CLASSES[kind].byHost && "actor" in own ? ["host"] : []),
    ...("ai_agent" in own ? ["ai_operation"] : []),
    ...("action_id" in own ? ["security_control"] : []),
  ];
  return profiles.length === 0 ? {} : { profiles };
}
