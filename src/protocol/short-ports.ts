import type { PortGrant } from "../kernel/grant.ts";
import { CLIENT_KEY, PORT_NAME } from "../kernel/names.ts";
import { integer, names, nullable, object, record, text, transform, type Decoder } from "./decode.ts";

interface WrittenPort {
  readonly inside: number;
  readonly outside: number | null;
  readonly keys: readonly string[];
}

const WRITTEN: Decoder<WrittenPort> = object<WrittenPort>(
  {
    inside: integer({ min: 1, max: 65_535 }),
    outside: nullable(integer({ min: 1024, max: 65_535 })),
    keys: names(text({ max: 43, pattern: CLIENT_KEY, is: "a client's key, as its page shows it" }), { max: 64 }),
  },
  { defaults: { outside: null, keys: [] } },
);

/**
 * Ports as people write them: `gateway: { inside: 18789 }`, by name. Outside it is the same number when none is written, so
 * that a browser finds its key again: it keeps keys by host and port.
 */
export const PORTS: Decoder<readonly PortGrant[]> = transform(
  record(WRITTEN, { key: PORT_NAME, is: "a name of a port: a to z, 0 to 9 and -, beginning with a letter", max: 16 }),
  (written, refusal) => {
    const low = Object.entries(written).find(([, { inside, outside }]) => outside === null && inside < 1024);
    if (low !== undefined) return refusal.because("needs an outside port of 1024 or more").at(low[0]);
    return Object.entries(written).map(([name, { inside, outside, keys }]) => ({
      name,
      inside,
      outside: outside ?? inside,
      keys,
    }));
  },
);
