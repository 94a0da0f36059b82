import type { JsonValue } from "../kernel/json.ts";
import { showText, type Names } from "./names.ts";
import { CLASSES, SEVERITY, SEVERITY_WORDS, type Draft } from "./ocsf-draft.ts";
import { draftsOf } from "./ocsf-records.ts";
import type { Gap, Item, Seen, View } from "./view.ts";

/** The version of the Open Cybersecurity Schema Framework that events follow. */
export const OCSF_VERSION = "1.9.0";

export interface OcsfParts {
  readonly names: Names;
  readonly version: string;
}

/** Makes one event of OCSF, or some, of each record: in order, numbered by the record, so that one that is missing shows. */
export function createOcsf({ names, version }: OcsfParts): View {
  const finish = (
    draft: Draft,
    { seq, at, uid }: { readonly seq: number; readonly at: number; readonly uid: string },
  ): Item => {
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
      ...(draft.status === null ? {} : { status_id: draft.status, status: draft.status === 1 ? "Success" : "Failure" }),
      time: at,
      message: showText(draft.message),
      metadata: {
        version: OCSF_VERSION,
        product: { name: "AIOS", vendor_name: "AIOS", version },
        // In most classes, who acted and on what machine are there only where this profile is named.
        ...("actor" in draft.own || "device" in draft.own ? { profiles: ["host"] } : {}),
        uid,
        sequence: seq,
        log_name: "aios",
      },
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
          { ...record, uid },
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
      return [finish(draft, { seq: gap.from, at: gap.at, uid: `gap-${gap.from}-${gap.to}-${gap.at}` })];
    },
    snapshot: (): JsonValue => null,
  };
}
