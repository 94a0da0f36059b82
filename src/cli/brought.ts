import type { Brought } from "../protocol/undo-report.ts";
import { makeVisible } from "../showing/visible.ts";

/** Names that are told; the rest is counted. */
const TOLD = 10;

/**
 * What a run left in commits or in the index that a checkout would write and tools would obey, as plain lines; none where there is
 * nothing to say. `instance` is whose it is.
 */
export function tellBrought(brought: Brought | null, instance: string): readonly string[] {
  if (brought === null || (brought.count === 0 && brought.whole)) return [];
  const { files, count, whole } = brought;
  const named = count === 1 ? "1 control file" : `${count} control files`;
  const told = files.slice(0, TOLD).map(({ path, why }) => `  ${makeVisible(path)}: ${makeVisible(why)}`);
  const more = count - told.length;
  return [
    ...(count === 0
      ? []
      : [
          `its commits or the index bring ${named}, which a checkout writes and tools obey (commits-bring-control)`,
          ...told,
          ...(more > 0 ? [`  and ${more} more`] : []),
        ]),
    ...(whole ? [] : ["not all that it left in commits was looked at for control files (commits-unread)"]),
    `hint: look before you check out, merge or push them: git log --all --stat; aios undo ${instance} takes them back`,
  ];
}

/** That what a run left could not be looked at when it ended, why, and what looks. */
export function tellUnread(why: string, instance: string): readonly string[] {
  return [
    `its changes and commits were not looked at: ${makeVisible(why)} (commits-unread)`,
    `hint: aios undo ${instance} --dry-run looks when it can; until then look before you check out, merge or push: git log --all --stat`,
  ];
}
