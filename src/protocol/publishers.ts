import type { JsonValue } from "../kernel/json.ts";
import { PUBLISHER_NAME } from "../kernel/names.ts";
import { boolean, decode, literal, object, text, union, type DecodeResult, type Decoder } from "./decode.ts";
import { fromBase64 } from "./bytes.ts";
import { faultOfPublicKey } from "./public-key.ts";
import { publisherKey } from "./publisher.ts";

/** Publishers that a home admits at most. */
export const MOST_PUBLISHERS = 256;

/** Whose extensions are taken in a home. */
export interface Publishers {
  /** Whether servers run only that are of an extension which one of them signed. */
  readonly only: boolean;
  /** By name: the whole public key, 32 bytes in base64. */
  readonly admitted: ReadonlyMap<string, string>;
}

/** A home that has set none. */
export const NO_PUBLISHERS: Publishers = Object.freeze({ only: false, admitted: new Map() });

/** What one statement changes of it (`set-publishers`). */
export type PublisherChange =
  | { readonly kind: "admit"; readonly name: string; readonly key: string }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "only"; readonly only: boolean };

export const publisherName: Decoder<string> = text({
  max: 31,
  pattern: PUBLISHER_NAME,
  is: "the name of a publisher",
});
const CHANGE: Decoder<PublisherChange> = union<PublisherChange, "kind">("kind", {
  admit: object<Extract<PublisherChange, { kind: "admit" }>>({
    kind: literal("admit"),
    name: publisherName,
    key: publisherKey,
  }),
  remove: object<Extract<PublisherChange, { kind: "remove" }>>({ kind: literal("remove"), name: publisherName }),
  only: object<Extract<PublisherChange, { kind: "only" }>>({ kind: literal("only"), only: boolean() }),
});

/** How a record names it: `any` is that others may run again. */
export const PUBLISHERS_CHANGES = ["admit", "remove", "only", "any"] as const;
export type PublishersChange = (typeof PUBLISHERS_CHANGES)[number];

/** What a record says of a change. */
export function tellChange(change: PublisherChange): {
  readonly change: PublishersChange;
  readonly publisher: string | null;
} {
  if (change.kind === "only") return { change: change.only ? "only" : "any", publisher: null };
  return { change: change.kind, publisher: change.name };
}

export function decodePublisherChange(value: JsonValue): DecodeResult<PublisherChange> {
  return decode(CHANGE, value);
}

/** The name under which a key is admitted, or null. Keys are compared whole, and names never. */
export function admittedAs({ admitted }: Publishers, key: string): string | null {
  for (const [name, known] of admitted) if (known === key) return name;
  return null;
}

const NAME_TO_ADMIT = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/u;

/**
 * Why a publisher is not admitted under this name or with this key, as a sentence's part; null when nothing speaks against it.
 * It is asked when an owner signs, and not of what a log says that one signed before.
 */
export function refuseToAdmit({ name, key }: { readonly name: string; readonly key: string }): string | null {
  // "acme-" and "ac--me" pass for "acme" and "ac-me" in a line of text.
  if (!NAME_TO_ADMIT.test(name)) return `the name "${name}" ends with a hyphen or has two in a row`;
  const raw = fromBase64(key);
  const fault = raw === null ? null : faultOfPublicKey(raw);
  return fault === null ? null : `that key ${fault}`;
}

/** What stands after a change; a sentence that says why not, where it cannot be. */
export function changePublishers(
  before: Publishers,
  change: PublisherChange,
): { readonly kind: "ok"; readonly publishers: Publishers } | { readonly kind: "refused"; readonly why: string } {
  if (change.kind === "only") return { kind: "ok", publishers: { ...before, only: change.only } };
  const admitted = new Map(before.admitted);
  if (change.kind === "remove") {
    if (!admitted.delete(change.name)) return refuse(`no publisher is admitted as "${change.name}"`);
    return { kind: "ok", publishers: { ...before, admitted } };
  }
  const { name, key } = change;
  // Another key under a name that people know would pass for the publisher that they know.
  if (admitted.has(name)) return refuse(`a publisher is admitted as "${name}" already`);
  const other = admittedAs(before, key);
  if (other !== null) return refuse(`that key is admitted already, as "${other}"`);
  if (admitted.size >= MOST_PUBLISHERS) return refuse(`${MOST_PUBLISHERS} publishers are admitted already`);
  admitted.set(name, key);
  return { kind: "ok", publishers: { ...before, admitted } };
}

function refuse(why: string): { readonly kind: "refused"; readonly why: string } {
  return { kind: "refused", why };
}
