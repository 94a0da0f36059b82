import { canonicalize } from "../../kernel/canonical.ts";
import { MAX_EXPORT_CHARACTERS, type ProvedEntry } from "../../protocol/memory-export.ts";
import { MOST_AT_ONCE } from "../../protocol/memory-table.ts";
import { line, type Line } from "../../showing/line.ts";
import { makeVisible } from "../../showing/visible.ts";
import { HOME, type Command } from "../command.ts";
import { CliFailure } from "../failure.ts";
import type { CliPowers, MonitorClient } from "../powers.ts";
import { findKey, KEY, readWitnesses, report, WITNESS_FLAGS } from "./log.ts";
import { signing } from "./memory-signed.ts";
import { describeEntry } from "./memory.ts";

/** Characters of one request, below the size of a frame whatever they are escaped to. */
const MOST_CHARACTERS = 2_000_000;

/** `aios memory import`: what another home exported, or this one before it was made anew. */
export const memoryImport: Command = {
  path: ["memory", "import"],
  summary: "take entries of an export in; you sign it",
  positionals: [{ name: "FILE", required: true, help: "a file from aios memory export" }],
  rest: null,
  flags: [KEY, ...WITNESS_FLAGS, { name: "rest", value: null, help: "only the entries that are not here yet" }, HOME],
  details: [
    "The file is verified first, as aios log check does; its log's key you have from its owner. Entries go into the plane that they were in, of the agent that they were of, with their labels, their sources, their end and the same salt: what they commit to can be compared with that log for ever.",
    "All texts are shown in full. What is here already, ended or was erased here is refused, and nothing is imported then. What came of a log is taken out of reach again with aios memory quarantine source import:LOG.",
  ],
  examples: ["memory import claude.memory --key KEY"],
  async run(powers, args) {
    const text = await powers.files.read(args.required("FILE"), MAX_EXPORT_CHARACTERS);
    const key = findKey(args, powers.home(args.value("home")).path);
    const { verified, found } = await powers.logs.memory({ text, key, witnesses: readWitnesses(powers, args) });
    if (found === null) return report(powers, args, verified);
    const { checkpoint, head } = found;
    const { agent, plane } = head;
    const { origin, size } = checkpoint;
    return await signing({ powers, args }, async (client) => {
      const entries = await hand(client, { entries: found.entries, rest: args.has("rest") });
      const bytes = entries.reduce((sum, { record }) => sum + record.bytes, 0);
      const digest = powers.crypto.digest(canonicalize(entries.map(({ record }) => record.digest)));
      const count = entries.length;
      const what = `${count} ${count === 1 ? "entry" : "entries"} of ${makeVisible(origin)}`;
      return {
        purpose: "import-memory",
        document: { agent, plane, origin, size, count, bytes, digest },
        shown: [...entries.flatMap((entry) => describe(entry, powers)), line(`${what}, ${bytes} bytes`, "strong")],
        question: `Import this into the ${plane} plane of ${agent}?`,
        done: `imported ${what}`,
      };
    });
  },
};

/** Hands entries in, and gives those that wait for a statement now. */
async function hand(
  client: MonitorClient,
  { entries, rest }: { readonly entries: readonly ProvedEntry[]; readonly rest: boolean },
): Promise<readonly ProvedEntry[]> {
  if (entries.length === 0) throw CliFailure.of("not-found", "The file holds no entry");
  const live = new Set<ProvedEntry>();
  let first = true;
  for (const some of pieces(entries)) {
    const { known } = await client.request("memory-deposit", { first, entries: some.map(({ salted }) => salted) });
    for (const each of known) {
      const entry = some[each.at];
      if (each.live && entry !== undefined) live.add(entry);
    }
    first = false;
  }
  if (!rest || live.size === 0) return entries;
  const left = entries.filter((entry) => !live.has(entry));
  if (left.length === 0) throw CliFailure.of("not-found", "Every entry of the file is here already");
  return await hand(client, { entries: left, rest: false });
}

/** In the order of the file, as many together as a request takes. */
function* pieces(entries: readonly ProvedEntry[]): Iterable<readonly ProvedEntry[]> {
  let some: ProvedEntry[] = [];
  let characters = 0;
  for (const entry of entries) {
    if (some.length === MOST_AT_ONCE || (some.length > 0 && characters + entry.salted.length > MOST_CHARACTERS)) {
      yield some;
      [some, characters] = [[], 0];
    }
    some.push(entry);
    characters += entry.salted.length;
  }
  yield some;
}

function describe({ record, content }: ProvedEntry, powers: Pick<CliPowers, "offset">): readonly Line[] {
  return describeEntry({ ...content, entry: record.entry, quarantined: null }, powers);
}
