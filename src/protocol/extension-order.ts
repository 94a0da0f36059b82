import { parseHttpUrl } from "../kernel/hosts.ts";
import { integer, literal, nullable, object, oneOf, refine, text, union, type Decoder } from "./decode.ts";
import { count, visibleLine } from "./fields.ts";
import { EXTENSION_SAYS, type ExtensionSays } from "./extension.ts";
import { MAX_FRAME } from "./frame.ts";
import { MOST_PUBLISHER } from "./publisher.ts";
import { PROVENANCE, sigstoreRoots, type Provenance } from "./provenance.ts";
import type { AnswerTable, BodyTable, Side } from "./side.ts";

/** How an extension comes: an npm tarball, a zip (MCPB), or the tar that the command line makes of a folder. */
export const ARCHIVE_FORMS = ["tgz", "zip", "tar"] as const;
export type ArchiveForm = (typeof ARCHIVE_FORMS)[number];

/** Why an archive is not unpacked. Closed; docs/codes.md lists them, and a test compares them. */
export const ARCHIVE_CODES = {
  "archive-malformed": "it is no archive of its form, is damaged or cut short, or can be read in two ways",
  "archive-unsupported": "it uses a part of its format that is not taken: encryption, ZIP64, sparse files, old forms",
  "archive-name": "a name in it has characters that no name needs, or more than one reading",
  "archive-outside": "a name in it leads out of its folder",
  "archive-link": "there is a link in it",
  "archive-special": "there is a device, a pipe or a socket in it",
  "archive-twin": "two names in it are the same to some file system",
  "archive-long": "a name or a path in it is too long",
  "archive-deep": "folders in it lie too deep in each other",
  "archive-too-many": "it has too many files and folders",
  "archive-too-large": "it has too many bytes, or one of its files has",
  "archive-bomb": "it grows far more than any honest archive",
} as const;
export type ArchiveCode = keyof typeof ARCHIVE_CODES;

/** Why a package was not fetched; in the same list. */
export const FETCH_CODES = {
  "fetch-unreachable": "the registry does not answer, or not as a registry does",
  "fetch-untrusted": "the registry's name leads to an address of another kind, or its certificate is not its own",
  "fetch-unknown": "the registry has no such package, or not this version",
  "fetch-elsewhere": "the registry sends to another place for it, and nothing is fetched from there",
  "fetch-too-large": "the package is larger than any that is taken",
  "fetch-roots": "the file of Sigstore's roots that was given is none, so nothing was fetched",
  "fetch-integrity": "what came is not what the registry says that it is, or it says nothing strong enough",
} as const;
export type FetchCode = keyof typeof FETCH_CODES;

/** Why what was unpacked is not an extension; in the same list. */
export const READ_CODES = {
  "extension-manifest": "its own manifest is missing, malformed, or of another package than was asked for",
} as const;
export type ReadCode = keyof typeof READ_CODES;

type Refused<Code> = { readonly kind: "refused"; readonly code: Code; readonly message: string };

/** What the monitor asks of an unpacker. It has one folder, and no network. */
export interface UnpackerRequests {
  /** Unpacks the archive that comes at its input, or lies beside it, into its folder. */
  unpack: {
    body: { readonly form: ArchiveForm };
    ok: { readonly kind: "unpacked"; readonly files: number; readonly bytes: number } | Refused<ArchiveCode>;
  };
  /** Reads what a tree says of itself. `label` stands for a name where it has none. */
  read: {
    body: { readonly form: ArchiveForm; readonly label: string };
    ok: ReadExtension | Refused<ReadCode>;
  };
}
/** What a tree is, by its own files. */
export type ReadExtension = {
  readonly kind: "read";
  readonly is: "npm" | "folder" | "skill" | "mcpb";
  readonly says: ExtensionSays;
  /** Text of its `aios-publisher.json`; null when there is none that could be one. */
  readonly published: string | null;
};

/**
 * What the monitor asks of a fetcher: one package, into a file, and what its attestations say. It has the network, and one
 * folder. `roots` is the text of a trusted_root.json in the place of the shipped one.
 */
export interface FetcherRequests {
  fetch: {
    body: {
      readonly registry: string;
      readonly name: string;
      readonly version: string;
      readonly roots: string | null;
    };
    ok:
      { readonly kind: "fetched"; readonly bytes: number; readonly provenance: Provenance | null } | Refused<FetchCode>;
  };
}

