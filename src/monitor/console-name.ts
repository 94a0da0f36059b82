import type { Random } from "../platform/powers.ts";
import type { RelyingParty } from "./relying-party.ts";

/** The name under which the console is found, for one start of it. */
export interface ConsoleName {
  /** `<16 hex>.<rpId>`. */
  host(): string;
  /** `http://<host>:<port>`. */
  origin(): string;
  /** Draws another; the one before is never used again. */
  renew(): void;
}

/**
 * What a browser keeps, it keeps for an origin: workers, files, storage, open pages. Whoever listened at the console's port while it was closed
 * has planted all that in the browsers that came, and it acts in the console's name once it is back. So no console has a
 * name that anybody was found under before (docs/decisions/console.md). Passkeys are bound to the home's name above it.
 */
export function createConsoleName({ rpId, port }: RelyingParty, random: Pick<Random, "hex">): ConsoleName {
  let label = random.hex(8);
  const host = (): string => `${label}.${rpId}`;
  return {
    host,
    origin: () => `http://${host()}:${port}`,
    renew() {
      label = random.hex(8);
    },
  };
}
