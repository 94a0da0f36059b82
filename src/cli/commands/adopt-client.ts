import { planClient, PlanRefused, type ClientPlan, type FoundFile } from "../../extensions/adopt/client-plan.ts";
import { FACE_ENTRIES, outsideAgent } from "../../extensions/adopt/faces.ts";
import { planReturn } from "../../extensions/adopt/client-return.ts";
import { CLIENTS, type ClientKind } from "../../extensions/scan/clients.ts";
import { CONFIGURATION_BYTES } from "../../extensions/scan/configuration.ts";
import { fullPath, shortPath } from "../../extensions/scan/paths.ts";
import { line, writeLines, type Line } from "../../showing/line.ts";
import { makeVisible } from "../../showing/visible.ts";
import { readAdopted, standings, takeBack, writeAdopted, type AdoptionPlace, type Restored } from "../adopt-state.ts";
import { stepsFor } from "../adopt-steps.ts";
import type { Arguments } from "../arguments.ts";
import { HOME, type Command } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import type { OwnFile } from "../draft-powers.ts";
import type { CliPowers } from "../powers.ts";
import { homeFlag, shellWord } from "../shell-word.ts";

/** A plain `.mcp.json` is nobody's own: several clients read it in a folder. It is written as Claude Code has it. */
const PLAIN = "mcp-json";
const NAMES = [...FACE_ENTRIES.keys(), PLAIN];

/** `aios adopt CLIENT`. */
export const adoptClient: Command = {
  path: ["adopt"],
  summary: "put a client's MCP servers behind the face, with undo",
  positionals: [{ name: "CLIENT", required: true, help: [...NAMES, "openclaw"].join(", ") }],
  rest: null,
  flags: [
    { name: "folder", value: "DIR", help: "its configuration in this folder rather than your own" },
    { name: "workspace", value: "DIR", help: "folder that the tools it is granted see as /workspace" },
    { name: "dry-run", value: null, help: "show what would change, change nothing" },
    { name: "undo", value: null, help: "put the configuration back as it was" },
    HOME,
  ],
  details: [
    "Takes the MCP servers out of the client's configuration and puts one in their place, aios mcp, which offers what the grants of CLIENT-mcp name: at first nothing. Everything else in the file stays as it is, comments too. For each server that was there it prints what to type to have it again, governed; a key's value is never printed.",
    "The original is kept byte for byte in ~/.aios-adopted, where only you may look. A configuration that is a link, cannot be written or cannot be read is refused, and nothing is changed. mcp-json is the .mcp.json of a folder (default: this one).",
    "Quit the client first: it may write its configuration when it ends. When it was changed since, --undo takes out its own entry, puts the servers back and leaves the rest as it is now; where that cannot be done without losing something, nothing is changed.",
    "It governs the client's MCP servers. Its own shell and files are still yours: aios run -- CMD seals it.",
  ],
  examples: [
    "adopt claude-code --dry-run",
    "adopt claude-code",
    "adopt claude-code --undo",
    "adopt mcp-json --folder ~/shop",
  ],
  async run(powers, args) {
    const named = args.required("CLIENT");
    const target = findTarget(powers, args, named);
    if (args.has("undo")) {
      if (args.has("dry-run") || args.has("workspace"))
        throw CliFailure.of("usage", "--undo goes with --folder alone", "aios adopt CLIENT --undo");
      return await undo(powers, target);
    }
    return await adopt(powers, args, target);
  },
};

interface Target {
  /** As it is typed. */
  readonly named: string;
  readonly kind: ClientKind;
  /** Where a folder's configuration is meant, absolute; null: the person's own. */
  readonly folder: string | null;
  /** Paths of the files that may name servers, absolute, in the order of the tables. */
  readonly files: readonly Omit<FoundFile, "text">[];
  readonly place: AdoptionPlace;
  /** The same command again, for hints. */
  readonly again: string;
}

function findTarget(powers: CliPowers, args: Arguments, named: string): Target {
  const kind = CLIENTS.find(({ id }) => id === (named === PLAIN ? "claude-code" : named));
  if (kind === undefined || !NAMES.includes(named))
    throw CliFailure.of(
      "usage",
      `aios adopt knows no client "${named}"`,
      `one of: ${[...NAMES, "openclaw"].join(", ")}`,
    );
  const look = powers.look();
  const asked = args.value("folder");
  const folder = asked !== null ? powers.resolve(asked) : named === PLAIN ? look.folder : null;
  const below = folder === null ? "~/" : "./";
  const files = kind.files
    .filter(({ path, servers }) => path.startsWith(below) && servers.length > 0)
    .map((file) => {
      const path = fullPath({ home: look.home, folder: folder ?? look.folder }, file.path);
      return { file, path, shown: shortPath(look, path) };
    });
  if (files.length === 0)
    throw CliFailure.of("usage", `${kind.name} has no configuration of servers in a folder`, `aios adopt ${named}`);
  const parent = `${look.home}/.aios-adopted`;
  const mark = folder === null ? "" : `-${powers.crypto.digest(folder).slice("sha256:".length, "sha256:".length + 16)}`;
  const where = folder === null ? "" : ` --folder ${shellWord(folder)}`;
  return {
    named,
    kind,
    folder,
    files,
    place: { parent, folder: `${parent}/${named}${mark}` },
    again: `aios adopt ${named}${where}`,
  };
}

