import { chmodSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Gives an ordinary user back the folders below one that were taken from them, as root has them anyway. */
export function openFolders(folder: string): void {
  if (!existsSync(folder)) return;
  chmodSync(folder, 0o700);
  for (const each of readdirSync(folder, { withFileTypes: true }))
    if (each.isDirectory()) openFolders(join(folder, each.name));
}

/** Removes a folder whose own folders may let nobody in or change nothing. */
export function removeFolder(folder: string): void {
  openFolders(folder);
  rmSync(folder, { recursive: true, force: true });
}
