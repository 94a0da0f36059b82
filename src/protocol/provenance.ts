import { literal, nullable, object, text, union, type Decoder } from "./decode.ts";
import { digest, visibleLine } from "./fields.ts";

/**
 * What a registry's attestations say of how a package was built, as far as it was verified when the package was added. All of
 * a `verified` one is from the certificate of whoever built it, and nothing from what they wrote themselves.
 */
export type Provenance =
  | {
      readonly kind: "verified";
      /** Address of the repository that it was built from. */
      readonly repository: string;
      /** Address of the file that said how, with its branch or tag. */
      readonly workflow: string;
      readonly commit: string;
      /** Who built: the one whose account of the build it is, and the sort of machine. */
      readonly builder: string;
      /** Digest of the file of roots that was given instead of the shipped one, or null. */
      readonly roots: string | null;
    }
  /** There are attestations, and one of them does not hold. */
  | { readonly kind: "refused"; readonly why: string }
  /** The registry did not say whether there are any. */
  | { readonly kind: "unread"; readonly why: string };

/** Most characters of a file of roots. */
export const MOST_ROOTS = 262_144;
export const sigstoreRoots: Decoder<string | null> = nullable(text({ max: MOST_ROOTS, min: 1 }));

type Of<Kind extends Provenance["kind"]> = Extract<Provenance, { readonly kind: Kind }>;
export const PROVENANCE: Decoder<Provenance> = union<Provenance, "kind">("kind", {
  verified: object<Of<"verified">>({
    kind: literal("verified"),
    repository: visibleLine,
    workflow: visibleLine,
    commit: visibleLine,
    builder: visibleLine,
    roots: nullable(digest),
  }),
  refused: object<Of<"refused">>({ kind: literal("refused"), why: visibleLine }),
  unread: object<Of<"unread">>({ kind: literal("unread"), why: visibleLine }),
});
