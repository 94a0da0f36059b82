import { toBase64 } from "../protocol/bytes.ts";
import type { CliRequests } from "../protocol/requests.ts";
import { Refusal } from "./faults.ts";
import type { Disclosed, Log } from "./log/log.ts";

type Answer = CliRequests["log-disclose"]["ok"];

/** Characters of one answer, below the size of a frame whatever they are escaped to. */
const MAX_CHARACTERS = 2_000_000;
const MAX_ENTRIES = 2000;

/** What the owner of a log shows to others: leaves, salted payloads and the hashes around them. */
export async function disclose(
  log: Pick<Log, "size" | "disclosed" | "around">,
  { from, to, size }: CliRequests["log-disclose"]["body"],
): Promise<Answer> {
  if (from >= to || to > size || size > log.size)
    throw new Refusal(
      "bad-request",
      `There are no records ${from} to ${to} at size ${size}.`,
      `The log has ${log.size}.`,
    );
  const entries: Disclosed[] = [];
  let characters = 0;
  for await (const entry of log.disclosed(from, Math.min(to, from + MAX_ENTRIES))) {
    const more = entry.leaf.length + (entry.salted?.length ?? 0);
    if (entries.length > 0 && characters + more > MAX_CHARACTERS) break;
    characters += more;
    // One that fills a frame by itself is shown by its commitment alone, as one that was erased.
    entries.push(more > MAX_CHARACTERS ? { leaf: entry.leaf, salted: null } : entry);
  }
  const end = from + entries.length;
  const { before, after } = await log.around({ start: from, end }, size);
  return { entries, to: end, before: before.map(toBase64), after: after.map(toBase64) };
}
