import { canonicalize } from "../../kernel/canonical.ts";
import { parseJson } from "../../kernel/json.ts";
import type { Staging } from "../../platform/files/extension-store.ts";
import { asJson } from "../../protocol/as-json.ts";
import { decode } from "../../protocol/decode.ts";
import { EXTENSION_MANIFEST, type ExtensionManifest, type ExtensionSays } from "../../protocol/extension.ts";
import type { ArchiveForm, ReadExtension } from "../../protocol/extension-order.ts";
import type { ExtensionRequests, ExtensionSource, ExtensionView } from "../../protocol/extension-table.ts";
import type { Provenance } from "../../protocol/provenance.ts";
import type { Publication } from "../../protocol/publisher.ts";
import { MOST_FOUND, type Vetted } from "../../protocol/vetting-order.ts";
import { makeVisible } from "../../showing/visible.ts";
import type { PeerFault } from "../../protocol/rpc-error.ts";
import { Refusal, type RefusalCode } from "../faults.ts";
import type { Journal } from "../journal.ts";
import type { MonitorPowers } from "../powers.ts";
import type { CodeLayout } from "../sandbox-plans.ts";
import type { ExtensionState } from "../state.ts";
import { createExtensionProcesses } from "./asking.ts";
import { usesOf, viewExtension } from "./extension-state.ts";
import { judgePublication } from "./publication.ts";

/** Extensions that are made ready at a time: each is two processes and a folder. */
const MOST_AT_ONCE = 4;
/** Answers of at most two hundred findings that are kept. */
const MOST_VETTED = 32;
const NOTHING_ASKED: ExtensionSays["asks"] = { files: [], hosts: [], secrets: [], memory: [], tools: [] };
interface Prepared {
  readonly manifest: ExtensionManifest;
  readonly provenance: Provenance | null;
  readonly publication: Publication | null;
}
type Unpacking = Exclude<ExtensionSource, { kind: "http" }>;

export interface ExtensionDesk {
  /** The command line's requests about extensions. */
  readonly handlers: {
    readonly [K in keyof ExtensionRequests]: (
      body: ExtensionRequests[K]["body"],
    ) => Promise<ExtensionRequests[K]["ok"]>;
  };
  /** At a start: removes what a stop left half done. */
  tidy(): Promise<void>;
}

/**
 * The store of extensions. Nobody's bytes are read here: an archive goes from the registry or the command line into a process
 * of its own, and what comes of it is sealed, read in full and named by its digest before anything is recorded. Nothing in the
 * store runs: a grant that an owner signed says what does.
 */
