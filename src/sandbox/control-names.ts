import { PATTERNS, RULES, type Rule } from "./control-rules.ts";
import { isNameOf } from "./short-names.ts";

/**
 * Which names in a guarded root are read-only to an agent: what other tools execute or obey when a person, an editor or
 * another agent comes to the folder later. A name is decided by its path below the root, existing or not, at any depth.
 */

/** What a path may hold. `above`: nothing yet, but what stood below it would be a control file by its place. */
export type Standing =
  { readonly kind: "free" } | { readonly kind: "above" } | { readonly kind: "control"; readonly why: string };

/** What is at the path, or is to be put there. */
export type EntryKind = "folder" | "other";

/** Inside a repository: what says which programs git runs, and where else it looks for that. */
const GIT_CONTROL: readonly string[] = [
  "hooks",
  "config",
  "config.lock",
  "config.worktree",
  "config.worktree.lock",
  "commondir",
  // What is left of a rebase or a sequence is a list of commands that the next `--continue` runs.
  "rebase-merge",
  "rebase-apply",
  "sequencer",
];
/** Older ways to name where git fetches from and pushes to. */
const GIT_ADDRESSES: readonly string[] = ["remotes", "branches"];
/** Below `objects/info`: where else git reads objects from, with a person's rights. */
const GIT_ALTERNATES: readonly string[] = ["alternates", "alternates.lock", "http-alternates"];
const GIT_WHY = "git runs what it says";
const ALTERNATES_WHY = "git reads other repositories' objects by it";
const REPOSITORY_WHY = "it makes a repository, whose configuration git obeys";

interface Candidate {
  readonly names: readonly string[];
  readonly rule: Rule;
}
/** By first name, the rules as folded names, so that a name that occurs in none costs one look. */
const byFirst = new Map<string, Candidate[]>();
for (const rule of RULES) {
  for (const path of rule.paths) {
    const names = path.split("/");
    const [first = ""] = names;
    byFirst.set(first, [...(byFirst.get(first) ?? []), { names, rule }]);
  }
}

const NOTHING: ReadonlySet<string> = new Set();
const OBEYED_WHY = "the configuration of git names it, and git obeys it";
const FREE: Standing = { kind: "free" };
const ABOVE: Standing = { kind: "above" };

/** How names are judged in one root. */
export interface Judging {
  readonly entry: EntryKind;
  /** What the owner has opened, by folded name: free, with all below it; with `.git`, repositories of any form are. */
  readonly opened?: ReadonlySet<string>;
  /** Paths below the root that git obeys by its configuration, with all below them. */
  readonly obeyed?: readonly string[];
}

/**
 * Standing of a path below a guarded root: names joined by `/`, as the kernel resolved them, so that no `.`, `..` or link
 * is left in it. Bytes that are no UTF-8 may have become U+FFFD.
 */
export function standingOf(path: string, { entry, opened = NOTHING, obeyed = [] }: Judging): Standing {
  const names = path.split("/").map(foldName);
  const standing = standingByName(names, { entry, opened });
  if (standing.kind === "control" || obeyed.length === 0 || names.some((name) => opened.has(name))) return standing;
  const named = obeyed.map((each) => standingByPath(names, each.split("/").map(foldName)));
  return named.find(({ kind }) => kind === "control") ?? named.find(({ kind }) => kind === "above") ?? standing;
}

/** Standing against one path that is obeyed. */
function standingByPath(names: readonly string[], path: readonly string[]): Standing {
  const shorter = Math.min(names.length, path.length);
  if (!names.slice(0, shorter).every((name, place) => isNameOf(name, path[place] ?? ""))) return FREE;
  return shorter === path.length ? { kind: "control", why: OBEYED_WHY } : ABOVE;
}

