import type { JsonObject, JsonValue } from "../../kernel/json.ts";
import { SETTING_TYPES, type AskedSetting } from "../../protocol/extension.ts";
import { asEntry } from "./entry.ts";
import { asItems } from "./json-parts.ts";
import { DeclareFault } from "./line.ts";

const VISIBLE = /^[^\p{C}\p{Zl}\p{Zp}]{1,1024}$/u;
const NAME = /^[A-Za-z0-9_.-]{1,64}$/u;
const MOST = 64;

/**
 * The words of a bundle's `mcp_config.args` behind its entry. None when its entry is not the first of them: what stands before
 * it would be for Node. Throws DeclareFault for a word that cannot be shown as it is.
 */
export function readWords(args: JsonValue | undefined, entry: string | null): readonly string[] {
  const [first, ...words] = asItems(args);
  if (entry === null || typeof first !== "string") return [];
  if (asEntry(first.replace(/^\$\{__dirname\}\//u, "")) !== entry) return [];
  return asTexts(words, "its arguments");
}

/** What a bundle asks its person for. Throws DeclareFault for a setting that is none that is known. */
export function readSettings(
  wanted: readonly (readonly [name: string, about: JsonObject | null])[],
): readonly AskedSetting[] {
  if (wanted.length > MOST) throw new DeclareFault(`it asks for more than ${MOST} settings`);
  return wanted.map(([name, about]) => {
    const type = SETTING_TYPES.find((known) => known === about?.["type"]);
    if (!NAME.test(name) || about === null || type === undefined)
      throw new DeclareFault("its user_config has a setting without a plain name, or of a type that is not known");
    const preset = about["default"] ?? [];
    return {
      name,
      type,
      required: about["required"] === true,
      sensitive: about["sensitive"] === true,
      multiple: about["multiple"] === true,
      // What a key would be without being asked for is nobody's.
      preset: about["sensitive"] === true ? [] : asTexts(Array.isArray(preset) ? preset : [preset], "a preset"),
    };
  });
}

function asTexts(values: readonly JsonValue[], what: string): readonly string[] {
  if (values.length > MOST) throw new DeclareFault(`${what} are more than ${MOST} words`);
  return values.map((value) => {
    const text = typeof value === "number" || typeof value === "boolean" ? String(value) : value;
    if (typeof text === "string" && VISIBLE.test(text)) return text;
    throw new DeclareFault(`${what}: a word is no line of visible text`);
  });
}
