import type { DetonationAnswer } from "../extensions/detonate/finding.ts";
import type { ExtensionLife } from "../protocol/extension-table.ts";
import type { Provenance } from "../protocol/provenance.ts";
import type { CliRequests } from "../protocol/requests.ts";
import { line, type Line } from "../showing/line.ts";
import { makeVisible } from "../showing/visible.ts";
import { compareExtensions, describeDifference, isNone, type Shown } from "./compare-extensions.ts";
import { insist } from "./confirm.ts";
import type { CliPowers, MonitorClient } from "./powers.ts";
import {
  describeAsks,
  describeDetonation,
  describeExtension,
  describeFound,
  describeSettings,
  isGraveFound,
  nameExtension,
} from "./show-extension.ts";

/** Rows of what differs that are shown; `aios ext diff` shows all. */
const MOST_ROWS = 12;

/** What a person decides on: the extension, what speaks against it, and the one of its name that a grant uses. */
export interface ExtensionReport {
  readonly shown: Shown;
  readonly found: CliRequests["extension-vet"]["ok"];
  readonly trusted: Shown | null;
  /** What it did when it was run; null: it was not. */
  readonly detonation: DetonationAnswer | null;
}

/** Reads and looks through all of it. */
export async function readReport(client: MonitorClient, id: string): Promise<ExtensionReport> {
  const shown = await client.request("extension-show", { id });
  const found = await client.request("extension-vet", { id });
  const { extensions } = await client.request("extensions", {});
  const { name, kind } = shown.extension;
  const other = extensions.findLast(
    (each) => each.id !== id && each.name === name && each.kind === kind && each.grants.length > 0,
  );
  const trusted = other === undefined ? null : await client.request("extension-show", { id: other.id });
  return { shown, found, trusted, detonation: null };
}

/** Asks once more where something grave speaks against it, by its files or by what it did. Throws `CliFailure` `not-confirmed`. */
export async function insistOnGrave(
  powers: Pick<CliPowers, "person">,
  { shown, found, detonation }: ExtensionReport,
): Promise<void> {
  const did = detonation?.kind === "report" && detonation.report.grave;
  if (!did && !isGraveFound(found)) return;
  const where = did ? (isGraveFound(found) ? "in it, and when it was run" : "when it was run") : "in it";
  await insist(powers, `Something grave was found ${where}. Trust ${nameExtension(shown.extension)} nevertheless?`);
}

const ELSEWHERE = line("Runs elsewhere: nothing of it is here that could be looked through");

/** Can, Cannot, Asks for, Found, Differs. */
export function describeReport(
  { shown, found, trusted, detonation }: ExtensionReport,
  { powers, columns }: { readonly powers: Pick<CliPowers, "offset">; readonly columns: number },
): readonly Line[] {
  const { extension, manifest } = shown;
  return [
    ...describeExtension(extension, manifest, powers),
    ...describeCan(extension),
    ...describeAsks(manifest.asks),
    ...describeSettings(manifest),
    ...(extension.kind === "http" && found.findings.length === 0 ? [ELSEWHERE] : describeFound(found, columns)),
    ...(extension.kind === "http" ? [] : describeDetonation(detonation, columns)),
    ...(trusted === null ? [] : describeDiffers(trusted, shown)),
  ];
}

const KEPT_BACK: { readonly [state in Exclude<ExtensionLife, "added">]: string } = {
  quarantined: "it is in quarantine",
  lapsed: "it was in quarantine and was added anew, and no owner has signed a grant for it since",
  unpublished: "only extensions run that an admitted publisher signed",
};

function describeCan({ grants, state, kind }: Shown["extension"]): readonly Line[] {
  const uses =
    grants.length === 0
      ? "nothing: no grant uses it"
      : state !== "added"
        ? `nothing: ${KEPT_BACK[state]}, whatever ${grants.join(", ")} says`
        : `what ${grants.join(", ")} says (aios grants show)`;
  return [
    line("Can", "strong"),
    line(`  ${uses}`),
    ...(kind === "http"
      ? []
      : [
          line("Cannot", "strong"),
          line("  reach a network, a home, an environment or any file but its own, until a grant names it"),
        ]),
  ];
}

function describeDiffers(trusted: Shown, shown: Shown): readonly Line[] {
  const difference = compareExtensions(trusted, shown);
  const source = describeOtherSource(trusted.extension.provenance, shown.extension.provenance);
  const rows = describeDifference(difference, { before: trusted, after: shown });
  const more = rows.length - MOST_ROWS;
  const name = nameExtension(trusted.extension);
  return [
    line(
      `${isNone(difference) && source.length === 0 ? "Is as" : "Differs from"} ${name}, which ${trusted.extension.grants.join(", ")} uses`,
      "strong",
    ),
    ...source,
    ...rows.slice(0, MOST_ROWS).map(({ pieces }) => ({ pieces: [{ tone: "plain" as const, text: "  " }, ...pieces] })),
    ...(more > 0 ? [line(`  and ${more} more: aios ext diff`, "faint")] : []),
  ];
}

/** An author whose account was taken over publishes from elsewhere. */
function describeOtherSource(before: Provenance | null, now: Provenance | null): readonly Line[] {
  if (before?.kind !== "verified") return [];
  const was = `  that one was built from ${makeVisible(before.repository)}`;
  if (now?.kind !== "verified") return [line(`${was}, and nothing proves that of this one`, "bad")];
  if (now.repository === before.repository) return [];
  return [line(`${was}, this one from ${makeVisible(now.repository)}`, "bad")];
}
