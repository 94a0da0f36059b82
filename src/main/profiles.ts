import { readdirSync, realpathSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ShippedProfiles } from "../cli/powers.ts";

/** The profiles in a folder, by their names without `.yaml`. */
export function createShippedProfiles(folder: string): ShippedProfiles {
  return {
    list: () =>
      readdirSync(folder)
        .filter((name) => name.endsWith(".yaml"))
        .map((name) => name.slice(0, -".yaml".length))
        .toSorted(),
    read: (name) => readFile(join(folder, `${name}.yaml`), "utf8"),
  };
}

/** Where somebody stands, unless it is their home folder, the machine's root or something between the two. */
export function findStanding(cwd: string, home: string): string | null {
  const here = realpathSync(cwd);
  return `${realpathSync(home)}/`.startsWith(here === "/" ? "/" : `${here}/`) ? null : here;
}
