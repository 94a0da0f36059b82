import type { JsonObject } from "../../src/kernel/json.ts";
import type { Entry, Log } from "../../src/monitor/log/log.ts";
import type { RecordBody } from "../../src/protocol/record.ts";

/** A small record that can be told from others. */
export function note(why: string | number): RecordBody {
  return { kind: "stop", why: String(why) };
}

/** Appends `count` records in one turn, every third without a payload. */
export function appendMany(log: Log, count: number, first = 0): Promise<readonly number[]> {
  return Promise.all(
    Array.from({ length: count }, (_, at) => {
      const payload: JsonObject | null = at % 3 === 0 ? null : { number: first + at, text: "x".repeat(at % 50) };
      return log.append(note(first + at), payload);
    }),
  );
}

/** All entries of a log. */
export async function readAll(log: Log): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of log.entries(0, log.size)) entries.push(entry);
  return entries;
}