export function createExtensionDesk(ports: {
  readonly powers: Pick<MonitorPowers, "startSandbox" | "timer" | "crypto" | "extensions" | "takeStreams">;
  readonly journal: Journal;
  readonly code: CodeLayout;
  refused(peer: string, fault: PeerFault): void;
  /** Stops what runs and may not any more. */
  withdrawn(): Promise<void>;
}): ExtensionDesk {
  const { journal } = ports;
  const { extensions: store, crypto, takeStreams } = ports.powers;
  const { extensions, attested, published } = journal.state;
  const processes = createExtensionProcesses(ports);
  /** What was found in this run of the monitor, by id. */
  const vetted = new Map<string, Vetted>();
  let under = 0;
  /** What changes the store waits for what did so before. */
  let last: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  }

  async function fill(
    staging: Staging,
    source: Unpacking,
  ): Promise<{ readonly form: ArchiveForm; readonly provenance: Provenance | null }> {
    if (source.kind === "stream") {
      const streams = await takeStreams(source.ticket);
      if (streams === null) throw new Refusal("streams", "The archive was not handed over.", "Try again.");
      try {
        const { form } = source;
        taken(await processes.unpack({ tree: staging.tree, streams }, { form }));
        return { form, provenance: null };
      } finally {
        streams.release();
      }
    }
    const { kind: _kind, ...asked } = source;
    const { provenance } = taken(await processes.fetch(staging.fetched, asked));
    taken(await processes.unpack(staging, { form: "tgz" }));
    return { form: "tgz", provenance };
  }

  async function prepare(staging: Staging, source: ExtensionSource): Promise<Prepared> {
    if (source.kind === "http") {
      const { url } = source;
      const id = crypto.digest(canonicalize({ v: 1, kind: "http", endpoint: url }));
      const says = {
        name: url.slice(0, 214),
        version: null,
        publisher: null,
        about: null,
        entry: null,
        words: [],
        settings: [],
        asks: NOTHING_ASKED,
      };
      const manifest = { v: 1, id, kind: "http", endpoint: url, files: 0, bytes: 0, ...says } as const;
      return { manifest, provenance: null, publication: null };
    }
    const { form, provenance } = await fill(staging, source);
    const { digest: id, bytes, files } = await store.seal(staging);
    const label = source.kind === "npm" ? source.name : source.label;
    const { is, says, published: text } = taken(await processes.read(staging.tree, { form, label }));
    if (source.kind === "npm") expectAsked(source, { is, says });
    const manifest = { v: 1, id, kind: is, endpoint: null, files: files.length, bytes, ...says } as const;
    return { manifest, provenance, publication: judgePublication({ kind: is, ...says }, { files, text }, crypto) };
  }

  async function keep(
    staging: Staging,
    { manifest, provenance: said, publication }: Prepared,
    source: string,
  ): Promise<boolean> {
    const text = canonicalize(asJson(manifest));
    const { id, kind, name, version } = manifest;
    const digest = crypto.digest(text);
    const there = extensions.get(id);
    // What is in quarantine stays there, whoever brings it again.
    if (there?.quarantined != null)
      throw new Refusal(
        "extension-quarantined",
        `This extension is in quarantine: ${there.quarantined}.`,
        `aios ext show ${id}`,
      );
    // Whoever brings it without an attestation takes none away.
    const known = attested.get(id) ?? null;
    const silent = said === null || (said.kind === "unread" && known !== null);
    const news = silent || isSame(said, known) ? null : said;
    // It lies in the tree: whoever brings the same tree brings it, too.
    const signed = isSame(publication, published.get(id) ?? null) ? null : publication;
    const whole = there?.manifest === digest && (await isWhole(there));
    // First of all: nothing is in the store without what speaks against it.
    if (news !== null) await journal.write({ kind: "extension-attested", extension: id, provenance: news });
    if (signed !== null) await journal.write({ kind: "extension-published", extension: id, publication: signed });
    // Under another name it may not be what was signed.
    if (signed?.kind === "refused") await ports.withdrawn();
    if (whole) return false;
    await store.keep(id, { staging, manifest: text });
    const record = {
      kind: "extension-added",
      extension: id,
      manifest: digest,
      of: kind,
      name,
      version,
      source,
    } as const;
    await journal.write(record, { manifest: asJson(manifest) });
    return true;
  }

  /** Whether every byte of it is there as it was added. */
  async function isWhole(there: ExtensionState): Promise<boolean> {
    return look(there).then(
      ({ damaged }) => damaged === null,
      () => false,
    );
  }

  function find(id: string): ExtensionState {
    const found = extensions.get(id);
    if (found !== undefined) return found;
    throw new Refusal("unknown-extension", `There is no extension ${id}.`, "Run `aios ext list`.");
  }

  const view = (extension: ExtensionState): ExtensionView =>
    viewExtension(extension, { uses: usesOf(journal.state.active.values()), state: journal.state });
  function viewAll(): readonly ExtensionView[] {
    const uses = usesOf(journal.state.active.values());
    return [...extensions.values()].map((extension) => viewExtension(extension, { uses, state: journal.state }));
  }

  async function oneOfFew<T>(work: () => Promise<T>): Promise<T> {
    if (under >= MOST_AT_ONCE)
      throw new Refusal("too-many", `${under} extensions are being looked at.`, "Try again when they are done.");
    under += 1;
    try {
      return await work();
    } finally {
      under -= 1;
    }
  }

  /** A server with a hundred packages takes half a minute, and neither its bytes nor the rules change meanwhile. */
  async function vet(id: string): Promise<Vetted> {
    const found = await processes.vet(store.treeOf(id));
    const [oldest] = vetted.keys();
    if (oldest !== undefined && vetted.size >= MOST_VETTED) vetted.delete(oldest);
    vetted.set(id, found);
    return found;
  }

  async function add(source: ExtensionSource): Promise<ExtensionRequests["extension-add"]["ok"]> {
    const staging = store.stage();
    try {
      const prepared = await prepare(staging, source).catch(asRefusal);
      const fresh = await inTurn(() => keep(staging, prepared, nameSource(source)));
      return { extension: view(find(prepared.manifest.id)), fresh };
    } finally {
      await store.drop(staging).catch(() => {});
    }
  }

  const handlers: ExtensionDesk["handlers"] = {
    "extension-add": ({ source }) => oneOfFew(() => add(source)),

    async extensions() {
      return { extensions: viewAll() };
    },

    async "extension-show"({ id }) {
      const found = find(id);
      const { manifest, files, damaged } = await look(found);
      return { extension: view(found), manifest, files, damaged };
    },

    async "extension-vet"({ id }) {
      // Of a server elsewhere there is nothing here to look through.
      const { kind } = find(id);
      if (kind === "http") return { findings: [], more: 0 };
      return withProofs(vetted.get(id) ?? (await oneOfFew(() => vet(id).catch(notVetted))), [
        notHeld("provenance-refused", "an attestation", attested.get(id)),
        notHeld("publisher-refused", "a publisher's signature", published.get(id)),
      ]);
    },

    async publishers() {
      const { only, admitted } = journal.state.publishers;
      return { only, publishers: [...admitted].map(([name, key]) => ({ name, key })) };
    },

    "extension-remove": ({ id }) =>
      inTurn(async () => {
        find(id);
        vetted.delete(id);
        const seq = await journal.write({ kind: "extension-removed", extension: id });
        await ports.withdrawn();
        // What a stop leaves of it now goes at the next start.
        await store.remove(id);
        return { seq };
      }),

    async "extension-quarantine"({ id, why }) {
      find(id);
      const seq = await journal.write({ kind: "extension-quarantined", extension: id, why });
      await ports.withdrawn();
      return { seq };
    },
  };
  return { handlers, tidy: () => store.keepOnly(new Set(extensions.keys())) };

  async function look(found: ExtensionState): Promise<Omit<ExtensionRequests["extension-show"]["ok"], "extension">> {
    const manifest = readManifest(store.manifest(found.id) ?? "");
    const text = manifest === null ? "" : canonicalize(asJson(manifest));
    if (manifest === null || crypto.digest(text) !== found.manifest)
      throw new Refusal(
        "extension-damaged",
        `What is kept of extension ${found.id} is not as it was added.`,
        "Remove it, and add it again.",
      );
    if (found.kind === "http") return { manifest, files: [], damaged: null };
    try {
      const { digest, files } = await store.read(found.id);
      return { manifest, files, damaged: digest === found.id ? null : "its files are not those that were added" };
    } catch (error) {
      const why = error instanceof Error ? error.message.slice(0, 512) : "its files cannot be read";
      return { manifest, files: [], damaged: why };
    }
  }
}

