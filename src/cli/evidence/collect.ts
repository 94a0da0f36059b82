import { isObject, type JsonValue } from "../../kernel/json.ts";
import type { LogRecord } from "../../protocol/record.ts";
import { walkLog } from "../log-walk.ts";
import type { CliPowers, MonitorClient } from "../powers.ts";
import { gather, type EvidenceRange } from "./gather.ts";
import { AUTHORITY, createSelector, type Selection } from "./selection.ts";
import { createStory, type Story } from "./story.ts";

/** Records that are asked for, and the size of the tree that they are proved in. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly size: number;
}

export interface EvidenceOptions {
  readonly powers: Pick<CliPowers, "crypto">;
  readonly client: MonitorClient;
  readonly stretch: Stretch;
  readonly selection: Selection;
  readonly payloads: boolean;
}

export interface Evidence {
  readonly selection: Selection;
  /** The lines of records.jsonl, in the order of the log. To be read once. */
  readonly lines: AsyncIterable<string>;
  /** What they add up to, after they were read. */
  sum(): {
    readonly ranges: readonly EvidenceRange[];
    readonly story: Story;
    /** Texts of rules by the hex digits of their digest. */
    readonly policies: ReadonlyMap<string, string>;
    /** Names that were selected and that no record is of. */
    readonly absent: readonly string[];
  };
}

/** Evidence of a stretch of the log, with what authority rests on from the log's beginning. */
export function collectEvidence({ powers, client, stretch, selection, payloads }: EvidenceOptions): Evidence {
  const ranges: EvidenceRange[] = [];
  const story = createStory();
  const policies = new Map<string, string>();
  const agentOf = new Map<string, string>();
  const selector = createSelector(selection, agentOf);
  // What owners signed is shown whole, also where arguments and results are left out: without it no signature can be checked.
  const shows = (record: LogRecord): boolean => payloads || AUTHORITY.includes(record.kind);

  function keepPolicy(record: LogRecord, payload: JsonValue): void {
    const document = isObject(payload) ? payload["document"] : null;
    const text = isObject(document) ? document["text"] : null;
    if (record.kind === "policy-set" && typeof text === "string")
      policies.set(record.policy.slice("sha256:".length), text);
  }

  async function* one(
    range: { readonly from: number; readonly to: number },
    isBackground: boolean,
  ): AsyncGenerator<string, void, undefined> {
    const wants = isBackground ? (): boolean => true : selector.wants;
    const walk = gather(range, { client, powers, size: stretch.size, wants, shows });
    for (let step = await walk.next(); ; step = await walk.next()) {
      if (step.done === true) {
        ranges.push(step.value);
        return;
      }
      const { value } = step;
      if (value.kind === "left-out") story.leaveOut();
      else {
        keepPolicy(value.record, value.payload);
        if (isBackground) story.addBackground(value.record, value.payload);
        else story.add(value.record, value.payload);
      }
      yield value.text;
    }
  }

  async function* lines(): AsyncGenerator<string, void, undefined> {
    for await (const { record } of walkLog(client, { from: 0, to: stretch.to, kinds: ["instance-started"] }))
      if (record.kind === "instance-started") agentOf.set(record.instance, record.agent);
    const before = walkLog(client, { from: 0, to: stretch.from, kinds: AUTHORITY });
    for await (const range of joined(before)) yield* one(range, true);
    yield* one(stretch, false);
  }

  return {
    selection,
    lines: lines(),
    sum: () => ({ ranges, story: story.tell(), policies, absent: selector.absent() }),
  };
}

/** Records that follow each other are one range. */
async function* joined(
  entries: AsyncIterable<{ readonly record: LogRecord }>,
): AsyncGenerator<{ readonly from: number; readonly to: number }, void, undefined> {
  let [from, to] = [0, 0];
  for await (const { record } of entries) {
    if (record.seq !== to) {
      if (from < to) yield { from, to };
      from = record.seq;
    }
    to = record.seq + 1;
  }
  if (from < to) yield { from, to };
}
