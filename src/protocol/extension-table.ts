import { integer, list, literal, names, nullable, object, oneOf, text, union, type Decoder } from "./decode.ts";
import { EXTENSION_KINDS, EXTENSION_MANIFEST, extensionEndpoint, extensionName } from "./extension.ts";
import type { ExtensionKind, ExtensionManifest } from "./extension.ts";
import { ARCHIVE_FORMS, npmName, npmVersion, registryUrl, type ArchiveForm } from "./extension-order.ts";
import { boolean } from "./decode.ts";
import { count, digest, empty, grantId, moment, nonce, visibleLine, words } from "./fields.ts";
import { PROVENANCE, sigstoreRoots, type Provenance } from "./provenance.ts";
import { publisherKey } from "./publisher.ts";
import { MOST_PUBLISHERS, publisherName } from "./publishers.ts";
import { VETTED, type Vetted } from "./vetting-order.ts";
import type { AnswerTable, BodyTable } from "./side.ts";

/** Where an extension comes from. What an archive holds never passes through the monitor: it is handed on as a stream. */
export type ExtensionSource =
  | {
      readonly kind: "npm";
      readonly registry: string;
      readonly name: string;
      readonly version: string;
      /** Text of a trusted_root.json with which its attestations are verified; null is the shipped one. */
      readonly roots: string | null;
    }
  /** An archive that the command line hands over as the first of three streams under a ticket; `label` is its name. */
  | { readonly kind: "stream"; readonly form: ArchiveForm; readonly ticket: string; readonly label: string }
  | { readonly kind: "http"; readonly url: string };

/**
 * `unpublished`: it is there, and is not started while only admitted publishers' are. `lapsed`: it was in quarantine and was added
 * anew, and is not started before an owner signs a grant for it.
 */
export const EXTENSION_STATES = ["added", "unpublished", "quarantined", "lapsed"] as const;
export type ExtensionLife = (typeof EXTENSION_STATES)[number];

/** A publisher's signature in an extension, and the name under which an owner admitted that key, or null. */
export type PublicationView =
  | { readonly kind: "signed"; readonly key: string; readonly admitted: string | null }
  | { readonly kind: "refused"; readonly why: string };

/** An extension in the store. */
export interface ExtensionView {
  readonly id: string;
  readonly kind: ExtensionKind;
  readonly name: string;
  readonly version: string | null;
  /** What was typed, or where it was fetched from. */
  readonly source: string;
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  readonly state: ExtensionLife;
  /** Why it is in quarantine, or was. */
  readonly why: string | null;
  /** How it was built, as far as its registry's attestations prove that; null when there are none. */
  readonly provenance: Provenance | null;
  /** Who signed it; null when nobody did. */
  readonly publication: PublicationView | null;
  /** Grants that it is in and nobody revoked, at most `MOST_USES` of them. */
  readonly grants: readonly string[];
}

export const MOST_USES = 64;

/** A file of a tree: what its digest is made of. */
export interface TreeFile {
  readonly path: string;
  readonly executable: boolean;
  readonly bytes: number;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
}

type Empty = Record<string, never>;

/** Requests of the command line about extensions. None adds authority: what is in the store does nothing. */
export interface ExtensionRequests {
  /** Fetches, unpacks, seals and keeps. `fresh` is false when the same was there already. */
  "extension-add": {
    body: { readonly source: ExtensionSource };
    ok: { readonly extension: ExtensionView; readonly fresh: boolean };
  };
  extensions: { body: Empty; ok: { readonly extensions: readonly ExtensionView[] } };
  /** `damaged` says why its tree is not what was kept, or null; every byte is read for that. */
  "extension-show": {
    body: { readonly id: string };
    ok: {
      readonly extension: ExtensionView;
      readonly manifest: ExtensionManifest;
      readonly files: readonly TreeFile[];
      readonly damaged: string | null;
    };
  };
  /** Looked through once in a run of the monitor, by its rules. What could not be looked through is a finding. */
  "extension-vet": { body: { readonly id: string }; ok: Vetted };
  /** Whose extensions are taken. */
  publishers: {
    body: Empty;
    ok: {
      readonly only: boolean;
      readonly publishers: readonly { readonly name: string; readonly key: string }[];
    };
  };
  "extension-remove": { body: { readonly id: string }; ok: { readonly seq: number } };
  /** Nothing starts it from now on. */
  "extension-quarantine": { body: { readonly id: string; readonly why: string }; ok: { readonly seq: number } };
}

