import type { JsonObject } from "../kernel/json.ts";

/** Severities of OCSF. */
export const SEVERITY = { informational: 1, low: 2, medium: 3, high: 4, critical: 5 } as const;
/** Their words, by number. */
export const SEVERITY_WORDS: readonly string[] = ["Unknown", "Informational", "Low", "Medium", "High", "Critical"];

/** Classes of OCSF that events have, the category of each, and whether it has no actor but by the profile `host`. */
export const CLASSES = {
  base: { uid: 0, category: 0, byHost: true },
  process: { uid: 1007, category: 1, byHost: false },
  finding: { uid: 2004, category: 2, byHost: true },
  account: { uid: 3007, category: 3, byHost: false },
  authorize: { uid: 3003, category: 3, byHost: false },
  entity: { uid: 3004, category: 3, byHost: false },
  network: { uid: 4001, category: 4, byHost: true },
  lifecycle: { uid: 6002, category: 6, byHost: true },
  api: { uid: 6003, category: 6, byHost: false },
} as const;

/** An event before it gets what all have. */
export interface Draft {
  readonly kind: keyof typeof CLASSES;
  readonly activity: number;
  /** Says what activity 99 is. */
  readonly activityName?: string;
  readonly severity: number;
  /** 1 success, 2 failure, and of a finding 1 new; null when there is nothing that could fail. */
  readonly status: 1 | 2 | null;
  readonly message: string;
  /** What the class has of its own. */
  readonly own: JsonObject;
  /** What no attribute of the schema is for. */
  readonly unmapped: JsonObject;
}
