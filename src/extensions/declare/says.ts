import { parseJson, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { asObject } from "./json-parts.ts";
import { decode } from "../../protocol/decode.ts";
import { EXTENSION_ASKS, type ExtensionAsks, type ExtensionSays } from "../../protocol/extension.ts";
import type { ArchiveForm, ReadExtension } from "../../protocol/extension-order.ts";
import { asLine, DeclareFault } from "./line.ts";
import { readBundle } from "./bundle.ts";
import { readPackage } from "./package.ts";
import { readSkill } from "./skill.ts";

export type SaidExtension = Omit<ReadExtension, "published">;

/** The files of an unpacked tree, as text. */
export interface TreeTexts {
  /** A file's text by its path; null when there is none, or it is no UTF-8 text of at most a mebibyte. */
  text(path: string): Promise<string | null>;
}

/** The file in which an extension says what it asks for, in our words (docs/formats/extension.md). */
const OWN_FILE = "aios-extension.json";
const OWN_BOUNDS = { maxLength: 1_048_576, maxDepth: 64, maxValues: 200_000 };

/**
 * What a tree says of itself: its own manifest by the kind that it is, and over that what it asks for in our words. All of it
 * is data of a stranger's, in lines that can be shown. Throws DeclareFault.
 */
export async function readSays(
  tree: TreeTexts,
  { form, label }: { readonly form: ArchiveForm; readonly label: string },
): Promise<SaidExtension> {
  const found = await readKind(tree, form, label);
  const own = await tree.text(OWN_FILE);
  return own === null ? found : { ...found, says: { ...found.says, asks: readOwn(own) } };
}

async function readKind(tree: TreeTexts, form: ArchiveForm, label: string): Promise<SaidExtension> {
  if (form === "zip") {
    const text = await tree.text("manifest.json");
    if (text !== null) return { kind: "read", is: "mcpb", says: readBundle(parse("manifest.json", text)) };
    const packed = await tree.text("SKILL.md");
    if (packed === null)
      throw new DeclareFault("there is neither a manifest.json in it, which a bundle has, nor a SKILL.md of a skill");
    return { kind: "read", is: "skill", says: readSkill(packed, label.replace(/\.zip$/iu, "")) };
  }
  const [skill, packed] = await Promise.all([tree.text("SKILL.md"), tree.text("package.json")]);
  if (form === "tar" && skill !== null) return { kind: "read", is: "skill", says: readSkill(skill, label) };
  if (packed !== null) {
    const says = readPackage(parse("package.json", packed));
    return { kind: "read", is: form === "tgz" ? "npm" : "folder", says };
  }
  if (skill !== null) return { kind: "read", is: "skill", says: readSkill(skill, label) };
  return { kind: "read", is: "folder", says: nothing(label) };
}

function nothing(label: string): ExtensionSays {
  const asks = { files: [], hosts: [], secrets: [], memory: [], tools: [] };
  const name = asLine(label, 214) ?? "extension";
  return { name, version: null, publisher: null, about: null, entry: null, words: [], settings: [], asks };
}

function readOwn(text: string): ExtensionAsks {
  const { v, ...asks } = parse(OWN_FILE, text);
  if (v !== 1) throw new DeclareFault(`${OWN_FILE} is not of version 1`);
  const decoded = decode(EXTENSION_ASKS, asks);
  if (decoded.kind === "ok") return decoded.value;
  throw new DeclareFault(`${OWN_FILE}: ${decoded.path} ${decoded.message}`);
}

/** One JSON object, with one reading. */
function parse(name: string, text: string): JsonObject {
  const parsed = parseJson(text, OWN_BOUNDS);
  if (parsed.kind !== "ok") throw new DeclareFault(`${name} is not strict JSON: ${parsed.message}`);
  const value: JsonValue = parsed.value;
  return asObject(value) ?? refuseShape(name);
}

function refuseShape(name: string): never {
  throw new DeclareFault(`${name} is no object`);
}
