import { SEVERITIES } from "../scan/finding.ts";
import { shippedAdvisories, type Advisories } from "./advisories.ts";
import { createDecoder, type Decoder } from "./decode.ts";
import { VET_RULES, isGrave, type Seen, type VetFinding } from "./finding.ts";
import { judgeManifest, judgeName } from "./manifest-rules.ts";
import { judgeScript } from "./script-rules.ts";
import { isNode } from "./syntax.ts";
import { judgeLayers, judgeSource, judgeString } from "./text-layers.ts";
import { VET_BOUNDS, type Dialect, type Tree, type TreeFile, type VetTools } from "./tree.ts";

/** What vetting says of an extension. It says what was found; that nothing was found does not make it safe. */
export interface VetReport {
  readonly v: 1;
  readonly files: number;
  readonly bytes: number;
  /** The most severe first, then by file and line. */
  readonly findings: readonly VetFinding[];
  /** Whether one of them is grave (critical or high): a reason not to trust it before a human looked. */
  readonly grave: boolean;
}

const SCRIPT = /\.(?:[cm]?js|[cm]?ts|jsx|tsx)$/iu;
const TEXT =
  /\.(?:md|mdx|markdown|txt|rst|adoc|html?|sh|bash|zsh|fish|command|ps1|bat|cmd|py|rb|pl|php|lua|applescript|scpt|json5?|jsonc|ya?ml|toml|ini|cfg|conf|plist|service|desktop|svg|xml|csv|env|prompt|mdc)$/iu;
const SOURCE = /\.(?:sh|bash|zsh|fish|command|ps1|bat|cmd|py|rb|pl|php|lua|applescript)$/iu;
const SMALL = 256 * 1024;
/** Compiled, for a machine or for an interpreter. */
const COMPILED = /\.(?:node|so|dylib|dll|exe|pyc|pyd|jar|class|wasm|asar)$/iu;
const PROGRAMS: readonly (readonly number[])[] = [
  [0x7f, 0x45, 0x4c, 0x46],
  [0x4d, 0x5a],
  [0xcf, 0xfa, 0xed, 0xfe],
  [0xca, 0xfe, 0xba, 0xbe],
];

/**
 * Vets the files of an extension by rules of three sorts: what the code can do, what the texts tell an agent, what the names
 * and bytes resemble. Pure; runs nothing. What cannot be read or is over `VET_BOUNDS` is a grave finding (ERRORS-DENY).
 */
export function vetTree(
  tree: Tree,
  { tools, advisories = shippedAdvisories() }: { readonly tools: VetTools; readonly advisories?: Advisories },
): VetReport {
  const findings: VetFinding[] = [];
  const decoder = createDecoder(tools);
  const keep = (path: string, seen: readonly Seen[]): void => {
    findings.push(
      ...dropRepeats(seen).map(({ rule, line, why }) => ({
        rule,
        severity: VET_RULES[rule].severity,
        message: why,
        place: { path, line },
      })),
    );
  };
  for (const { path, why } of tree.skipped)
    keep(path, [{ rule: "not-vetted", line: 1, why: `was not vetted: ${why}` }]);
  const paths = new Set([...tree.files, ...tree.skipped].map(({ path }) => path));
  const has = (path: string): boolean => paths.has(path);
  let bytes = 0;
  for (const [at, file] of tree.files.entries()) {
    const over = at >= VET_BOUNDS.files || bytes + file.bytes.length > VET_BOUNDS.bytes;
    if (over || findings.length >= VET_BOUNDS.findings) {
      keep(file.path, [
        { rule: "not-vetted", line: 1, why: "was not vetted, nor what follows it: it is more than is looked at" },
      ]);
      break;
    }
    bytes += isJudged(file) ? file.bytes.length : 0;
    keep(file.path, judgeFile(file, { tools, advisories, decoder, has }));
  }
  if (decoder.spent)
    keep(tree.files[0]?.path ?? "", [
      { rule: "not-vetted", line: 1, why: "and others hold more encoded text than is decoded" },
    ]);
  const sorted = findings.toSorted((one, two) => rank(one) - rank(two));
  return {
    v: 1,
    files: tree.files.length,
    bytes: tree.files.reduce((sum, file) => sum + file.bytes.length, 0),
    findings: sorted,
    grave: sorted.some(({ rule }) => isGrave(rule)),
  };
}

interface Judging {
  readonly tools: VetTools;
  readonly advisories: Advisories;
  readonly decoder: Decoder;
  /** Whether the extension has a file of that path, read or not. */
  readonly has: (path: string) => boolean;
}

/** What an agent or an interpreter takes for its own by its name or its first bytes, and every other text that is small. */
function isJudged({ path, bytes }: TreeFile): boolean {
  return (SCRIPT.test(path) || TEXT.test(path) || hasShebang(bytes) || bytes.length <= SMALL) && !isBinary(bytes);
}