/** Names and exact versions as npm has them. */
export const npmName: Decoder<string> = text({
  max: 214,
  pattern: /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/,
  is: "the name of an npm package",
});
export const npmVersion: Decoder<string> = text({
  max: 128,
  pattern: /^\d{1,10}\.\d{1,10}\.\d{1,10}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/,
  is: "an exact version",
});
export const registryUrl: Decoder<string> = refine(text({ max: 512 }), (url) => {
  const read = parseHttpUrl(url);
  return read === null || read.path.endsWith("/") || /[?#]/u.test(read.path)
    ? "is no https address of a registry, or one of this machine, without a slash at its end"
    : null;
});

const form = oneOf(ARCHIVE_FORMS);
/** The form of a code is checked, what it stands for is ours to say. */
function refused<Code extends string>(codes: { readonly [code in Code]: string }): Decoder<Refused<Code>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- keys of a closed record
  const known = Object.keys(codes) as Code[];
  return object<Refused<Code>>({ kind: literal("refused"), code: oneOf(known), message: visibleLine });
}

const UNPACKER_TABLE: BodyTable<UnpackerRequests> = {
  unpack: object<UnpackerRequests["unpack"]["body"]>({ form }),
  read: object<UnpackerRequests["read"]["body"]>({ form, label: visibleLine }),
};
type Unpacked = UnpackerRequests["unpack"]["ok"];
type Read = UnpackerRequests["read"]["ok"];
type Fetched = FetcherRequests["fetch"]["ok"];
/** An unpacker reads what strangers made, so its words are checked like a stranger's. */
const UNPACKER_ANSWERS: AnswerTable<UnpackerRequests> = {
  unpack: union<Unpacked, "kind">("kind", {
    unpacked: object<Extract<Unpacked, { kind: "unpacked" }>>({
      kind: literal("unpacked"),
      files: count,
      bytes: count,
    }),
    refused: refused<ArchiveCode>(ARCHIVE_CODES),
  }),
  read: union<Read, "kind">("kind", {
    read: object<ReadExtension>({
      kind: literal("read"),
      is: oneOf(["npm", "folder", "skill", "mcpb"]),
      says: object<ExtensionSays>(EXTENSION_SAYS),
      published: nullable(text({ max: MOST_PUBLISHER })),
    }),
    refused: refused<ReadCode>(READ_CODES),
  }),
};
const FETCHER_TABLE: BodyTable<FetcherRequests> = {
  fetch: object<FetcherRequests["fetch"]["body"]>({
    registry: registryUrl,
    name: npmName,
    version: npmVersion,
    roots: sigstoreRoots,
  }),
};
const FETCHER_ANSWERS: AnswerTable<FetcherRequests> = {
  fetch: union<Fetched, "kind">("kind", {
    fetched: object<Extract<Fetched, { kind: "fetched" }>>({
      kind: literal("fetched"),
      bytes: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      provenance: nullable(PROVENANCE),
    }),
    refused: refused<FetchCode>(FETCH_CODES),
  }),
};

/** No requests, or no events. */
type None = object;
type Asking<Requests extends object> = Side<{ serves: None; hears: None; asks: Requests; says: None }>;
type Serving<Requests extends object> = Side<{ serves: Requests; hears: None; asks: None; says: None }>;

/** The monitor's ends of their channels, and theirs. */
export const MONITOR_UNPACKER: Asking<UnpackerRequests> = {
  serves: {},
  hears: {},
  asks: UNPACKER_ANSWERS,
  says: {},
  maxFrame: MAX_FRAME,
};
export const UNPACKER_SIDE: Serving<UnpackerRequests> = {
  serves: UNPACKER_TABLE,
  hears: {},
  asks: {},
  says: {},
  maxFrame: MAX_FRAME,
};
export const MONITOR_FETCHER: Asking<FetcherRequests> = {
  serves: {},
  hears: {},
  asks: FETCHER_ANSWERS,
  says: {},
  maxFrame: MAX_FRAME,
};
export const FETCHER_SIDE: Serving<FetcherRequests> = {
  serves: FETCHER_TABLE,
  hears: {},
  asks: {},
  says: {},
  maxFrame: MAX_FRAME,
};
