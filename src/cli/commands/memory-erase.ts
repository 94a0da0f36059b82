import type { HoldingView, SameTexts } from "../../protocol/memory-table.ts";
import { join, line, writeLines, type Line } from "../../showing/line.ts";
import type { Arguments } from "../arguments.ts";
import { HOME, type Command } from "../command.ts";
import { insist } from "../confirm.ts";
import { withMonitor } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { tellOfKeyFiles } from "../key-files.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";
import { CliFailure } from "../failure.ts";
import type { CliPowers, MonitorClient } from "../powers.ts";
import { describeEntry, readEntry } from "./memory.ts";

/** Entries that one message names. */
const MOST_NAMED = 20;

/** `aios memory erase`. */
export const memoryErase: Command = {
  path: ["memory", "erase"],
  summary: "erase entries of memory for good; you sign it",
  positionals: [{ name: "ENTRY", required: true, repeats: true, help: "numbers of entries" }],
  rest: null,
  flags: [{ name: "keep-frozen", value: null, help: "leave snapshots that hold them; their texts stay" }, HOME],
  details: [
    "Destroys their keys: no file of the home and no backup without epoch keys opens them any more. That they were there, and that you erased them, stays in the log.",
    "Snapshots that hold one of them are named and erased first, each whole and in every version, with a statement of its own: agents have none of that name until you freeze the next version. Other entries with the very same text are named and stay. What agents and people copied in other words, or told others, is not found, nor the record of an action that waited for an answer with the text in it (aios log show --kind held; aios log erase RECORD erases it).",
  ],
  examples: ["memory erase 12 13"],
  async run(powers, args) {
    const entries = [...new Set(args.list("ENTRY").map(readEntry))].toSorted((one, other) => one - other);
    return await withMonitor({ powers, args }, async (client, home) => {
      const shown: Line[] = [];
      for (const entry of entries) shown.push(...(await describeErased(entry, { client, powers })));
      const { snapshots, same, inLog } = await client.request("memory-holding", { entries });
      refuseWhole(inLog);
      const holding = snapshots.filter(({ opens }) => opens);
      const goes = args.has("keep-frozen") ? [] : holding;
      const asked = { purpose: "erase-memory", document: { entries } } as const;
      // What cannot be erased is refused before anybody reads it, and before anything else is erased.
      await client.request("prepare", asked);
      for (const snapshot of goes) await client.request("prepare", erasing(snapshot));
      writeLines(powers.err, [
        ...shown,
        ...describeHolding(holding, args),
        ...snapshots.filter(({ opens }) => !opens).map(tellItMay),
        ...describeSame(same),
        ...(await tellOfKeyFiles(client)),
      ]);
      const what = entries.length === 1 ? `entry ${entries[0]}` : `${entries.length} entries`;
      const also = goes.length === 0 ? "" : goes.length === 1 ? " and one snapshot" : ` and ${goes.length} snapshots`;
      await insist(powers, `Erase ${what}${also} for good?`);
      const session = openSigningSession(powers, { home, keep: goes.length === 0 ? "once" : "session" });
      try {
        // The copies first: an entry that is still there names what was not erased yet.
        for (const snapshot of goes) {
          const seq = await prepareAndSign({ powers, client, session }, erasing(snapshot));
          writeLines(powers.out, [join(["good", `erased ${nameOf(snapshot)}`], ` (record ${seq})`)]);
        }
        const seq = await prepareAndSign({ powers, client, session }, asked);
        writeLines(powers.out, [join(["good", `erased ${what}`], ` (record ${seq})`)]);
      } finally {
        session.forget();
      }
      writeLines(powers.out, goes.length < holding.length ? holding.map(tellItStays) : []);
      return EXIT.ok;
    });
  },
};

/** An entry that nothing opens can be erased as well: what is left of it goes, and its end is on record. */
async function describeErased(
  entry: number,
  { client, powers }: { readonly client: MonitorClient; readonly powers: CliPowers },
): Promise<readonly Line[]> {
  try {
    return describeEntry(await client.request("memory-entry", { entry }), powers);
  } catch (error) {
    if (!(error instanceof CliFailure && error.code === "memory" && error.message.includes("(memory-damaged)")))
      throw error;
    return [
      join(["strong", `entry ${entry}`], ": nothing opens it, so that its text cannot be shown"),
      line(
        "  its key is gone, or what lies there was changed: what may be left of both goes, and its end is on record",
        "wait",
      ),
    ];
  }
}

/** What a person cannot see, and copies of which nobody can find, is not erased while there is a way to both. */
function refuseWhole(inLog: readonly number[]): void {
  if (inLog.length === 0) return;
  const named = `${inLog.slice(0, MOST_NAMED).join(", ")}${inLog.length > MOST_NAMED ? " and more" : ""}`;
  throw CliFailure.of(
    "cannot-show",
    `Nothing is erased: of what memory is read from (index/memory.db) these entries were changed, and the log has them: ${named} (memory-damaged)`,
    "aios serve --stop, then aios doctor --rebuild brings them back; then see what they say, and erase them",
  );
}

function erasing({ record }: HoldingView) {
  return { purpose: "erase-payload", document: { record } } as const;
}

function nameOf({ agent, name, version }: HoldingView): string {
  return `snapshot ${name} of ${agent}, version ${version}`;
}

function describeHolding(snapshots: readonly HoldingView[], args: Arguments): readonly Line[] {
  const keep = args.has("keep-frozen");
  return snapshots.map((snapshot) => {
    const { newest, record } = snapshot;
    const given = newest ? "agents get it" : "an older version";
    const fate = keep ? "it stays" : "it is erased too, with all its texts";
    return line(`also in ${nameOf(snapshot)} (record ${record}; ${given}): ${fate}`, "wait");
  });
}

/** Another entry is another decision: it is named, and stays. */
function describeSame({ entries, all }: SameTexts): readonly Line[] {
  const named = entries.map((entry) =>
    line(`the same text stands in entry ${entry}, which stays: aios memory erase ${entry}`, "wait"),
  );
  if (all) return named;
  return [...named, line("there may be more with the same text: not all entries could be compared", "wait")];
}

function tellItMay(snapshot: HoldingView): Line {
  const { record } = snapshot;
  return line(
    `${nameOf(snapshot)} (record ${record}) does not open and may hold it: it stays; aios log erase ${record} erases it`,
    "wait",
  );
}

function tellItStays(snapshot: HoldingView): Line {
  return line(`still frozen: ${nameOf(snapshot)}: aios log erase ${snapshot.record} ends it`, "wait");
}
