import type { Crypto, Random } from "../platform/powers.ts";
import { toHex } from "../protocol/bytes.ts";
import { LINK_MS } from "../protocol/port-entry.ts";

/** Links that let one browser in each: whose key asked for them, once, within a minute. */
export interface Links {
  /** What a new link of this key holds. */
  make(key: string): string;
  /** The key whose link holds this, or null. It is used up, whatever comes of it. */
  take(token: string): string | null;
  /** Forgets those that are over. */
  sweep(): void;
}

const LINKS_MOST = 16;

/** They are kept by the digest of what they hold, so that no comparison of secrets takes a time that tells. */
export function createLinks(powers: {
  readonly random: Random;
  readonly crypto: Pick<Crypto, "sha256">;
  now(): number;
}): Links {
  const links = new Map<string, { readonly key: string; readonly expires: number }>();
  const digest = (token: string): string => toHex(powers.crypto.sha256(token));
  function sweep(): void {
    for (const [id, { expires }] of links) if (expires <= powers.now()) links.delete(id);
  }
  return {
    make(key) {
      sweep();
      const [oldest] = links.keys();
      if (links.size >= LINKS_MOST && oldest !== undefined) links.delete(oldest);
      const token = powers.random.hex(32);
      links.set(digest(token), { key, expires: powers.now() + LINK_MS });
      return token;
    },
    take(token) {
      const id = digest(token);
      const link = links.get(id);
      links.delete(id);
      return link !== undefined && link.expires > powers.now() ? link.key : null;
    },
    sweep,
  };
}
