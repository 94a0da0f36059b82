import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "vitest/node";

/** The folder that holds `src`. */
export const ROOT: string = join(dirname(fileURLToPath(import.meta.url)), "..");

/** One import as it stands in a file. */
export interface ImportFound {
  /** Path from the root for our own files, else the specifier: `src/kernel/json.ts`, `node:fs`, `koffi`. */
  readonly target: string;
  /** True when nothing of it is there at run time. */
  readonly typeOnly: boolean;
  /** True when it is loaded in the middle of the work, by `import()`, and not before it. */
  readonly late: boolean;
  /** Names taken from it; empty for a whole namespace, a re-export of all or a side effect. */
  readonly names: readonly string[];
}

/** One source file, read as a syntax tree. */
export interface SourceModule {
  /** Path from the root. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly ImportFound[];
  /** Every node of the tree, in the order of the text. */
  readonly nodes: readonly SyntaxNode[];
}

/** A node of an ESTree, of which each reader looks at the fields that it knows. */
export type SyntaxNode = { readonly type: string; readonly [field: string]: unknown };

/** Reads every TypeScript file under a folder of the root, tests left out. */
export function readModules(folder: string): SourceModule[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => readModule(join(folder, name)))
    .toSorted((one, other) => (one.path < other.path ? -1 : 1));
}

/** Reads a file of the root. */
export function readModule(path: string): SourceModule {
  return parseModule(path, readFileSync(join(ROOT, path), "utf8"));
}

/** Parses a text as if it stood at `path`. Throws when it is not TypeScript. */
export function parseModule(path: string, text: string): SourceModule {
  const nodes = [...walk(parseAst(text, { lang: "ts" }))];
  const imports = nodes.flatMap((node) => readImport(path, node));
  return { path, text, lines: text.split("\n").length - 1, imports, nodes };
}

/** True for a value that is a node of the tree. */
export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** Name of an identifier, and null for everything else. */
export function nameOf(node: unknown): string | null {
  return isNode(node) && node.type === "Identifier" && typeof node["name"] === "string" ? node["name"] : null;
}

/** Text of a string literal, and null for everything else. */
export function stringOf(node: unknown): string | null {
  return isNode(node) && node.type === "Literal" && typeof node["value"] === "string" ? node["value"] : null;
}

function* walk(value: unknown): Generator<SyntaxNode> {
  if (Array.isArray(value)) {
    for (const item of value) yield* walk(item);
  } else if (typeof value === "object" && value !== null) {
    if (isNode(value)) yield value;
    for (const child of Object.values(value)) yield* walk(child);
  }
}

function readImport(path: string, node: SyntaxNode): ImportFound[] {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
      return isNode(node["source"]) ? [readDeclaration(path, node)] : [];
    case "ImportExpression":
      return [
        {
          target: resolveTarget(path, stringOf(node["source"]) ?? "(computed)"),
          typeOnly: false,
          late: true,
          names: [],
        },
      ];
    case "TSImportType":
      return [
        {
          target: resolveTarget(path, stringOf(node["source"]) ?? "(computed)"),
          typeOnly: true,
          late: false,
          names: [],
        },
      ];
    default:
      return [];
  }
}

function readDeclaration(path: string, node: SyntaxNode): ImportFound {
  const specifiers = Array.isArray(node["specifiers"]) ? node["specifiers"].filter(isNode) : [];
  const isType = (part: SyntaxNode): boolean => part["importKind"] === "type" || part["exportKind"] === "type";
  return {
    target: resolveTarget(path, stringOf(node["source"]) ?? "(computed)"),
    typeOnly: isType(node) || (specifiers.length > 0 && specifiers.every(isType)),
    late: false,
    names: specifiers.flatMap((part) => nameOf(part["imported"] ?? part["local"]) ?? []),
  };
}

function resolveTarget(path: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return relative(ROOT, join(ROOT, dirname(path), specifier));
}
