import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Stores of ended instances that are kept; the oldest beyond are removed. */
const KEPT = 32;
/** Stores of one instance: it gets another for each storage device that it has. */
const OF_ONE_MOST = 1000;

/** One store: what one storage device kept. */
export interface UndoFolder {
  readonly folder: string;
  /** Nothing was noted in it. */
  readonly empty: boolean;
}

/** The folders in which storage devices keep what instances changed. */
export function openUndoShelf(folder: string): {
  /** Makes an empty one; makes room for it first. With it goes the file by which all storage devices take turns. */
  makeUndoFolder(instance: string): Promise<{ readonly folder: string; readonly turns: string }>;
  /** Those of an instance, the newest first. */
  findUndoFolders(instance: string): Promise<readonly UndoFolder[]>;
  /** Removes one that `findUndoFolders` found. */
  removeUndoFolder(found: UndoFolder): Promise<void>;
} {
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

  /** Places of the stores of an instance, the newest first. */
  async function placesOf(instance: string): Promise<readonly number[]> {
    const places = (await readdir(folder)).flatMap((name) => {
      const place = placeOf(instance, name);
      return place === null ? [] : [place];
    });
    return places.toSorted((one, other) => other - one);
  }

  async function makeNext(instance: string): Promise<string> {
    const [newest = -1] = await placesOf(instance);
    for (let place = newest + 1; place < OF_ONE_MOST; place++) {
      const made = join(folder, nameOf(instance, place));
      try {
        await mkdir(made, { mode: 0o700 });
        return made;
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      }
    }
    throw new Error(`Cannot keep what ${instance} changes: it has ${OF_ONE_MOST} stores already`);
  }

  return {
    async makeUndoFolder(instance) {
      const old = await ended();
      const over = old.slice(0, Math.max(0, old.length - KEPT + 1));
      await Promise.all(over.map((name) => rm(join(folder, name), { recursive: true, force: true })));
      const made = await makeNext(instance);
      const turns = join(folder, "turns");
      await writeFile(turns, "", { flag: "a", mode: 0o600 });
      return { folder: made, turns };
    },
    async findUndoFolders(instance) {
      const found = await Promise.all(
        (await placesOf(instance)).map(async (place) => {
          const store = join(folder, nameOf(instance, place));
          return await stat(join(store, "journal")).then(
            ({ size }) => ({ folder: store, empty: size === 0 }),
            () => null,
          );
        }),
      );
      return found.filter((store) => store !== null);
    },
    removeUndoFolder: (found) => rm(found.folder, { recursive: true, force: true }),
  };
}

/** The first store of an instance has its name, as the only one had before there were several. */
function nameOf(instance: string, place: number): string {
  return place === 0 ? instance : `${instance}~${place}`;
}

function placeOf(instance: string, name: string): number | null {
  if (name === instance) return 0;
  const place = name.startsWith(`${instance}~`) ? Number(name.slice(instance.length + 1)) : 0;
  return Number.isSafeInteger(place) && place > 0 ? place : null;
}
