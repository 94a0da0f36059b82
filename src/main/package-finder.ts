import { readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { CliFailure } from "../cli/failure.ts";
import type { Packages } from "../cli/powers.ts";

/** What of a package.json is used here. Foreign text: everything is checked before use. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly bin: unknown;
  readonly dependencies: readonly string[];
}

const PACKAGE_NAME = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/u;

/** Finds installed npm packages from some folders upwards, as Node does. Nothing of a package is run. */
export function createPackages(from: readonly string[]): Packages {
  return {
    async find(name) {
      if (!PACKAGE_NAME.test(name))
        throw CliFailure.of("unknown-package", `"${name}" is not the name of an npm package`);
      const folder = from.map((start) => locate(name, start)).find((found) => found !== null) ?? null;
      if (folder === null) {
        throw CliFailure.of("unknown-package", `The package ${name} is not installed here`, `npm install ${name}`);
      }
      const manifest = readManifest(folder);
      return { version: manifest.version, entry: join(folder, findEntry(manifest)), code: listClosure(folder) };
    },
  };
}

/** A package's folder and those of everything it depends on: what it can load, and no more, is shown to its sandbox. */
export function listClosure(folder: string): readonly string[] {
  const folders = new Set<string>();
  const queue = [folder];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (folders.has(next)) continue;
    folders.add(next);
    for (const dependency of readManifest(next).dependencies) {
      const found = locate(dependency, next);
      if (found !== null) queue.push(found);
    }
  }
  // A package nested in another one's folder comes with it.
  const sorted = [...folders].toSorted();
  return sorted.filter((path) => !sorted.some((other) => other !== path && path.startsWith(`${other}/`)));
}

/** The folder of an installed package as seen from another folder, or null. Optional dependencies may be absent. */
export function locate(name: string, from: string): string | null {
  // `resolve.paths` gives the node_modules folders that Node looks in, nearest first; exports maps play no part.
  for (const folder of createRequire(join(from, "package.json")).resolve.paths(name) ?? []) {
    try {
      return dirname(realpathSync(join(folder, name, "package.json")));
    } catch {
      // not in this one
    }
  }
  return null;
}

function readManifest(folder: string): Manifest {
  const parsed: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (!isRecord(parsed)) throw CliFailure.of("unknown-package", `The package.json in ${folder} is not an object`);
  const { name, version, bin, dependencies, optionalDependencies } = parsed;
  return {
    name: typeof name === "string" ? name : "",
    version: typeof version === "string" ? version : "",
    bin,
    dependencies: [dependencies, optionalDependencies].flatMap((group) => (isRecord(group) ? Object.keys(group) : [])),
  };
}

function findEntry(manifest: Manifest): string {
  const { bin, name } = manifest;
  const short = name.slice(name.lastIndexOf("/") + 1);
  const named = isRecord(bin) ? (bin[short] ?? Object.values(bin)[0]) : bin;
  if (typeof named === "string" && !named.split("/").includes("..")) return named;
  throw CliFailure.of(
    "unknown-package",
    `The package ${name} has no program`,
    "name its command in the profile instead",
  );
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
