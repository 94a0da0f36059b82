import { type Decoder, nullable, object } from "./decode.ts";
import { count, digest, driverName, moment } from "./fields.ts";

/** A server that was found to be another one than was signed for, and is not run. */
export interface QuarantinedServer {
  /** Its name in the grant that is looked at. */
  readonly driver: string;
  /** What was signed for, and what was found in its place. */
  readonly pin: string;
  readonly found: string;
  /** When it was found, milliseconds since 1970 UTC, and the record that says so. */
  readonly since: number;
  readonly record: number;
  /** Of which extension it is, or null. */
  readonly extension: string | null;
}

export const QUARANTINED_SERVER: Decoder<QuarantinedServer> = object<QuarantinedServer>({
  driver: driverName,
  pin: digest,
  found: digest,
  since: moment,
  record: count,
  extension: nullable(digest),
});
