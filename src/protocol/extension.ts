import { parseHttpUrl } from "../kernel/hosts.ts";
import { RISKS, type Risk } from "../kernel/grant.ts";
import { pathSegments } from "../kernel/paths.ts";
import { PLANES, type Plane } from "../kernel/memory.ts";
import { boolean, list, literal, names, nullable, object, oneOf, refine, text, type Decoder } from "./decode.ts";
import { count, digest, visibleLine } from "./fields.ts";

/** What an extension is. An `http` one is a server elsewhere, of which there is nothing here but its address. */
export const EXTENSION_KINDS = ["npm", "folder", "skill", "mcpb", "http"] as const;
export type ExtensionKind = (typeof EXTENSION_KINDS)[number];

/** A tool that it offers. What it says is no risk is no less reserved: unknown is reserved. */
export interface AskedTool {
  readonly name: string;
  readonly risk: Risk;
}

/** What an extension says that it needs: a request, never authority. */
export interface ExtensionAsks {
  /** Paths, as it writes them. */
  readonly files: readonly string[];
  readonly hosts: readonly { readonly host: string; readonly methods: readonly string[] }[];
  /** Names, never values. */
  readonly secrets: readonly string[];
  readonly memory: readonly Plane[];
  readonly tools: readonly AskedTool[];
}

export const SETTING_TYPES = ["string", "number", "boolean", "directory", "file"] as const;

/** What it asks its person for, to be put into its arguments. */
export interface AskedSetting {
  readonly name: string;
  readonly type: (typeof SETTING_TYPES)[number];
  readonly required: boolean;
  /** A key or the like. */
  readonly sensitive: boolean;
  /** Whether it takes several values. */
  readonly multiple: boolean;
  /** Values that it would take itself, as it writes them; empty when there are none. */
  readonly preset: readonly string[];
}

/** What its own files say of it (docs/formats/extension.md). */
export interface ExtensionSays {
  readonly name: string;
  readonly version: string | null;
  readonly publisher: string | null;
  readonly about: string | null;
  /** The program that Node is to run, as a path in its tree; null when it names none. */
  readonly entry: string | null;
  /**
   * Words that its program is started with, as it writes them: `${user_config.NAME}` stands for a setting, `${__dirname}` for
   * its tree. Empty when it says none, or none that follow its entry.
   */
  readonly words: readonly string[];
  readonly settings: readonly AskedSetting[];
  readonly asks: ExtensionAsks;
}

/** All that is kept of an extension beside its tree. The id is the digest of the tree, of an endpoint that of its address. */
export interface ExtensionManifest extends ExtensionSays {
  readonly v: 1;
  readonly id: string;
  readonly kind: ExtensionKind;
  /** Where a server elsewhere is; null for what has a tree here. */
  readonly endpoint: string | null;
  readonly files: number;
  readonly bytes: number;
}

/** Most words, settings, and presets of a setting. */
const MOST_WORDS = 64;
/** Most of each thing that is asked for. */
const MOST_ASKED = 256;

const method: Decoder<string> = text({ max: 16, pattern: /^[A-Z]+$/, is: "a method" });
const asked = text({ max: 256, min: 1 });
const HOST = object<ExtensionAsks["hosts"][number]>({
  host: text({ max: 253, pattern: /^[a-z0-9*][a-z0-9.*:_-]*$/, is: "a host" }),
  methods: names(method, { max: 16 }),
});
const line: Decoder<string> = refine(asked, (value) =>
  /^[^\p{C}\p{Zl}\p{Zp}]*$/u.test(value) ? null : "is not one line of visible text",
);

/** Reads what is asked for; each list may be left out where an extension writes it. */
export const EXTENSION_ASKS: Decoder<ExtensionAsks> = object<ExtensionAsks>(
  {
    files: names(line, { max: MOST_ASKED }),
    hosts: list(HOST, { max: MOST_ASKED, unique: ({ host }) => host }),
    secrets: names(line, { max: MOST_ASKED }),
    memory: names(oneOf(PLANES), { max: PLANES.length }),
    tools: list(object<AskedTool>({ name: line, risk: oneOf(RISKS) }), { max: MOST_ASKED, unique: ({ name }) => name }),
  },
  { defaults: { files: [], hosts: [], secrets: [], memory: [], tools: [] } },
);

export const extensionName: Decoder<string> = refine(visibleLine, (name) =>
  name.length >= 1 && name.length <= 214 ? null : "is no name of an extension",
);
/** A file in a tree, by a path with one reading: it leads to nothing else in the sandbox where the tree lies. */
export const EXTENSION_ENTRY: Decoder<string> = refine(visibleLine, (path) =>
  path === "" || path.includes("\\") || pathSegments(`/${path}`) === null ? "is no path in a tree" : null,
);
const endpoint: Decoder<string> = refine(text({ max: 2048 }), (url) =>
  parseHttpUrl(url) === null ? "is no https address in its one spelling, nor one of this machine" : null,
);

const SETTING: Decoder<AskedSetting> = object<AskedSetting>({
  name: text({ max: 64, pattern: /^[A-Za-z0-9_.-]+$/, is: "a name of a setting" }),
  type: oneOf(SETTING_TYPES),
  required: boolean(),
  sensitive: boolean(),
  multiple: boolean(),
  preset: list(visibleLine, { max: MOST_WORDS }),
});

export const EXTENSION_SAYS: { readonly [Name in keyof ExtensionSays]: Decoder<ExtensionSays[Name]> } = {
  name: extensionName,
  version: nullable(visibleLine),
  publisher: nullable(visibleLine),
  about: nullable(visibleLine),
  entry: nullable(EXTENSION_ENTRY),
  words: list(visibleLine, { max: MOST_WORDS }),
  settings: list(SETTING, { max: MOST_WORDS, unique: ({ name }) => name }),
  asks: EXTENSION_ASKS,
};

export const EXTENSION_MANIFEST: Decoder<ExtensionManifest> = object<ExtensionManifest>({
  v: literal(1),
  id: digest,
  kind: oneOf(EXTENSION_KINDS),
  endpoint: nullable(endpoint),
  files: count,
  bytes: count,
  ...EXTENSION_SAYS,
});

export { endpoint as extensionEndpoint };
