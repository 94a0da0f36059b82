import type { ExtensionAsks, ExtensionManifest } from "../protocol/extension.ts";
import type { ExtensionView } from "../protocol/extension-table.ts";
import { join, line, type Line } from "../showing/line.ts";
import { showBytes, showMoment } from "../showing/moment.ts";
import { makeVisible } from "../showing/visible.ts";
import type { CliPowers } from "./powers.ts";

/** Its name and version, as text that can be shown. */
export function nameExtension({ name, version }: Pick<ExtensionView, "name" | "version">): string {
  return makeVisible(version === null ? name : `${name}@${version}`);
}

/** What an extension is and where it came from. */
export function describeExtension(
  extension: ExtensionView,
  manifest: ExtensionManifest,
  powers: Pick<CliPowers, "offset">,
): readonly Line[] {
  const { id, kind, source, at, why } = extension;
  const { publisher, about, files, bytes } = manifest;
  return [
    join(["strong", nameExtension(extension)], `  ${kind}`),
    line(`  ${id}`, "faint"),
    ...(about === null ? [] : [line(`  says it is: ${makeVisible(about)}`)]),
    line(`  says it is by: ${publisher === null ? "nobody" : makeVisible(publisher)}`),
    line(`  came from ${makeVisible(source)}, ${showMoment(at, powers.offset(at))}`),
    ...(kind === "http" ? [] : [line(`  ${files === 1 ? "1 file" : `${files} files`}, ${showBytes(bytes)}`)]),
    ...(why === null ? [] : [line(`  in quarantine: ${makeVisible(why)}`, "bad")]),
  ];
}

/** What it asks for, as it says; nothing of that is given. */
export function describeAsks(asks: ExtensionAsks): readonly Line[] {
  const rows = askRows(asks);
  if (rows.length === 0) return [line("Asks for nothing that it says")];
  return [line("Asks for", "strong"), ...rows.map((row) => line(`  ${row}`))];
}

/** Each thing that is asked for in a line of its own, as text that can be shown. */
export function askRows({ files, hosts, secrets, memory, tools }: ExtensionAsks): readonly string[] {
  return [
    ...files.map((path) => `files ${makeVisible(path)}`),
    ...hosts.map(({ host, methods }) => `host ${makeVisible(host)}: ${methods.join(", ")}`),
    ...secrets.map((name) => `secret ${makeVisible(name)}`),
    ...memory.map((plane) => `memory ${plane}`),
    ...tools.map(({ name, risk }) => `tool ${makeVisible(name)}: ${risk}`),
  ];
}
