import { decode } from "../../protocol/decode.ts";
import type { ArchiveForm } from "../../protocol/extension-order.ts";
import type { ExtensionView } from "../../protocol/extension-table.ts";
import type { QuarantinedServer } from "../../protocol/quarantined-server.ts";
import { visibleLine } from "../../protocol/fields.ts";
import { showBytes, showMoment } from "../../showing/moment.ts";
import { describeQuarantined, describeWayOut } from "../../showing/describe-quarantined.ts";
import { line, join, writeLines, type Line } from "../../showing/line.ts";
import { makeVisible } from "../../showing/visible.ts";
import { HOME, JSON_OUTPUT, type Command, type Positional } from "../command.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { DETONATE, detonateStored, insistOnDetonation, noFiles } from "../detonate-stored.ts";
import { EXIT } from "../exit-codes.ts";
import { explainAdding, readSource, type TypedSource } from "../extension-source.ts";
import { findExtension } from "../find-extension.ts";
import { CliFailure } from "../failure.ts";
import type { CliPowers, Home, MonitorClient } from "../powers.ts";
import { describeReport, readReport } from "../extension-report.ts";
import { listQuarantined } from "../quarantined.ts";
import { kindOf, nameExtension } from "../show-extension.ts";
import { layOutTable } from "../table.ts";

export const EXTENSION: Positional = {
  name: "EXT",
  required: true,
  help: "its id, the beginning of it, or its name if only one has it",
};
const INERT =
  "What is added does nothing: it lies in the home, read-only, until an owner grants something that uses it.";

/** `aios ext add`. */
export const extAdd: Command = {
  path: ["ext", "add"],
  summary: "put an extension into the store, where it does nothing",
  positionals: [{ name: "SOURCE", required: true, help: "NAME@VERSION from npm, a folder, a file or an address" }],
  rest: null,
  flags: [
    { name: "registry", value: "URL", help: "the registry of npm packages (default: npm's own)" },
    DETONATE,
    {
      name: "sigstore-roots",
      value: "FILE",
      help: "a trusted_root.json with which attestations are verified (default: the shipped one)",
    },
    JSON_OUTPUT,
    HOME,
  ],
  details: [
    "SOURCE is an npm package with its exact version, a folder (a skill is one with SKILL.md), an npm tarball (.tgz), an MCP bundle (.mcpb), a skill in a .zip, or the https address of a server.",
    "Nothing of it is run on your machine, its install scripts neither: --detonate runs them as aios ext detonate does, in a sealed sandbox with a made-up home. It is fetched and unpacked in processes of their own, without your files; an archive that has two readings, links, or grows like a bomb is refused.",
    "Of a package from npm, the attestations that its registry has are fetched, too, and verified without asking anybody: who built these bytes, and from which source. That there are none is told; one that does not hold is a grave finding.",
    "Who signed it is verified, too, and told by the name under which you admitted that key (aios publishers admit), never by what it says of itself. A signature that does not hold is a grave finding.",
    "A process of its own, without your files, looks through it as aios ext vet does; what it found is shown, the worst first. Whatever it found, it is added: that it does nothing is what keeps you safe.",
    INERT,
  ],
  examples: ["ext add @modelcontextprotocol/server-memory@2026.8.31", "ext add ./my-skill", "ext add notes.mcpb"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client, home) => {
      const typed = args.required("SOURCE");
      const source = await readSource(powers, typed, {
        registry: args.value("registry"),
        roots: args.value("sigstore-roots"),
      });
      if (source.kind === "http" && args.has(DETONATE.name)) throw noFiles(source.url);
      const { extension, fresh } = await add(powers, { client, home, source }).catch((error: unknown) =>
        explainAdding(error, { typed, source }),
      );
      const vetted = await readReport(client, extension.id);
      const detonation = await detonateStored(powers, args, { home, shown: vetted.shown, words: { given: [] } });
      const report = { ...vetted, detonation };
      if (args.has("json")) writeJson(powers, { extension, fresh, found: report.found, detonation });
      else {
        const what = fresh
          ? join(["good", "added"], ` ${nameExtension(extension)}`)
          : line(`${nameExtension(extension)} is there already`);
        writeLines(powers.out, [
          what,
          ...describeReport(report, { powers, columns: powers.out.columns }),
          line(`look at all of it: aios ext show ${shortId(extension)}`, "faint"),
        ]);
      }
      insistOnDetonation(detonation, report.shown);
      return EXIT.ok;
    });
  },
};

/** `aios ext list`. */
export const extList: Command = {
  path: ["ext", "list"],
  summary: "list the extensions in the store",
  positionals: [],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [INERT],
  examples: ["ext list"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const { extensions } = await client.request("extensions", {});
      const changed = await listQuarantined(client);
      if (args.has("json")) writeJson(powers, { extensions, quarantined: changed });
      else if (extensions.length === 0) writeLines(powers.out, [line("There is no extension.")]);
      else {
        const rows = extensions.map((extension) => [
          shortId(extension),
          kindOf(extension),
          nameExtension(extension),
          stateOf(extension, changed, powers),
          showMoment(extension.at, powers.offset(extension.at)),
          extension.grants.join(",") || "-",
        ]);
        writeLines(powers.out, layOutTable(["EXT", "KIND", "NAME", "STATE", "SINCE", "GRANTS"], rows));
      }
      return EXIT.ok;
    });
  },
};

