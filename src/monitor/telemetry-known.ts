import { encodeUtf8, decodeUtf8 } from "../protocol/bytes.ts";
import type { KeptFiles } from "./kept-state/start.ts";

/** Beside what is kept of the state: it can be deleted, and then nothing is missed. */
const PATH = "telemetry-setting";

/** Which record the newest setting of telemetry was, as far as a log that was put back to an older state can be told by it. */
export interface KnownSetting {
  /** The record of a setting that an owner had signed and that the log does not hold any more; null where none is missed. */
  missing(): number | null;
  /** Another setting is in force, by this record: whoever signed it knew how things stand. */
  signed(record: number): Promise<void>;
  /** Resolves when all of it is kept or was given up. */
  settled(): Promise<void>;
}

/**
 * Holds the newest setting that the log has, by the number of its record (0: none), against the newest that this home has known, and
 * says once when that is gone with the log's end.
 */
export function createKnownSetting(
  files: Pick<KeptFiles, "read" | "write">,
  { inForce, report }: { readonly inForce: number; report(words: string): void },
): KnownSetting {
  let missing: number | null = null;
  let work = compare().catch(failed);

  async function compare(): Promise<void> {
    const text = decodeUtf8((await files.read(PATH)) ?? new Uint8Array()) ?? "";
    const known = /^[0-9]{1,15}\n$/.test(text) ? Number(text) : 0;
    if (known <= inForce) {
      if (known < inForce) await keep(inForce);
      return;
    }
    missing = known;
    report(
      `the setting of telemetry that an owner signed as record ${known} is not in the log any more, so the log was put back to an older state (telemetry-missing)`,
    );
  }

  function keep(record: number): Promise<void> {
    return files.write([{ path: PATH, bytes: encodeUtf8(`${record}\n`) }], { durable: true });
  }

  function failed(error: unknown): void {
    report(
      `cannot keep which setting of telemetry is in force: ${error instanceof Error ? error.message : "it failed"}`,
    );
  }

  return {
    missing: () => missing,
    signed(record) {
      work = work.then(() => {
        missing = null;
        return keep(record).catch(failed);
      });
      return work;
    },
    settled: () => work,
  };
}
