import { canonicalize } from "../../src/kernel/canonical.ts";
import { utf8Length } from "../../src/kernel/utf8.ts";
import { asJson } from "../../src/protocol/as-json.ts";
import { toBase64 } from "../../src/protocol/bytes.ts";
import type { Content } from "../../src/protocol/memory-content.ts";
import { saltedDigest, type ExportHead, type ExportLine } from "../../src/protocol/memory-export.ts";
import { createMemoryDisk } from "./memory-disk.ts";
import { CRYPTO, openTestLog, STILL, testKeys } from "./open-log.ts";
import { note } from "./records.ts";

const INSTANCE = "i-0123456789abcdef";

/** What an agent of another home kept, as that home has it. */
export function contentOf(text: string, more: Partial<Content> = {}): Content {
  const from = { by: "keeper", instance: INSTANCE, labels: ["untrusted"], sources: ["web/fetch"] } as const;
  const of = { agent: "keeper", plane: "append-only", at: 1_690_000_000_000, expires: null } as const;
  return { v: 1, ...of, ...from, text, ...more };
}

/** Its salt, always the same, and its text. */
export function saltedOf(content: Content): string {
  return "5a".repeat(16) + canonicalize(asJson(content));
}

/** An export of entries in the log of tests, at its size; `older` is a checkpoint from before its last 300 records. */
export async function makeExport(
  contents: readonly Content[],
): Promise<{ readonly head: ExportHead; readonly lines: readonly ExportLine[]; readonly older: string }> {
  const log = await openTestLog("", {
    files: createMemoryDisk().open(),
    keys: testKeys(createMemoryDisk().open()),
    timer: STILL,
  });
  const kept: { seq: number; salted: string }[] = [];
  for (const [entry, content] of contents.entries()) {
    await log.append(note(`before ${entry}`), null);
    const salted = saltedOf(content);
    const { agent, plane, by, instance, labels, expires, text } = content;
    const of = { agent, plane, by, instance, labels, expires, bytes: utf8Length(text), imported: null };
    const digest = saltedDigest(salted, CRYPTO);
    kept.push({ seq: await log.append({ kind: "memory-kept", entry, digest, ...of }, { sealed: "" }), salted });
  }
  const older = (await log.checkpoint()).note;
  await Promise.all(Array.from({ length: 300 }, (_, more) => log.append(note(`after ${more}`), null)));
  const checkpoint = await log.checkpoint();
  const lines: ExportLine[] = [];
  for (const { seq, salted } of kept) {
    for await (const { leaf } of log.disclosed(seq, seq + 1)) {
      const path = (await log.inclusion(seq, checkpoint.size)).map(toBase64);
      lines.push({ seq, record: leaf, path, salted });
    }
  }
  await log.close();
  const [{ agent, plane } = contentOf("")] = contents;
  const of = { agent, plane: plane === "ephemeral" ? plane : "append-only", made: 1_790_000_000_000 } as const;
  const head = { v: 1, kind: "aios-memory", ...of, entries: lines.length, checkpoint: checkpoint.note } as const;
  return { head, lines, older };
}