/** `aios ext show`. */
export const extShow: Command = {
  path: ["ext", "show"],
  summary: "show an extension, what it asks for and what was found",
  positionals: [EXTENSION],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "Every byte of it is read for this and compared with what was added; exit code 1 when it is not that.",
    "What was found is by the rules of this version, not of the day when it was added. What it asks for is what it says itself: nothing of it is granted.",
  ],
  examples: ["ext show 0f3a81c2"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const { id } = await findExtension(client, args.required("EXT"));
      const report = await readReport(client, id);
      const { files, damaged } = report.shown;
      const changed = (await listQuarantined(client)).filter(({ extension }) => extension === id);
      if (args.has("json")) writeJson(powers, { ...report.shown, found: report.found, quarantined: changed });
      else {
        const rows = files.map((file) =>
          line(`  ${file.executable ? "x" : " "} ${makeVisible(file.path)}  ${showBytes(file.bytes)}`, "faint"),
        );
        writeLines(powers.out, [
          ...describeReport(report, { powers, columns: powers.out.columns }),
          ...describeQuarantined(changed, powers.offset),
          ...describeWayOut(changed),
          ...(rows.length === 0 ? [] : [line("Files", "strong"), ...rows]),
          ...(damaged === null ? [] : [line(`It is not as it was added: ${makeVisible(damaged)}`, "bad")]),
        ]);
      }
      return damaged === null ? EXIT.ok : EXIT.no;
    });
  },
};

/** `aios ext quarantine`. */
export const extQuarantine: Command = {
  path: ["ext", "quarantine"],
  summary: "let nothing start an extension any more",
  positionals: [EXTENSION, { name: "WHY", required: true, help: "a few words, which are recorded" }],
  rest: null,
  flags: [HOME],
  details: [
    "It stays where it is, for whoever wants to look at it, and adding the same again is refused. To take that back, remove it, add it anew, and trust it again: no grant from before starts it until you have signed for it once more.",
  ],
  examples: ['ext quarantine 0f3a81c2 "its author says that the account was taken over"'],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const why = readWhy(args.required("WHY"));
      const extension = await findExtension(client, args.required("EXT"));
      const { seq } = await client.request("extension-quarantine", { id: extension.id, why });
      writeLines(powers.out, [
        line(`in quarantine: ${nameExtension(extension)} (record ${seq})`),
        ...describeUses(extension, "any more"),
      ]);
      return EXIT.ok;
    });
  },
};

/** `aios ext remove`. */
export const extRemove: Command = {
  path: ["ext", "remove"],
  summary: "remove an extension from the store",
  positionals: [EXTENSION],
  rest: null,
  flags: [HOME],
  details: ["What uses it does not start any more. That it was there, and what it was, stays in the log."],
  examples: ["ext remove 0f3a81c2"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const extension = await findExtension(client, args.required("EXT"));
      const { seq } = await client.request("extension-remove", { id: extension.id });
      writeLines(powers.out, [
        line(`removed ${nameExtension(extension)} (record ${seq})`),
        ...describeUses(extension, "until the same bytes are added again"),
      ]);
      return EXIT.ok;
    });
  },
};

/** What is recorded is shown for ever: a line of visible text. Throws `CliFailure` `usage`. */
function readWhy(text: string): string {
  const hint = "a few words in one line, at most 1024 characters";
  if (text.trim() === "") throw CliFailure.of("usage", "WHY is empty", hint);
  if (decode(visibleLine, text).kind === "ok") return text;
  const [odd] = /[\p{C}\p{Zl}\p{Zp}]/u.exec(text) ?? [];
  const what = odd === undefined ? `has ${text.length} characters` : `has a character that cannot be seen: "${odd}"`;
  throw CliFailure.of("usage", `WHY ${what}`, hint);
}

/** Grants over it stay, and start nothing of it: they are over the bytes, which may be added again. */
function describeUses({ grants }: Pick<ExtensionView, "grants">, until: string): readonly Line[] {
  if (grants.length === 0) return [];
  return [line(`${grants.join(", ")} used it and starts nothing of it ${until}; aios grants revoke ends it`, "wait")];
}

/** Its state, or since when its server is in quarantine because it was found to be another one. */
function stateOf(
  { id, state }: Pick<ExtensionView, "id" | "state">,
  changed: readonly QuarantinedServer[],
  powers: Pick<CliPowers, "offset">,
): string | readonly ["bad", string] {
  const found = changed.find(({ extension }) => extension === id);
  if (state !== "added" || found === undefined) return state === "added" ? state : ["bad", state];
  return ["bad", `quarantined ${showMoment(found.since, powers.offset(found.since))}`];
}

/** Enough of an id to name it by, for most people's stores. */
function shortId({ id }: Pick<ExtensionView, "id">): string {
  return id.slice("sha256:".length, "sha256:".length + 12);
}

/** In which form what lies at a path goes into the store. */
export function formOf({ path, is }: { readonly path: string; readonly is: "folder" | "file" }): ArchiveForm {
  if (is === "folder") return "tar";
  return /\.(?:mcpb|dxt|zip)$/iu.test(path) ? "zip" : "tgz";
}

async function add(
  powers: CliPowers,
  { client, home, source }: { readonly client: MonitorClient; readonly home: Home; readonly source: TypedSource },
): Promise<{ readonly extension: ExtensionView; readonly fresh: boolean }> {
  if (source.kind !== "path") return await client.request("extension-add", { source });
  const { path, is, label } = source;
  const form = formOf({ path, is });
  const ticket = powers.random.hex(16);
  const lent = await powers.sources.lend({ home: home.path, ticket, path, is });
  try {
    return await client.request("extension-add", { source: { kind: "stream", form, ticket, label } });
  } catch (error) {
    const why = lent.failed();
    throw why === null ? error : CliFailure.of("file-unreadable", why);
  } finally {
    lent.stop();
  }
}