function judgeFile(file: TreeFile, judging: Judging): readonly Seen[] {
  const { path, bytes } = file;
  const seen: Seen[] = [];
  const id =
    judging.advisories.digests.size === 0 ? undefined : judging.advisories.digests.get(judging.tools.sha256(bytes));
  if (id !== undefined)
    seen.push({ rule: "known-bad", line: 1, why: `has the digest of a file that is known to be malicious (${id})` });
  if (COMPILED.test(path) || PROGRAMS.some((magic) => magic.every((byte, at) => bytes[at] === byte)))
    return [...seen, { rule: "native-program", line: 1, why: "is a compiled program" }];
  const script = SCRIPT.test(path) || /^#!.{0,60}\bnode\b/u.test(firstLine(bytes));
  if (!isJudged(file)) {
    const named = script || TEXT.test(path) || hasShebang(bytes);
    return named && bytes.length > 0
      ? [
          ...seen,
          { rule: "not-vetted", line: 1, why: "was not vetted: it is no text, and its name says that it is one" },
        ]
      : seen;
  }
  if (bytes.length > VET_BOUNDS.fileBytes)
    return [...seen, { rule: "not-vetted", line: 1, why: "was not vetted: it is too large" }];
  const text = judging.tools.decode(bytes);
  if (script) return [...seen, ...judgeProgram(path, text, judging)];
  if (/\.json$/iu.test(path)) {
    const manifest = judgeManifest(path, text, judging);
    seen.push(...manifest.seen);
    for (const command of manifest.commands) seen.push(...judgeCommand(command, judging));
  }
  const name = /(?:^|\/)SKILL\.md$/iu.test(path) ? /^name:\s{0,4}["']?([\w@/.-]{1,100})/mu.exec(text)?.[1] : undefined;
  if (name !== undefined) seen.push(...judgeName(name, 2));
  const source = SOURCE.test(path) || hasShebang(bytes);
  return [...seen, ...(source ? judgeSource(text, judging.decoder) : judgeLayers(text, judging.decoder))];
}

function judgeProgram(path: string, text: string, { tools, decoder }: Judging): readonly Seen[] {
  const seen: Seen[] = [];
  try {
    const root = parseAny(text, { path, tools });
    const { seen: found, texts } = judgeScript(root, decoder);
    seen.push(...found);
    const judged = new Set<string>();
    for (const { text: each, line } of texts) {
      if (judged.has(each)) continue;
      judged.add(each);
      for (const one of judgeString(each, decoder)) seen.push({ ...one, line: line + one.line - 1 });
    }
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 100) : "it is no program";
    seen.push(
      { rule: "script-unreadable", line: 1, why: `could not be read as a program: ${why}` },
      ...judgeLayers(text, decoder),
    );
  }
  return seen;
}

/** As the name says; programs whose name says too little are tried as the dialects that hold the others. */
function parseAny(
  text: string,
  { path, tools }: { readonly path: string; readonly tools: VetTools },
): Parameters<typeof judgeScript>[0] {
  const dialects: readonly Dialect[] = /\.[cm]?ts$/iu.test(path)
    ? ["typescript"]
    : /\.tsx$/iu.test(path)
      ? ["tsx"]
      : ["javascript", "jsx"];
  let fault: unknown = new Error("it is no program");
  for (const dialect of dialects) {
    try {
      const root = tools.parse(text, dialect);
      if (isNode(root)) return root;
    } catch (error) {
      fault = error;
    }
  }
  throw fault;
}

/** A command that runs by itself: as a command, and what it hands to Node as a program. */
function judgeCommand(
  { text, line }: { readonly text: string; readonly line: number },
  judging: Judging,
): readonly Seen[] {
  const inline = /\bnode\s{1,4}(?:-e|--eval|-p)\s{1,4}(["'])([\s\S]{1,20000})\1/u.exec(text)?.[2];
  const seen = inline === undefined ? [] : judgeProgram("inline.js", inline.replaceAll('\\"', '"'), judging);
  return [...judgeString(text, judging.decoder), ...seen].map((each) => ({ ...each, line }));
}

/** Each rule once in a line, of two with one cause one, and at most `perRule` times in a file. */
function dropRepeats(seen: readonly Seen[]): readonly Seen[] {
  const times = new Map<string, number>();
  const places = new Set<string>();
  const words = new Set(seen.filter(({ rule }) => rule === "words-secrets").map(({ line }) => line));
  return seen.filter(({ rule, line }) => {
    if (rule === "skill-secrets" && words.has(line)) return false;
    const place = `${rule} ${line}`;
    const count = times.get(rule) ?? 0;
    if (places.has(place) || count >= VET_BOUNDS.perRule) return false;
    places.add(place);
    times.set(rule, count + 1);
    return true;
  });
}

function rank({ severity }: VetFinding): number {
  return SEVERITIES.indexOf(severity);
}

function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 8192).includes(0);
}

function hasShebang(bytes: Uint8Array): boolean {
  return bytes[0] === 0x23 && bytes[1] === 0x21;
}

function firstLine(bytes: Uint8Array): string {
  return hasShebang(bytes) ? (String.fromCharCode(...bytes.subarray(0, 80)).split("\n")[0] ?? "") : "";
}
