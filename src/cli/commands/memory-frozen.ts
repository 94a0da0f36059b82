import { describeSources, type Origin } from "../../kernel/memory-sources.ts";
import type { SnapshotStanding } from "../../kernel/memory-snapshots.ts";
import { SNAPSHOT_NAME } from "../../kernel/memory.ts";
import type { FrozenFrom } from "../../protocol/frozen-item.ts";
import type { ProposedFreeze, SnapshotView } from "../../protocol/memory-table.ts";
import { join, line, type Line } from "../../showing/line.ts";
import { makeVisible } from "../../showing/visible.ts";
import { CliFailure } from "../failure.ts";

/** Why agents do not get a snapshot; nothing where they do. */
const STANDS: { readonly [standing in SnapshotStanding]: string } = {
  given: "",
  withheld: ": agents do not get it since the home was restored, until you freeze the next version",
  erased: ": you had it erased",
};

/** Why agents do not get what comes from a quarantine. */
export const QUARANTINED: { readonly [how in Origin]: string } = {
  named: "in quarantine: agents do not get it",
  perhaps: "in quarantine: agents do not get it, since it has more sources than it names",
};

export function describeStanding({ agent, name, version, standing }: Omit<SnapshotView, "items">): Line {
  return line(
    `frozen: ${name} of ${agent}, version ${version}${STANDS[standing]}`,
    standing === "withheld" ? "wait" : "plain",
  );
}

/** What an agent asks an owner to freeze, and how that is done. */
export function describeProposed({ agent, name, instance, entries, record }: ProposedFreeze): Line {
  const flags = entries.map((entry) => `--entry ${entry}`).join(" ");
  return line(
    `proposed by ${agent} (${instance}, record ${record}): aios memory freeze ${agent} ${name} ${flags}`,
    "wait",
  );
}

/** Where a frozen text comes from, and what it brings to whoever is given it. */
export function describeFrom(from: FrozenFrom | null): readonly Line[] {
  if (from === null) return [];
  const { entry, by, instance, labels, sources } = from;
  const read = sources.length === 0 ? "nothing" : describeSources(sources).map(makeVisible).join(", ");
  return [
    line(`  entry ${entry}, by ${by} (${instance})`),
    line(`  labels: ${labels.length === 0 ? "none" : labels.join(", ")}`, labels.length === 0 ? "plain" : "wait"),
    line(`  it had read: ${read}`),
  ];
}

/** A snapshot for people, whole. */
export function describeSnapshot({ items, ...snapshot }: SnapshotView): readonly Line[] {
  const texts = items.flatMap(({ path, text, from, quarantined }) => [
    join(["strong", `${path}:`]),
    ...describeFrom(from),
    ...(quarantined === null ? [] : [line(`  ${QUARANTINED[quarantined]}`, "wait")]),
    ...text
      .replace(/\n$/u, "")
      .split("\n")
      .map((row) => line(`  | ${makeVisible(row)}`)),
  ]);
  return [describeStanding(snapshot), ...texts];
}

export function readSnapshotName(name: string): string {
  if (SNAPSHOT_NAME.test(name)) return name;
  throw CliFailure.of(
    "usage",
    `"${name}" cannot be the name of a snapshot`,
    "aios memory planes shows those that are there",
  );
}
