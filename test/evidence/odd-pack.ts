import { createHash } from "node:crypto";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
// @ts-expect-error -- a verifier of plain JavaScript, which shares no types with the rest
import { checkEvidence } from "../../verifier/check-evidence.mjs";
// @ts-expect-error -- the same
import { verdictOf } from "../../verifier/check-proof.mjs";

/* A pack of evidence in which something else stands at one place, for every place of it. */

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
type Path = readonly (string | number)[];

const SALT_DIGITS = 32;
/** Nothing at all. */
const DROPPED = Symbol("dropped");
/** What no format has at any place, and what one place or another could have. */
const FEW = [DROPPED, null, -1, { toString: 1 }] as const;
const ODD = [...FEW, 1e308, true, "x\u001b[2J", "A".repeat(70_000), [], [null], {}] as const;
/** Names from a value to a place inside it, so many at most. */
const DEEPEST = 5;

/** The places of a value, those inside a text that is JSON too; of a list the first and the last. */
function* places(value: Json): Generator<Path> {
  if (typeof value === "string" && value.startsWith("{")) {
    yield [];
    for (const path of places(JSON.parse(value))) if (path.length > 0) yield ["", ...path];
    return;
  }
  yield [];
  if (typeof value !== "object" || value === null) return;
  const names = Array.isArray(value)
    ? [...new Set([0, value.length - 1])].filter((at) => at < value.length && at >= 0)
    : Object.keys(value);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a list or an object, by its own names
  for (const name of names)
    for (const path of places((value as { [name: string]: Json })[name] ?? null)) yield [name, ...path];
}

/** The same with something else at a place. */
function put(value: Json, path: Path, odd: Json | typeof DROPPED): Json | typeof DROPPED {
  const [name, ...rest] = path;
  if (name === undefined) return odd;
  if (typeof value === "string") return JSON.stringify(put(JSON.parse(value), rest, odd));
  const changed = put(Object(value)[name], rest, odd);
  if (Array.isArray(value))
    return changed === DROPPED ? value.toSpliced(Number(name), 1) : value.with(Number(name), changed);
  const { [name]: _, ...others }: { [name: string]: Json } = Object(value);
  return changed === DROPPED ? others : { ...others, [name]: changed };
}

/** What the verifier says of one: in one line, and its exit code. */
async function say(folder: string, key: string): Promise<{ readonly words: string; readonly exit: number }> {
  try {
    await checkEvidence([folder, "--key", key], () => {});
    return { words: "verified", exit: 0 };
  } catch (error) {
    return verdictOf(error);
  }
}

export interface Odd {
  readonly place: string;
  readonly words: string;
  readonly exit: number;
}

/** A part of a pack: its text, which is JSON, and what the file is with another in its place. */
interface Part {
  readonly file: string;
  readonly text: string;
  readonly odd: readonly (Json | typeof DROPPED)[];
  write(changed: string): string;
}

/** Every place of `evidence.json`, of the first line of each kind of record, and of its payload, with something odd there: what is said of each. */
export async function checkOdd(
  pack: string,
  { key, folder }: { readonly key: string; readonly folder: string },
): Promise<readonly Odd[]> {
  cpSync(pack, folder, { recursive: true });
  const said: Odd[] = [];
  for (const { file, text, odd, write } of parts(folder)) {
    const value: Json = JSON.parse(text);
    for (const path of places(value)) {
      for (const each of path.length > DEEPEST ? [] : odd) {
        const changed = put(value, path, each);
        if (isDeepStrictEqual(changed, value)) continue;
        writeFileSync(join(folder, file), write(changed === DROPPED ? "" : JSON.stringify(changed)));
        const what = each === DROPPED ? "dropped" : JSON.stringify(each).slice(0, 20);
        said.push({ place: `${file} ${path.join(".")} ${what}`, ...(await say(folder, key)) });
      }
    }
    writeFileSync(join(folder, file), write(text));
  }
  return said;
}

function* parts(folder: string): Generator<Part> {
  const head = readFileSync(join(folder, "evidence.json"), "utf8");
  yield { file: "evidence.json", text: head, odd: ODD, write: (changed) => changed };
  const lines = readFileSync(join(folder, "records.jsonl"), "utf8").trimEnd().split("\n");
  const kinds = new Set<string>();
  for (const [at, line] of lines.entries()) {
    const { leaf, salted } = JSON.parse(line);
    const record = JSON.parse(leaf);
    if (kinds.has(record.kind)) continue;
    kinds.add(record.kind);
    const of = { file: "records.jsonl", odd: FEW };
    const write = (changed: string): string => `${lines.with(at, changed).join("\n")}\n`;
    yield { ...of, text: line, write };
    if (salted === null) continue;
    const text = salted.slice(SALT_DIGITS);
    yield {
      ...of,
      text,
      // One that its record commits to: whoever has the log's key can have written any.
      write(changed) {
        if (changed === text) return write(line);
        const own = `${salted.slice(0, SALT_DIGITS)}${changed}`;
        const payload = { ...record.payload, digest: `sha256:${createHash("sha256").update(own).digest("hex")}` };
        return write(JSON.stringify({ seq: at, leaf: JSON.stringify({ ...record, payload }), salted: own }));
      },
    };
  }
}
