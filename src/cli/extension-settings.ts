import { EXTENSION_PLACE } from "../kernel/grant.ts";
import { pathSegments } from "../kernel/paths.ts";
import type { AskedSetting, ExtensionManifest } from "../protocol/extension.ts";
import { CliFailure } from "./failure.ts";

/** What a person says for an extension's arguments. */
export interface SettingWishes {
  /** `KEY=VALUE` each; a key that takes several values may be named several times. */
  readonly set: readonly string[];
  /** Words that take the place of the extension's own; empty: its own. */
  readonly args: readonly string[];
  /** Host folder that its server sees at /workspace, in absolute form, or null. */
  readonly folder: string | null;
  /** An absolute path of one that a person typed. */
  resolve(path: string): string;
}

const PLACEHOLDER = /\$\{([^}]*)\}/gu;
const WORKSPACE = "/workspace";

/**
 * The words that an extension's program is started with: its own, with what its person says in the place of each
 * `${user_config.KEY}`. Paths are given as they are here, and are those of its sandbox in the words. A sensitive setting is
 * never a word: it would stand in the grant, which is no place for a key. Throws `CliFailure` (`usage`, `bad-grant`).
 */
export function wordsOf(
  { name, words, settings }: Pick<ExtensionManifest, "name" | "words" | "settings">,
  wishes: SettingWishes,
): readonly string[] {
  if (wishes.args.length > 0) {
    if (wishes.set.length === 0) return wishes.args;
    throw CliFailure.of("usage", "--set fills its own arguments, and others were given after --", "give one of them");
  }
  const given = readGiven(wishes.set, settings);
  return words.flatMap((word) => {
    const whole = /^\$\{user_config\.([^}]*)\}$/u.exec(word)?.[1];
    if (whole !== undefined) return valuesFor(whole);
    return [word.replaceAll(PLACEHOLDER, (_all, inner: string) => fillPart(inner))];
  });

  function fillPart(inner: string): string {
    if (inner === "__dirname") return EXTENSION_PLACE;
    if (inner === "/" || inner === "pathSeparator") return "/";
    if (!inner.startsWith("user_config.")) throw unfilled(inner, "is nothing that it gets");
    const values = valuesFor(inner.slice("user_config.".length));
    if (values.length > 1) throw unfilled(inner, "has several values and stands inside of one word");
    return values[0] ?? "";
  }

  function valuesFor(key: string): readonly string[] {
    const setting = settings.find((each) => each.name === key);
    if (setting === undefined) throw unfilled(`user_config.${key}`, "is no setting of it");
    if (setting.sensitive) throw unfilled(`user_config.${key}`, "is a key, and a grant is no place for keys");
    const values = given.get(key) ?? presetOf(setting);
    if (values.length === 0 && setting.required)
      throw CliFailure.of("usage", `${name} needs the setting ${key}`, `--set ${key}=VALUE`);
    return isPath(setting) ? values.map((value) => insideOf(key, value)) : values;
  }

  /** Its own presets of folders are its author's guesses at a home that it does not get: the folder that it is given. */
  function presetOf(setting: AskedSetting): readonly string[] {
    if (!isPath(setting)) return setting.preset;
    return setting.type === "directory" && wishes.folder !== null ? [wishes.folder] : [];
  }

  function insideOf(key: string, value: string): string {
    const { folder } = wishes;
    if (folder === null)
      throw CliFailure.of("usage", `The setting ${key} is a path, and its server sees no folder`, "--workspace DIR");
    const path = wishes.resolve(value);
    if (path === folder) return WORKSPACE;
    const below = `${folder === "/" ? "" : folder}/`;
    if (pathSegments(path) !== null && path.startsWith(below)) return `${WORKSPACE}/${path.slice(below.length)}`;
    throw CliFailure.of("usage", `--set ${key}: "${value}" is not in the folder that its server sees`, folder);
  }

  function unfilled(inner: string, why: string): CliFailure {
    return CliFailure.of(
      "bad-grant",
      `${name} wants \${${inner}} among its arguments, which ${why}`,
      "give its arguments after --",
    );
  }
}

function isPath({ type }: AskedSetting): boolean {
  return type === "directory" || type === "file";
}

function readGiven(set: readonly string[], settings: readonly AskedSetting[]): ReadonlyMap<string, readonly string[]> {
  const given = new Map<string, readonly string[]>();
  for (const each of set) {
    const at = each.indexOf("=");
    const key = each.slice(0, at);
    const value = each.slice(at + 1);
    const setting = settings.find((known) => known.name === key);
    if (at < 1 || setting === undefined)
      throw CliFailure.of(
        "usage",
        `--set ${at < 1 ? each : key} is no setting of it`,
        settings.map((known) => `--set ${known.name}=VALUE`).join(", ") || "it has none",
      );
    // The value is in no message: somebody may have typed a key.
    if (setting.sensitive)
      throw CliFailure.of(
        "usage",
        `The setting ${key} is a key, and a grant is no place for keys`,
        "a server that needs one runs elsewhere, with its address in a grant: url: https://…",
      );
    if (given.has(key) && !setting.multiple) throw CliFailure.of("usage", `--set ${key} was given twice`);
    if (!fits(setting, value)) throw CliFailure.of("usage", `--set ${key}: "${value}" is no ${setting.type}`);
    given.set(key, [...(given.get(key) ?? []), value]);
  }
  return given;
}

function fits({ type }: AskedSetting, value: string): boolean {
  if (type === "number") return /^-?\d{1,15}(?:\.\d{1,15})?$/u.test(value);
  if (type === "boolean") return value === "true" || value === "false";
  return value !== "";
}
