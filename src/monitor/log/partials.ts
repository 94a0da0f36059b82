import type { WholeFile } from "../../platform/log/log-powers.ts";
import { partialsPath } from "../../protocol/tile.ts";

/**
 * The partial tiles and bundles that are in files: what a path names never changes, so that none is written twice, and
 * a folder of them is removed once, when the full one is there.
 */
export class Partials {
  /** Paths by the folder that they are in. */
  readonly #written = new Map<string, Set<string>>();
  /**
   * Until the first removal, folders may be there that an earlier process left behind. Afterwards there is at most the
   * one of the right edge, in which the first checkpoint of this process has put its own.
   */
  #first = true;

  /** Those that are not in files yet. */
  missing(files: readonly WholeFile[]): readonly WholeFile[] {
    return files.filter(({ path }) => this.#written.get(folderOf(path))?.has(path) !== true);
  }

  /** These are in files now. */
  add(files: readonly Pick<WholeFile, "path">[]): void {
    for (const { path } of files) {
      const folder = folderOf(path);
      const paths = this.#written.get(folder) ?? new Set<string>();
      this.#written.set(folder, paths.add(path));
    }
  }

  /** The folders that have served now that these full tiles and bundles are in files. */
  served(full: readonly WholeFile[]): readonly string[] {
    const folders = full.map(({ path }) => partialsPath(path));
    return this.#first ? folders : folders.filter((folder) => this.#written.has(folder));
  }

  /** These folders are gone. */
  forget(folders: readonly string[]): void {
    this.#first = false;
    for (const folder of folders) this.#written.delete(folder);
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
