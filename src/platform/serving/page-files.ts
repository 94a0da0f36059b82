import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join, normalize } from "node:path";

/** One file as it lies in the source. */
interface PageSource {
  readonly type: string;
  readonly text: string;
}

/** What the console serves, by path. */
export interface Pages {
  readonly sources: ReadonlyMap<string, PageSource>;
  /** `sha256:` over the paths and the sources of all of them. */
  readonly digest: string;
}

/** What pages are made of: by the path under which it is served, a file of `page` and its media type; and modules of `page`. */
export interface PageParts {
  readonly texts: { readonly [path: string]: readonly [file: string, type: string] };
  /** Served as `/m/page/NAME`, with all that they import. */
  readonly entries: readonly string[];
}

const MODULE = "text/javascript";
/** Folders whose code may run in a browser: those that are pure, and the pages' own. */
const FOLDERS: ReadonlySet<string> = new Set(["kernel", "protocol", "showing", "page"]);
/** What a module imports when it runs; what it takes types from alone is left out. */
const IMPORTS = /^(?:import|export)\s(?!type\s)(?:[^"';]*?\sfrom\s)?"(\.[^"]+)"/gm;

/**
 * Gathers the sources of the pages. Throws when a module reaches for a folder that is not for browsers. Nothing is looked up
 * later: what is not in here is not served.
 * @param root the folder `src`.
 */
export function gatherPages(root: string, { texts, entries }: PageParts): Pages {
  const sources = new Map<string, PageSource>();
  const hash = createHash("sha256");
  const take = (path: string, { file, type }: { readonly file: string; readonly type: string }): string => {
    const text = readFileSync(join(root, file), "utf8");
    for (const part of [path, text]) hash.update(`${Buffer.byteLength(part)}:${part}`);
    sources.set(path, { type, text });
    return text;
  };
  for (const [path, [file, type]] of Object.entries(texts)) take(path, { file: join("page", file), type });
  const left = entries.map((name) => join("page", name));
  for (let file = left.pop(); file !== undefined; file = left.pop()) {
    const path = `/m/${file}`;
    if (sources.has(path)) continue;
    if (!FOLDERS.has(file.split("/")[0] ?? "")) throw new Error(`${file} is not for browsers`);
    for (const [, target = ""] of take(path, { file, type: MODULE }).matchAll(IMPORTS)) {
      left.push(normalize(join(dirname(file), target)));
    }
  }
  return { sources, digest: `sha256:${hash.digest("hex")}` };
}

/** A file as a browser gets it: types are taken out of modules, and nothing else changes. */
export function servedText({ type, text }: PageSource): string {
  return type === MODULE ? stripTypeScriptTypes(text) : text;
}
