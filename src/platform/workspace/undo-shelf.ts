import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Stores of ended instances that are kept; the oldest beyond are removed. */
const KEPT = 32;

/** The folders in which storage devices keep what instances changed, one each. */
export function openUndoShelf(folder: string): {
  /** Makes an empty one; makes room for it first. With it goes the file by which all storage devices take turns. */
  makeUndoFolder(instance: string): Promise<{ readonly folder: string; readonly turns: string }>;
  /** Null when there is none. `empty`: nothing was noted in it. */
  findUndoFolder(instance: string): Promise<{ readonly folder: string; readonly empty: boolean } | null>;
  removeUndoFolder(instance: string): Promise<void>;
} {
  const remove = (instance: string): Promise<void> => rm(join(folder, instance), { recursive: true, force: true });

  /** Those whose device has noted how it left everything, the oldest first: what still runs is never removed. */
  async function ended(): Promise<readonly string[]> {
    const found = await Promise.all(
      (await readdir(folder)).map(async (name) => {
        const at = await stat(join(folder, name, "final")).then(
          ({ mtimeMs }) => mtimeMs,
          () => null,
        );
        return { name, at };
      }),
    );
    return found
      .flatMap(({ name, at }) => (at === null ? [] : [{ name, at }]))
      .toSorted((one, other) => one.at - other.at)
      .map(({ name }) => name);
  }

  return {
    async makeUndoFolder(instance) {
      const old = await ended();
      await Promise.all(old.slice(0, Math.max(0, old.length - KEPT + 1)).map(remove));
      const made = join(folder, instance);
      await mkdir(made, { mode: 0o700 });
      const turns = join(folder, "turns");
      await writeFile(turns, "", { flag: "a", mode: 0o600 });
      return { folder: made, turns };
    },
    async findUndoFolder(instance) {
      const found = join(folder, instance);
      return await stat(join(found, "journal")).then(
        ({ size }) => ({ folder: found, empty: size === 0 }),
        () => null,
      );
    },
    removeUndoFolder: remove,
  };
}
