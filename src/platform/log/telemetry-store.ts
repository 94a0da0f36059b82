import { readFileSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { writeAtomically } from "../files/atomic-file.ts";

const NAME = /^[a-z][a-z0-9-]{0,31}$/;
const MODE = 0o600;

/** Small files of the telemetry process, each there whole or not at all. */
export interface TelemetryStore {
  /** The text of a file, or null when there is none. */
  load(name: string): string | null;
  /** Durable when it returns. Throws the error of the file system. */
  keep(name: string, text: string): void;
  /** A text of 32 hex digits that is drawn once for a home. */
  salt(): string;
}

/** Opens the folder of them; names have letters, digits and dashes. */
export function openTelemetryStore(folder: string): TelemetryStore {
  const pathOf = (name: string): string => {
    if (!NAME.test(name)) throw new RangeError(`Cannot name a file of telemetry ${JSON.stringify(name)}`);
    return join(folder, `${name}.json`);
  };
  const load = (name: string): string | null => {
    try {
      return readFileSync(pathOf(name), "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
      throw error;
    }
  };
  const keep = (name: string, text: string): void =>
    writeAtomically(pathOf(name), text, { mode: MODE, existing: "replace" });
  return {
    load,
    keep,
    salt() {
      const kept = load("salt")?.trim() ?? "";
      if (/^[0-9a-f]{32}$/.test(kept)) return kept;
      const drawn = randomBytes(16).toString("hex");
      keep("salt", `${drawn}\n`);
      return drawn;
    },
  };
}