/** ERRORS-DENY: what could not be looked through has something against it. */
function notVetted(error: unknown): Vetted {
  const why = error instanceof Error ? error.message : "it failed";
  const message = makeVisible(`was not vetted: ${why}`).slice(0, 512).toWellFormed();
  return { findings: [{ rule: "not-vetted", message, path: ".", line: 1 }], more: 0 };
}

/** What speaks against it by who vouches for it comes with what its files say. */
function withProofs({ findings, more }: Vetted, proofs: readonly (Vetted["findings"][number] | null)[]): Vetted {
  const all = [...proofs.filter((each) => each !== null), ...findings];
  return { findings: all.slice(0, MOST_FOUND), more: more + Math.max(0, all.length - MOST_FOUND) };
}

function notHeld(
  rule: string,
  what: string,
  found: Provenance | Publication | undefined,
): Vetted["findings"][number] | null {
  if (found?.kind !== "refused") return null;
  const message = `has ${what} that does not hold: ${found.why}`.slice(0, 512).toWellFormed();
  return { rule, message, path: ".", line: 1 };
}

function isSame<T extends object>(one: T | null, other: T | null): boolean {
  return canonicalize(asJson(one)) === canonicalize(asJson(other));
}

/** What a process answered, where it did what it was asked for. Throws Refusal. */
function taken<T extends { readonly kind: string }>(answer: T): Exclude<T, RefusedAnswer> {
  if (isRefused(answer))
    throw new Refusal(answer.code, `It is not added: ${answer.message}.`, "docs/codes.md says what the code means.");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of the union this is what is left
  return answer as Exclude<T, RefusedAnswer>;
}

interface RefusedAnswer {
  readonly kind: "refused";
  readonly code: RefusalCode;
  readonly message: string;
}

function isRefused(answer: { readonly kind: string }): answer is RefusedAnswer {
  return answer.kind === "refused";
}

/** A package that calls itself something else is not the one that was asked for. */
function expectAsked(
  { name, version }: { readonly name: string; readonly version: string },
  { is, says }: Pick<ReadExtension, "is" | "says">,
): void {
  if (is === "npm" && says.name === name && says.version === version) return;
  throw new Refusal(
    "extension-manifest",
    `What the registry has as ${name}@${version} calls itself ${says.name}@${says.version ?? "?"}.`,
    "Look at the package before you use it anywhere.",
  );
}

function nameSource(source: ExtensionSource): string {
  if (source.kind === "npm") return `${source.name}@${source.version} from ${source.registry}`;
  return source.kind === "http" ? source.url : source.label;
}

function readManifest(text: string): ExtensionManifest | null {
  const parsed = parseJson(text);
  const decoded = parsed.kind === "ok" ? decode(EXTENSION_MANIFEST, parsed.value) : parsed;
  return decoded.kind === "ok" ? decoded.value : null;
}

/** Whatever failed on the way, nothing was added. */
function asRefusal(error: unknown): never {
  if (error instanceof Refusal) throw error;
  const why = error instanceof Error ? error.message : "it failed";
  throw new Refusal(
    "extension-failed",
    `It is not added: ${why.slice(0, 512)}.`,
    "Try again; aios doctor says what is missing.",
  );
}
