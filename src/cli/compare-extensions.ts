import type { CliRequests } from "../protocol/requests.ts";
import { line, type Line } from "../showing/line.ts";
import { showBytes } from "../showing/moment.ts";
import { makeVisible } from "../showing/visible.ts";
import type { ExtensionView, PublicationView } from "../protocol/extension-table.ts";
import { askRows } from "./show-extension.ts";

/** An extension with its files. */
export type Shown = CliRequests["extension-show"]["ok"];

/** What one extension has and another has not, or has otherwise. */
export interface ExtensionDifference {
  readonly files: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly string[];
  };
  readonly asks: { readonly added: readonly string[]; readonly removed: readonly string[] };
  /** Who signed each, where that is not the same; null when it is. */
  readonly publisher: { readonly before: SignedBy; readonly after: SignedBy } | null;
}

/** What a publisher's signature came to; null: there is none. */
export type SignedBy =
  { readonly kind: "signed"; readonly by: string } | { readonly kind: "refused"; readonly why: string } | null;

/** From `before` to `after`. */
export function compareExtensions(before: Shown, after: Shown): ExtensionDifference {
  const [old, fresh] = [before, after].map(({ files }) => new Map(files.map((file) => [file.path, file])));
  const changed = after.files.filter(({ path, sha256, executable }) => {
    const was = old?.get(path);
    return was !== undefined && (was.sha256 !== sha256 || was.executable !== executable);
  });
  const [asked, asks] = [askRows(before.manifest.asks), askRows(after.manifest.asks)];
  return {
    files: {
      added: after.files.filter(({ path }) => old?.has(path) !== true).map(({ path }) => path),
      removed: before.files.filter(({ path }) => fresh?.has(path) !== true).map(({ path }) => path),
      changed: changed.map(({ path }) => path),
    },
    asks: {
      added: asks.filter((row) => !asked.includes(row)),
      removed: asked.filter((row) => !asks.includes(row)),
    },
    publisher: comparePublishers(before.extension, after.extension),
  };
}

/** By whole keys: two of one name are two. A signature that does not hold is another thing than none. */
function comparePublishers(before: ExtensionView, after: ExtensionView): ExtensionDifference["publisher"] {
  const [was, is] = [before.publication, after.publication];
  const same = was?.kind === "signed" && is?.kind === "signed" ? was.key === is.key : was?.kind === is?.kind;
  return same ? null : { before: judgeSigned(was), after: judgeSigned(is) };
}

function judgeSigned(publication: PublicationView | null): SignedBy {
  if (publication === null) return null;
  if (publication.kind === "refused") return { kind: "refused", why: publication.why };
  const { key, admitted } = publication;
  return { kind: "signed", by: admitted ?? `the key ${key}, which nobody admitted` };
}

function tellPublishers({ before, after }: NonNullable<ExtensionDifference["publisher"]>): string {
  if (after?.kind === "refused") {
    const was = before === null ? "before it had none" : `before it was signed by ${nameSigner(before)}`;
    return `~ its publisher's signature is refused: ${makeVisible(after.why)}; ${was}`;
  }
  const was = before?.kind === "refused" ? "before its signature was refused" : `before by ${nameSigner(before)}`;
  return `~ signed by ${nameSigner(after)}, and ${was}`;
}

function nameSigner(signed: SignedBy): string {
  return signed?.kind === "signed" ? signed.by : "nobody";
}

/** Whether nothing is other. */
export function isNone({ files, asks, publisher }: ExtensionDifference): boolean {
  return publisher === null && [...Object.values(files), ...Object.values(asks)].every((rows) => rows.length === 0);
}

/** A line for each thing that is other. */
export function describeDifference(
  difference: ExtensionDifference,
  { before, after }: { readonly before: Shown; readonly after: Shown },
): readonly Line[] {
  if (isNone(difference)) return [line("They have the same files and ask for the same.", "good")];
  const { files, asks, publisher } = difference;
  const sizeIn = (shown: Shown, path: string): string =>
    showBytes(shown.files.find((file) => file.path === path)?.bytes ?? 0);
  const executable = (shown: Shown, path: string): string =>
    shown.files.find((file) => file.path === path)?.executable === true ? ", executable" : "";
  const rows = [
    ...(publisher === null ? [] : [line(tellPublishers(publisher), "bad")]),
    ...asks.added.map((row) => line(`+ asks for ${row}`, "bad")),
    ...asks.removed.map((row) => line(`- asks for ${row}`, "good")),
    ...files.added.map((path) => line(`+ ${makeVisible(path)}  ${sizeIn(after, path)}${executable(after, path)}`)),
    ...files.removed.map((path) => line(`- ${makeVisible(path)}  ${sizeIn(before, path)}`)),
    ...files.changed.map((path) =>
      line(
        `~ ${makeVisible(path)}  ${sizeIn(before, path)} to ${sizeIn(after, path)}${executable(after, path)}`,
        "wait",
      ),
    ),
  ];
  const damaged = [before, after].filter((shown) => shown.damaged !== null);
  return [...rows, ...damaged.map(({ extension }) => line(`${extension.id} is not as it was added`, "bad"))];
}