async function adopt(powers: CliPowers, args: Arguments, target: Target): Promise<ExitCode> {
  const { place, again, kind } = target;
  const there = await readAdopted(powers, place);
  if (there !== null) return await sayAdopted(powers, target, await standings(powers, there));
  const found = await readFiles(powers, target);
  const home = powers.home(args.value("home")).path;
  const command = faceCommand(powers, args, { agent: outsideAgent(kind.id), home });
  const plan = planOrRefuse(kind, found, command);
  if (plan.changes.length === 0) {
    writeLines(powers.out, [line(`${kind.name} is at the face already; nothing was changed.`, "good")]);
    return EXIT.ok;
  }
  const dry = args.has("dry-run");
  if (!dry) {
    const changes = plan.changes.map((change) => {
      const original = found.find(({ path }) => path === change.path);
      return { ...change, before: original?.digest ?? "", mode: original?.mode ?? 0o600 };
    });
    await writeAdopted(powers, place, changes);
  }
  writeLines(powers.out, [
    ...describeChanges(plan, { target, dry, command, found }),
    ...(await describeBeside(powers, target)),
    ...((await powers.files.exists(home)) ? [] : [line("There is no home yet: aios init makes one.", "wait")]),
    ...describeSteps(plan, { home: homeFlag(args, { path: home }), dry, again, place: place.folder }),
  ]);
  return EXIT.ok;
}

/** What the client starts. It has none of this person's variables, so a home that is not the usual one is named. */
function faceCommand(
  powers: CliPowers,
  args: Arguments,
  { agent, home }: { readonly agent: string; readonly home: string },
): readonly [string, ...string[]] {
  const folder = args.value("workspace");
  const workspace = folder === null ? [] : ["--workspace", powers.resolve(folder)];
  const elsewhere = home === `${powers.look().home}/.aios` ? [] : ["--home", home];
  return [powers.program, "mcp", "--agent", agent, ...workspace, ...elsewhere];
}

async function undo(powers: CliPowers, target: Target): Promise<ExitCode> {
  const { place, kind, files } = target;
  if ((await powers.drafts.names(place.folder)).length === 0) {
    await takeBack(powers, place, files);
    throw CliFailure.of(
      "not-found",
      `Nothing to undo: ${kind.name} was not adopted`,
      "aios scan shows how it is configured",
    );
  }
  const restored = await takeBack(powers, place, files, (path, { now, original }) => {
    const found = files.find((file) => file.path === path);
    if (found === undefined) throw new PlanRefused(path, "it is no configuration of this client");
    return planReturn(kind, { ...found, text: now }, { ...found, text: original });
  });
  writeLines(
    powers.out,
    restored.length === 0
      ? [line(`${kind.name} is configured as it was.`, "good")]
      : restored.flatMap(describeRestored),
  );
  return EXIT.ok;
}

function describeRestored({ path, servers }: Restored): readonly Line[] {
  if (servers === null) return [line(`restored ${makeVisible(path)}, byte for byte`, "good")];
  const back = servers.length === 0 ? "it had none" : makeVisible(servers.join(", "));
  return [
    line(`put the servers back into ${makeVisible(path)}: ${back}`, "good"),
    line("  it was changed since it was adopted, and the rest of it stays as it is now", "wait"),
  ];
}

/** Adopted already: nothing is done, whatever became of it since. */
async function sayAdopted(
  powers: CliPowers,
  { kind, again, place }: Target,
  stand: readonly ("before" | "after" | "changed")[],
): Promise<ExitCode> {
  if (stand.includes("before")) {
    throw CliFailure.of(
      "changed-since",
      `Nothing was changed: ${kind.name} was adopted, and ${stand.includes("after") ? "only in part" : "its configuration is the original again"}`,
      `${again} --undo clears that away, then adopt it again`,
    );
  }
  const since = stand.includes("changed") ? "; its configuration was changed since" : "";
  writeLines(powers.out, [
    line(`${kind.name} is adopted already${since}. Nothing was changed.`, since === "" ? "good" : "wait"),
    line(
      `The original is in ${makeVisible(place.folder)}; ${again} --undo ${since === "" ? "puts it back" : "puts its servers back"}.`,
      "faint",
    ),
  ]);
  return EXIT.ok;
}