function standingByName(
  names: readonly string[],
  { entry, opened }: { readonly entry: EntryKind; readonly opened: ReadonlySet<string> },
): Standing {
  let standing = FREE;
  for (let at = 0; at < names.length; at++) {
    const name = names[at] ?? "";
    if (opened.has(name)) return FREE;
    if (isNameOf(name, ".git")) return gitStanding(names.slice(at + 1), REPOSITORY_WHY);
    const found = standingAt(names, at);
    if (found.kind === "control") return found;
    if (found.kind === "above") standing = found;
    // A repository without a working tree is a folder that holds HEAD, objects and refs; by custom it is named so.
    if (name.endsWith(".git") && at + 1 < names.length && !opened.has(".git")) {
      const inside = gitStanding(names.slice(at + 1), "");
      if (inside.kind !== "free") return inside;
    }
  }
  // Any folder with a HEAD beside objects and refs is one: git in it obeys the `config` beside them.
  if (names.at(-1) === "head" && entry === "other" && !opened.has(".git"))
    return { kind: "control", why: REPOSITORY_WHY };
  // As a file it says in which other folder the repository is, and its configuration with it.
  if (entry === "other" && isNameOf(names.at(-2) ?? "", ".jj") && names.at(-1) === "repo")
    return { kind: "control", why: REPOSITORY_WHY };
  return standing;
}

function standingAt(names: readonly string[], at: number): Standing {
  const name = names[at] ?? "";
  const found = PATTERNS.find(({ pattern }) => pattern.test(name));
  if (found !== undefined) return { kind: "control", why: found.why };
  let standing = FREE;
  for (const candidate of candidatesFor(name)) {
    if (candidate.rule.packages === "free" && names.slice(0, at).includes("node_modules")) continue;
    const here = names.slice(at, at + candidate.names.length);
    if (!here.every((each, place) => isNameOf(each, candidate.names[place] ?? ""))) continue;
    if (here.length === candidate.names.length) return { kind: "control", why: candidate.rule.why };
    standing = ABOVE;
  }
  return standing;
}

/** The rules that a first name could begin: hardly any name has a `~`, by which short ones are told. */
function candidatesFor(name: string): readonly Candidate[] {
  if (!name.includes("~")) return byFirst.get(name) ?? [];
  return [...byFirst].flatMap(([first, candidates]) => (isNameOf(name, first) ? candidates : []));
}

/** Standing of names below a repository's own folder. */
function gitStanding(names: readonly string[], itself: string): Standing {
  const [first, ...rest] = names;
  if (first === undefined) return { kind: "control", why: itself };
  if (isOneOf(GIT_CONTROL, first) || isOneOf(GIT_ADDRESSES, first)) return { kind: "control", why: GIT_WHY };
  if (first === "objects") return objectsStanding(rest);
  if (first === "modules") {
    // A repository each, at any depth: names of submodules have slashes.
    if (rest.some((name) => isOneOf(GIT_CONTROL, name))) return { kind: "control", why: GIT_WHY };
    const objects = objectsStanding(rest.slice(rest.lastIndexOf("objects") + 1));
    return objects.kind === "control" ? objects : ABOVE;
  }
  if (first === "worktrees") {
    const [, name] = rest;
    if (name === undefined) return ABOVE;
    return name === "gitdir" || isOneOf(GIT_CONTROL, name) ? { kind: "control", why: GIT_WHY } : FREE;
  }
  return FREE;
}

/** Standing of names below a repository's objects. */
function objectsStanding([info, name, ...more]: readonly string[]): Standing {
  if (info === undefined || (info === "info" && name === undefined)) return ABOVE;
  const found = info === "info" && name !== undefined && more.length === 0 && isOneOf(GIT_ALTERNATES, name);
  return found ? { kind: "control", why: ALTERNATES_WHY } : FREE;
}

function isOneOf(names: readonly string[], name: string): boolean {
  return names.some((each) => isNameOf(name, each));
}

/**
 * A name as every file system that a folder may lie on, or be copied to, could read it: without regard to case, composed,
 * without the code points that HFS+ and casefolding ext4 ignore (CVE-2014-9390), without what FAT and NTFS drop at its end.
 */
export function foldName(name: string): string {
  // Nearly all names are plain, and this runs for every name of every path.
  if (/^[a-z0-9._-]*[a-z0-9_-]$/.test(name)) return name;
  const folded = name
    .normalize("NFKC")
    .replaceAll(/\p{Default_Ignorable_Code_Point}/gu, "")
    .toLowerCase()
    .normalize("NFC");
  return folded.replace(/:.*$/su, "").replace(/[. ]+$/u, "");
}
