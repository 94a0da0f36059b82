import type { Look } from "../../platform/files/look.ts";
import type { ClientKind, ConfigurationFile } from "./clients.ts";
import { CONFIGURATION_BYTES, readConfiguration } from "./configuration.ts";
import type { Unread } from "./finding.ts";
import { fullPath, shortPath } from "./paths.ts";
import type { Configuration } from "./settings.ts";

/** A client's configurations: those that were read, and those that are there and were not. */
export interface ClientFiles {
  readonly read: readonly { readonly file: ConfigurationFile; readonly configuration: Configuration }[];
  readonly unread: readonly Unread[];
}

/** Looks for every file of a client, for the person and in each folder. */
export async function readClientFiles(look: Look, kind: ClientKind, folders: readonly string[]): Promise<ClientFiles> {
  const read: ClientFiles["read"][number][] = [];
  const unread: Unread[] = [];
  for (const file of kind.files) {
    for (const path of placesOf(look, file.path, folders)) {
      const found = await look.readWhole(path, CONFIGURATION_BYTES);
      if (found.kind === "absent") continue;
      const shown = shortPath(look, path);
      const miss = (why: string): void => void unread.push({ client: kind.id, path: shown, why });
      if (found.kind === "unread") {
        miss(found.why);
        continue;
      }
      // A file with nothing in it sets nothing.
      const table = found.text.trim() === "" ? {} : readConfiguration(found.text, file.format);
      if (table === null) {
        miss(`it is no table of ${file.format === "toml" ? "TOML" : "JSON"}`);
        continue;
      }
      const from = file.path.startsWith("./") ? "folder" : "person";
      read.push({ file, configuration: { client: kind.id, path: shown, from, text: found.text, table } });
    }
  }
  return { read, unread };
}

/** Where a path of the tables of clients is to be found: `./…` in each folder. */
export function placesOf(
  look: Pick<Look, "home" | "folder">,
  path: string,
  folders: readonly string[],
): readonly string[] {
  return path.startsWith("./") ? folders.map((folder) => `${folder}/${path.slice(2)}`) : [fullPath(look, path)];
}
