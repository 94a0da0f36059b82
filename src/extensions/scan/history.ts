import { isArray, isObject, type JsonValue } from "../../kernel/json.ts";
import type { HistoryPlace } from "./clients.ts";
import { textAt, valueAt } from "./configuration.ts";
import type { Look } from "../../platform/files/look.ts";
import { fullPath } from "./paths.ts";

/** What a client's agents did in the last days. Names of tools and counts; no word of any session. */
export interface Activity {
  readonly days: number;
  readonly sessions: number;
  /** Calls by tool, most first. */
  readonly calls: readonly { readonly tool: string; readonly times: number }[];
  /** Not everything was read: there was more than a scan's time is for, or something could not be read. */
  readonly partly: boolean;
}

const DAYS = 7;
const DAY_MS = 86_400_000;
const MOST_FOLDERS = 400;
const MOST_FILES = 60;
const MOST_BYTES = 512 * 1024;

/** Reads the last days of a client's histories: the newest files, the end of each. */
export async function readActivity(look: Look, place: HistoryPlace): Promise<Activity> {
  const files = await recentFiles(look, place);
  const newest = files.toSorted((one, two) => two.changed - one.changed);
  const times = new Map<string, number>();
  const there = await look.inspect(fullPath(look, place.folder));
  let partly = files.length > MOST_FILES || (there !== null && !there.open);
  for (const { path, size } of newest.slice(0, MOST_FILES)) {
    partly ||= size > MOST_BYTES;
    const text = await look.readEnd(path, MOST_BYTES);
    partly ||= text === null;
    for (const line of (text ?? "").split("\n"))
      for (const tool of toolsIn(line, place.form)) times.set(tool, (times.get(tool) ?? 0) + 1);
  }
  const calls = [...times]
    .map(([tool, count]) => ({ tool, times: count }))
    .toSorted((one, two) => two.times - one.times);
  return { days: DAYS, sessions: files.length, calls, partly };
}

interface HistoryFile {
  readonly path: string;
  readonly size: number;
  readonly changed: number;
}

async function recentFiles(look: Look, { folder, depth }: HistoryPlace): Promise<readonly HistoryFile[]> {
  let folders = [fullPath(look, folder)];
  for (let level = 0; level < depth; level++) {
    const below = await Promise.all(
      folders.map(async (each) => (await look.list(each, MOST_FOLDERS)).map((name) => `${each}/${name}`)),
    );
    folders = below.flat().slice(-MOST_FOLDERS);
  }
  const files: HistoryFile[] = [];
  for (const each of folders)
    for (const name of await look.list(each, MOST_FOLDERS)) {
      const path = `${each}/${name}`;
      const there = name.endsWith(".jsonl") ? await look.inspect(path) : null;
      if (there?.kind === "file" && there.changed > look.now - DAYS * DAY_MS)
        files.push({ path, size: there.size, changed: there.changed });
    }
  return files;
}

/** Names of the tools that one line of a history calls. */
function toolsIn(line: string, form: HistoryPlace["form"]): readonly string[] {
  // Most lines call nothing, and parsing them would be most of the time.
  if (!/"(?:tool_use|function_call|local_shell_call|custom_tool_call|toolCall)"/u.test(line)) return [];
  let entry: JsonValue;
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- JSON.parse makes JSON
    entry = JSON.parse(line) as JsonValue;
  } catch {
    return []; // cut at the front, or written half
  }
  if (form === "codex") {
    const kind = textAt(entry, ["payload", "type"]);
    const name = textAt(entry, ["payload", "name"]) ?? (kind === "local_shell_call" ? "shell" : null);
    return kind !== null && kind.endsWith("_call") && name !== null ? [name] : [];
  }
  const content = valueAt(entry, ["message", "content"]) ?? [];
  const parts: readonly JsonValue[] = isArray(content) ? content : [];
  const mark = form === "claude" ? "tool_use" : "toolCall";
  return parts.flatMap((part) => {
    const name = isObject(part) && part["type"] === mark ? part["name"] : null;
    return typeof name === "string" ? [name.slice(0, 80)] : [];
  });
}