type BodyOf<Name extends keyof ExtensionRequests> = ExtensionRequests[Name]["body"];
type OkOf<Name extends keyof ExtensionRequests> = ExtensionRequests[Name]["ok"];

const SOURCE: Decoder<ExtensionSource> = union<ExtensionSource, "kind">("kind", {
  npm: object<Extract<ExtensionSource, { kind: "npm" }>>({
    kind: literal("npm"),
    registry: registryUrl,
    name: npmName,
    version: npmVersion,
    roots: sigstoreRoots,
  }),
  stream: object<Extract<ExtensionSource, { kind: "stream" }>>({
    kind: literal("stream"),
    form: oneOf(ARCHIVE_FORMS),
    ticket: nonce,
    label: text({ max: 512, min: 1, pattern: /^[^\p{C}\p{Zl}\p{Zp}]*$/u, is: "a line of visible text" }),
  }),
  http: object<Extract<ExtensionSource, { kind: "http" }>>({ kind: literal("http"), url: extensionEndpoint }),
});

const PUBLISHED: Decoder<PublicationView> = union<PublicationView, "kind">("kind", {
  signed: object<Extract<PublicationView, { kind: "signed" }>>({
    kind: literal("signed"),
    key: publisherKey,
    admitted: nullable(publisherName),
  }),
  refused: object<Extract<PublicationView, { kind: "refused" }>>({ kind: literal("refused"), why: visibleLine }),
});
const PUBLISHER = object<OkOf<"publishers">["publishers"][number]>({ name: publisherName, key: publisherKey });

export const EXTENSION: Decoder<ExtensionView> = object<ExtensionView>({
  id: digest,
  kind: oneOf(EXTENSION_KINDS),
  name: extensionName,
  version: nullable(visibleLine),
  source: words,
  at: moment,
  state: oneOf(EXTENSION_STATES),
  why: nullable(visibleLine),
  provenance: nullable(PROVENANCE),
  publication: nullable(PUBLISHED),
  grants: names(grantId, { max: MOST_USES }),
});
const FILE: Decoder<TreeFile> = object<TreeFile>({
  path: text({ max: 1024, min: 1 }),
  executable: boolean(),
  bytes: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  sha256: text({ max: 64, pattern: /^[0-9a-f]{64}$/, is: "64 lower-case hex digits" }),
});

export const EXTENSION_TABLE: BodyTable<ExtensionRequests> = {
  "extension-add": object<BodyOf<"extension-add">>({ source: SOURCE }),
  extensions: empty,
  "extension-show": object<BodyOf<"extension-show">>({ id: digest }),
  "extension-vet": object<BodyOf<"extension-vet">>({ id: digest }),
  publishers: empty,
  "extension-remove": object<BodyOf<"extension-remove">>({ id: digest }),
  "extension-quarantine": object<BodyOf<"extension-quarantine">>({ id: digest, why: visibleLine }),
};

export const EXTENSION_ANSWERS: AnswerTable<ExtensionRequests> = {
  "extension-add": object<OkOf<"extension-add">>({ extension: EXTENSION, fresh: boolean() }),
  extensions: object<OkOf<"extensions">>({ extensions: list(EXTENSION, { max: 100_000 }) }),
  "extension-show": object<OkOf<"extension-show">>({
    extension: EXTENSION,
    manifest: EXTENSION_MANIFEST,
    files: list(FILE, { max: 20_000 }),
    damaged: nullable(visibleLine),
  }),
  "extension-vet": VETTED,
  publishers: object<OkOf<"publishers">>({
    only: boolean(),
    publishers: list(PUBLISHER, { max: MOST_PUBLISHERS }),
  }),
  "extension-remove": object<OkOf<"extension-remove">>({ seq: count }),
  "extension-quarantine": object<OkOf<"extension-quarantine">>({ seq: count }),
};