interface ReadFile extends FoundFile {
  readonly digest: string;
  readonly mode: number;
}

async function readFiles(powers: CliPowers, { files, kind, again, folder }: Target): Promise<readonly ReadFile[]> {
  const found: ReadFile[] = [];
  for (const file of files) {
    const own: OwnFile = await powers.drafts.inspect(file.path, CONFIGURATION_BYTES);
    if (own.kind === "refused")
      throw CliFailure.of(own.code, `Cannot adopt ${file.path}: ${own.why}; nothing was changed`, own.hint);
    if (own.kind === "file") found.push({ ...file, text: own.text, digest: own.digest, mode: own.mode });
  }
  if (found.length > 0) return found;
  throw CliFailure.of(
    "not-found",
    `${kind.name} has no configuration ${folder === null ? "of yours" : "there"}: ${files.map(({ path }) => path).join(", ")}`,
    folder === null ? `one in a folder is adopted with ${again} --folder DIR` : null,
  );
}

function planOrRefuse(
  kind: ClientKind,
  found: readonly ReadFile[],
  command: readonly [string, ...string[]],
): ClientPlan {
  try {
    return planClient(kind, found, command);
  } catch (error) {
    if (!(error instanceof PlanRefused)) throw error;
    throw CliFailure.of(
      "bad-configuration",
      `Cannot adopt ${error.path}: ${error.message}; nothing was changed`,
      "mend it, or take its servers out by hand",
    );
  }
}

function describeChanges(
  plan: ClientPlan,
  {
    target,
    dry,
    command,
    found,
  }: {
    readonly target: Target;
    readonly dry: boolean;
    readonly command: readonly string[];
    readonly found: readonly ReadFile[];
  },
): readonly Line[] {
  const { kind, again } = target;
  const shown = plan.changes.map(({ path }) => found.find((each) => each.path === path)?.shown ?? path);
  const servers = plan.servers.map(({ name }) => name);
  return [
    line(
      dry ? `Nothing was changed. aios adopt would rewrite:` : `${kind.name} is adopted. Rewritten:`,
      dry ? "strong" : "good",
    ),
    ...shown.map((path) => line(`  ${makeVisible(path)}`)),
    line(servers.length === 0 ? "It named no servers." : `Taken out: ${makeVisible(servers.join(", "))}`),
    line(`In their place: ${makeVisible(command.map(shellWord).join(" "))}`),
    ...(dry ? [] : [line(`${again} --undo puts it back as it was. Restart ${kind.name} for it to see this.`, "faint")]),
  ];
}

/** Configurations that name servers too and were left alone: those of the folder where the person stands. */
async function describeBeside(powers: CliPowers, { kind, folder }: Target): Promise<readonly Line[]> {
  if (folder !== null)
    return [line("A file of a folder may be shared: others who get it get the path of this machine, too.", "wait")];
  const look = powers.look();
  const notes: Line[] = [];
  for (const file of kind.files) {
    if (!file.path.startsWith("./") || file.servers.length === 0) continue;
    const path = fullPath(look, file.path);
    if (path === fullPath(look, `~/${file.path.slice(2)}`) || (await look.inspect(path)) === null) continue;
    const again = file.path === "./.mcp.json" ? PLAIN : `${kind.id} --folder .`;
    notes.push(
      line(`${file.path} in this folder may name servers as well and was left alone: aios adopt ${again}`, "wait"),
    );
  }
  return notes;
}

function describeSteps(
  plan: ClientPlan,
  {
    home,
    dry,
    again,
    place,
  }: { readonly home: string; readonly dry: boolean; readonly again: string; readonly place: string },
): readonly Line[] {
  const steps = plan.servers.flatMap((server) => ["", ...stepsFor(server)]);
  if (steps.length === 0) return [];
  const hasKeys = plan.servers.some(({ secrets }) => secrets.length > 0);
  return [
    line(""),
    line(
      dry ? `After ${again} you would have each again, governed, by typing:` : "To have each again, governed, type:",
      "strong",
    ),
    ...steps.map((step) => line(makeVisible(step.startsWith("aios ") ? `${step}${home}` : step))),
    ...(hasKeys && !dry ? [line(""), line(`Values of keys are in the original: ${makeVisible(place)}`, "wait")] : []),
  ];
}
