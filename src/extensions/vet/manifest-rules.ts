import { isArray, isObject, parseJson, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { findAdvisory, type Advisories } from "./advisories.ts";
import type { Seen, VetRule } from "./finding.ts";
import { createLineFinder } from "./line-finder.ts";
import { resembles } from "./likeness.ts";
import { judgeBundleStart, judgePackageStart, judgeServersStart } from "./start-rules.ts";

/** What a manifest says, and the commands in it, which are judged as commands. */
export interface ManifestSeen {
  readonly seen: readonly Seen[];
  /** Commands that run by themselves, with the line where each stands. */
  readonly commands: readonly { readonly text: string; readonly line: number }[];
}

const NOTHING: ManifestSeen = { seen: [], commands: [] };
const INSTALL = ["preinstall", "install", "postinstall"] as const;
/** Builds or fetches a native part and does nothing else; widely used. */
const BUILDS =
  /^(?:node-gyp(?:-build)? ?(?:rebuild|configure|build)?|node-gyp-build|prebuild-install(?: \|\| node-gyp rebuild)?|node-pre-gyp install(?: --fallback-to-build)?|opencollective-postinstall(?: \|\| (?:true|exit 0))?)$/u;
const MOST_DEPENDENCIES = 2000;
const DEPENDENCIES = ["dependencies", "optionalDependencies", "peerDependencies", "bundledDependencies"] as const;
const SENDS =
  /\b(?:curl|wget)\b.{0,300}(?:-d\b|--data|-F\b|--form|-T\b|--upload-file|-X\s{0,3}(?:POST|PUT)|--post-)|\b(?:nc|ncat)\s+\S+\s+\d+/u;

/**
 * Judges a JSON file by what its name and its fields say it is: a package, hooks of a plugin, a bundle. `has`: whether the
 * extension has a file of that path.
 */
export function judgeManifest(
  path: string,
  text: string,
  { advisories, has }: { readonly advisories: Advisories; readonly has: (path: string) => boolean },
): ManifestSeen {
  const parsed = parseJson(text, { maxLength: 1_048_576, maxDepth: 32, maxValues: 100_000 });
  if (parsed.kind === "refused") return NOTHING;
  const table = parsed.value;
  if (!isObject(table)) return NOTHING;
  const lineAt = createLineFinder(text);
  const lineOf = (word: string): number => lineAt(Math.max(0, text.indexOf(JSON.stringify(word))));
  const start = { has, lineOf };
  if (/(?:^|\/)package\.json$/u.test(path)) {
    const { seen, commands } = judgePackage(table, { lineOf, advisories });
    // What lies deeper is a package of somebody else's, which nobody starts.
    return path === "package.json"
      ? { seen: [...seen, ...judgePackageStart(table, start)], commands }
      : { seen, commands };
  }
  const commands = isObject(table["hooks"])
    ? commandsIn(table["hooks"]).map((each) => ({ text: each, line: lineOf(each) }))
    : [];
  const seen: Seen[] = commands.flatMap(({ text: command, line }): readonly Seen[] => [
    { rule: "hook", line, why: `runs ${command.slice(0, 60)} at events of the agent` },
    ...(SENDS.test(command)
      ? [{ rule: "hook-sends" as VetRule, line, why: "sends what the agent does to an address" }]
      : []),
  ]);
  const name = table["name"];
  if (typeof name === "string" && /(?:^|\/)(?:manifest|plugin)\.json$/u.test(path))
    seen.push(...judgeName(name, lineOf(name)));
  if (path === "manifest.json") seen.push(...judgeBundleStart(table, start));
  if (path === ".mcp.json" || path === ".claude-plugin/plugin.json") seen.push(...judgeServersStart(table, start));
  return { seen, commands };
}

/** A name that passes for another. */
export function judgeName(name: string, line: number): readonly Seen[] {
  const known = resembles(name);
  return known === null
    ? []
    : [{ rule: "name-resembles", line, why: `has the name ${name}, which passes for ${known}` }];
}

function judgePackage(
  table: JsonObject,
  { lineOf, advisories }: { readonly lineOf: (word: string) => number; readonly advisories: Advisories },
): ManifestSeen {
  const seen: Seen[] = [];
  const commands: { text: string; line: number }[] = [];
  const scripts = table["scripts"];
  for (const name of INSTALL) {
    const command = isObject(scripts) ? scripts[name] : undefined;
    if (typeof command !== "string") continue;
    const line = lineOf(name);
    if (BUILDS.test(command.trim()))
      seen.push({ rule: "build-script", line, why: `runs ${command} when it is installed` });
    else {
      seen.push({ rule: "install-script", line, why: `runs ${command.slice(0, 80)} when it is installed` });
      commands.push({ text: command, line });
    }
  }
  const name = table["name"];
  const version = table["version"];
  if (typeof name === "string") {
    seen.push(...judgeName(name, lineOf("name")));
    const id = findAdvisory(advisories, { name, wanted: typeof version === "string" ? version : "" });
    if (id !== null)
      seen.push({
        rule: "known-bad",
        line: lineOf("name"),
        why: `is ${name} ${typeof version === "string" ? version : "without a version"}, known to be malicious (${id})`,
      });
  }
  for (const field of DEPENDENCIES) {
    const listed = table[field];
    if (!isObject(listed)) continue;
    const all = Object.entries(listed);
    if (all.length > MOST_DEPENDENCIES)
      seen.push({ rule: "not-vetted", line: lineOf(field), why: "names more packages than are looked at" });
    for (const [dependency, wanted] of all.slice(0, MOST_DEPENDENCIES)) {
      const line = lineOf(dependency);
      const known = resembles(dependency);
      if (known !== null)
        seen.push({ rule: "name-resembles", line, why: `needs ${dependency}, which passes for ${known}` });
      const id = findAdvisory(advisories, { name: dependency, wanted: typeof wanted === "string" ? wanted : "" });
      if (id !== null)
        seen.push({ rule: "known-bad", line, why: `needs ${dependency}, known to be malicious (${id})` });
    }
  }
  return { seen, commands };
}

/** Texts in `command` fields, however deep they stand. */
function commandsIn(value: JsonValue): readonly string[] {
  if (isArray(value)) return value.flatMap(commandsIn);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, each]) => {
    if (key === "command" && typeof each === "string") return [each];
    return commandsIn(each);
  });
}
