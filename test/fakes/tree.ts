import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Everything below a folder, by its path in it: kind, permissions and bytes, or where a link leads. */
export function treeOf(folder: string): { readonly [path: string]: string } {
  const found: [string, string][] = [];
  const walk = (path: string): void => {
    const at = join(folder, path);
    const stat = lstatSync(at);
    const link = stat.isSymbolicLink() ? readlinkSync(at) : "";
    const what = stat.isFile() ? `${stat.nlink} ${readFileSync(at, "latin1")}` : link;
    found.push([path, `${stat.mode.toString(8)} ${what}`]);
    if (stat.isDirectory()) for (const name of readdirSync(at).toSorted()) walk(join(path, name));
  };
  walk(".");
  return Object.fromEntries(found);
}
