import { entrySource, instanceSource, originIn, type Origin } from "./memory-sources.ts";
import { INSTANCE_ID } from "./names.ts";
import { isSource } from "./source-names.ts";

/**
 * What is taken out: what one instance wrote, what was written after something was read, or one entry. With an instance and an
 * entry goes what others wrote after they were given something of it, but for `alone`.
 */
export const QUARANTINES = ["instance", "source", "entry", "instance-alone", "entry-alone"] as const;
export interface Quarantine {
  readonly by: (typeof QUARANTINES)[number];
  readonly value: string;
}

const NUMBER = /^(?:0|[1-9][0-9]{0,15})$/;

/** Whether anything could be taken out by this: what has another spelling would be on record and take nothing. */
export function canBeQuarantined({ by, value }: Quarantine): boolean {
  if (by === "source") return isSource(value);
  return (by === "entry" || by === "entry-alone" ? NUMBER : INSTANCE_ID).test(value);
}

/** Where an entry comes from: who wrote it, and what that instance had read by then. */
export interface Provenance {
  readonly entry: number;
  readonly instance: string;
  readonly sources: readonly string[];
}

/** Whether a quarantine takes this out, and how surely it comes from there. */
export function takesOut({ by, value }: Quarantine, { entry, instance, sources }: Provenance): Origin | null {
  switch (by) {
    case "source":
      return originIn(sources, value);
    case "instance":
      return value === instance ? "named" : originIn(sources, instanceSource(value));
    case "entry":
      return value === String(entry) ? "named" : originIn(sources, entrySource(Number(value)));
    case "instance-alone":
      return value === instance ? "named" : null;
    case "entry-alone":
      return value === String(entry) ? "named" : null;
    default:
      return by satisfies never;
  }
}
