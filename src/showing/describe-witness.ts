import type { WitnessTrouble } from "../protocol/witness-standing.ts";

/** What witnesses answer with (docs/formats/witness.md), in words. */
const REFUSALS: ReadonlyMap<number | null, string> = new Map([
  [403, "knows another key of this log"],
  [404, "does not look after this log"],
  [500, "cannot read or keep what it has seen"],
]);

/** Why a witness did not cosign, to be put behind its name. */
export function describeTrouble({ code, size, seen, status }: WitnessTrouble): string {
  switch (code) {
    case "silent":
      return "does not answer";
    case "refused":
      return REFUSALS.get(status) ?? `refused (${status ?? "?"})`;
    case "unsigned":
      return "answered something that is not its cosignature";
    case "unsteady":
      return "changes its mind about what it saw";
    case "rolled-back":
      return `has seen ${seen ?? "more"} records of this log, which has ${size}: it was rolled back`;
    case "forked":
      return seen === size
        ? `has seen other records of this log, ${size} as there are here: it was forked`
        : `has seen ${seen ?? "some"} records of this log from which these ${size} did not grow: it was forked, or rolled back and written on`;
    default:
      return code satisfies never;
  }
}
