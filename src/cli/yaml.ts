import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Node,
  type Pair,
  type Scalar,
  type YAMLError,
} from "yaml";
import type { JsonValue } from "../kernel/json.ts";
import { CliFailure } from "./failure.ts";

const MAXIMUM_DEPTH = 16;

/**
 * Reads YAML 1.2 (core schema) as one JSON value, strictly: one document, no anchors, aliases, tags, merge keys,
 * duplicate keys or keys that are not strings, no number that JSON cannot carry. What a human reads in the file is what is
 * meant, and nothing stands for something written elsewhere. Throws `CliFailure` `bad-yaml` with the line.
 */
export function readYaml(text: string, source: string): JsonValue {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: "1.2",
    schema: "core",
    strict: true,
    // Compared below: the library compares each key with each other, which takes many seconds for a few thousand.
    uniqueKeys: false,
    merge: false,
    resolveKnownTags: false,
    // Each would be drawn with its place, and one is told.
    prettyErrors: false,
    lineCounter: lines,
    stringKeys: false,
  });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined)
    throw CliFailure.of(
      "bad-yaml",
      `Cannot read ${source}: ${tellProblem(problem, lines)}`,
      "mend the file there: it is no YAML, so nothing of it was taken",
    );
  if (document.contents === null)
    throw CliFailure.of("bad-yaml", `Cannot read ${source}: it is empty`, "the command with --help says what it reads");
  const lineOf = (node: { readonly range?: readonly [number, number, number] | null }): number =>
    text.slice(0, node.range?.[0] ?? 0).split("\n").length;
  return convert(document.contents, {
    depth: 0,
    refuse: (node, why) => CliFailure.of("bad-yaml", `Cannot read ${source}: ${why} at line ${lineOf(node)}`),
  });
}

/** The parser follows nesting with its own stack, which ends somewhere far below what is taken here. */
function tellProblem({ message, pos }: YAMLError, lines: LineCounter): string {
  const { line, col } = lines.linePos(pos[0]);
  if (message.startsWith("Maximum call stack")) return `it is nested deeper than ${MAXIMUM_DEPTH} at line ${line}`;
  return `${message.split("\n")[0] ?? ""} at line ${line}, column ${col}`;
}

interface Context {
  readonly depth: number;
  readonly refuse: (node: Node, why: string) => CliFailure;
}

function convert(node: unknown, context: Context): JsonValue {
  if (node === null || node === undefined) return null;
  if (context.depth > MAXIMUM_DEPTH)
    throw CliFailure.of("bad-yaml", `Cannot read YAML nested deeper than ${MAXIMUM_DEPTH}`);
  const deeper = { ...context, depth: context.depth + 1 };
  if (isScalar(node)) return convertScalar(node, context);
  if (isSeq(node)) {
    refuseMarks(node, context);
    return node.items.map((item) => convert(item, deeper));
  }
  if (isMap(node)) {
    refuseMarks(node, context);
    refuseTwice(node.items, context);
    // fromEntries defines own properties, so that a key `__proto__` is an ordinary (and later unknown) field.
    return Object.fromEntries(node.items.map((pair) => [convertKey(pair, context), convert(pair.value, deeper)]));
  }
  throw CliFailure.of("bad-yaml", "Cannot read YAML with an alias: write the value out");
}

function refuseTwice(pairs: readonly Pair[], context: Context): void {
  const known = new Set<unknown>();
  for (const { key } of pairs) {
    if (!isScalar(key)) continue;
    if (known.has(key.value)) throw context.refuse(key, `the key ${String(key.value)} is there twice`);
    known.add(key.value);
  }
}

function convertKey(pair: Pair, context: Context): string {
  const { key } = pair;
  if (!isScalar(key)) throw CliFailure.of("bad-yaml", "Cannot read YAML with a key that is not plain text");
  refuseMarks(key, context);
  if (typeof key.value !== "string")
    throw context.refuse(key, `the key ${String(key.value)} is not text; put it in quotes`);
  return key.value;
}

function convertScalar(node: Scalar, context: Context): JsonValue {
  refuseMarks(node, context);
  const { value } = node;
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw context.refuse(node, "a text holds half a character (a lone surrogate)");
    return value;
  }
  if (typeof value === "number") {
    const safe = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
    if (safe && !Object.is(value, -0)) return value;
    throw context.refuse(node, `the number ${node.source ?? String(value)} is outside the safe range`);
  }
  throw context.refuse(node, "a value is neither text, number, true, false nor null");
}

function refuseMarks(node: Node & { readonly anchor?: string }, context: Context): void {
  if (node.anchor !== undefined && node.anchor !== "")
    throw context.refuse(node, `the anchor &${node.anchor} is not allowed`);
  if (node.tag !== undefined && node.tag !== "") throw context.refuse(node, `the tag ${node.tag} is not allowed`);
}
