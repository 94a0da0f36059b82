import { PUBLISHER_NAME } from "../kernel/names.ts";
import { CliFailure } from "./failure.ts";
import type { PublisherKey } from "./extension-powers.ts";
import type { Home } from "./powers.ts";

/** A name that a publisher can have. Throws `CliFailure` `usage`; `hint` says how it is given. */
export function requireName(name: string | null, hint: string): string {
  if (name === null) throw CliFailure.of("usage", "No publisher is named", hint);
  if (PUBLISHER_NAME.test(name)) return name;
  throw CliFailure.of(
    "usage",
    `A publisher cannot be called "${name}"`,
    "a small letter, and up to 30 small letters, digits and hyphens",
  );
}

/** The same for one that is new: without a twin among the names of others. */
export function requireNewName(name: string): string {
  const found = requireName(name, "NAME");
  if (!/--|-$/u.test(found)) return found;
  throw CliFailure.of(
    "usage",
    `A publisher cannot be called "${found}": it ends with a hyphen or has two in a row`,
    `with single hyphens between letters and digits: ${found.replaceAll(/-+/gu, "-").replace(/-$/u, "")}`,
  );
}

/** The key of a publisher that this home has. Throws `CliFailure` `not-found`. */
export async function findPublisher(home: Home, name: string): Promise<PublisherKey> {
  const key = home.publisher(name);
  if (await key.exists()) return key;
  throw CliFailure.of("not-found", `There is no key ${key.path}`, `aios publishers key ${name} makes one`);
}
