import { planOpenClaw, type AdoptedKey, type OpenClawPlan } from "../../extensions/adopt/openclaw.ts";
import { CONFIGURATION_BYTES, readConfiguration, tableAt, textAt } from "../../extensions/scan/configuration.ts";
import { severityOf } from "../../extensions/scan/finding.ts";
import { fullPath, shortPath } from "../../extensions/scan/paths.ts";
import { judgeSettings } from "../../extensions/scan/settings.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { draftFiles, nextCommands } from "../adopt-files.ts";
import { undoAdoption, writeAdoption } from "../adopt-manifest.ts";
import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { join, line, writeLines, type Line } from "../../showing/line.ts";
import type { CliPowers } from "../powers.ts";
import { loadProfile } from "../run-profile.ts";
import { makeVisible } from "../../showing/visible.ts";

/** Where OpenClaw and its earlier names keep their configuration. */
const USUAL = ["~/.openclaw/openclaw.json", "~/.moltbot/moltbot.json", "~/.clawdbot/clawdbot.json"];
/** Files beside the configuration that hold keys and are not read. */
const BESIDE = ["~/.openclaw/.env", "~/.openclaw/credentials", "~/.openclaw/agents"];

/** `aios adopt openclaw`. */
export const adoptOpenClaw: Command = {
  path: ["adopt", "openclaw"],
  summary: "prepare your OpenClaw to run under aios; nothing is signed",
  positionals: [],
  rest: null,
  flags: [
    { name: "to", value: "DIR", help: "a new folder for what is prepared; with --undo the one that was" },
    { name: "from", value: "FILE", help: "the configuration (default: ~/.openclaw/openclaw.json)" },
    { name: "dry-run", value: null, help: "show it, write nothing" },
    { name: "in-place", value: null, help: "put the copy without keys in the original's place, with a backup" },
    { name: "undo", value: null, help: "take back what was written, the original byte for byte" },
  ],
  details: [
    "Reads OpenClaw's configuration, says what is wrong with it, and writes into a new folder that only you may enter: a copy with references in the place of keys, each key in a file of its own, a profile, a grant to review, and a file for each provider of models. It prints the commands to type next, and never a key's value.",
    "The original stays as it is unless you say --in-place. Keys are known by well-known forms and names: read the copy before you put it in the agent's home.",
  ],
  examples: [
    "adopt openclaw --dry-run",
    "adopt openclaw --to ~/openclaw-adopted",
    "adopt openclaw --undo --to ~/openclaw-adopted",
  ],
  run: (powers, args) => (args.has("undo") ? undo(powers, args) : adopt(powers, args)),
};

async function adopt(powers: CliPowers, args: Arguments): Promise<ExitCode> {
  const dry = args.has("dry-run");
  if (dry && args.has("in-place"))
    throw CliFailure.of("usage", "--dry-run changes nothing, so --in-place says nothing");
  const folder = dry && args.value("to") === null ? "DIR" : readFolder(powers, args);
  const look = powers.look();
  const from = await findConfiguration(powers, args);
  const shown = makeVisible(shortPath(look, from));
  const content = await powers.files.read(from, CONFIGURATION_BYTES);
  const before = await powers.drafts.digest(from);
  if (before !== powers.crypto.digest(content) && before !== powers.crypto.digest(`\uFEFF${content}`))
    throw CliFailure.of("changed-since", `Nothing was written: ${from} changed while it was read`);
  const table = readConfiguration(content, "json");
  if (table === null) {
    throw CliFailure.of(
      "bad-configuration",
      `Cannot adopt ${from}: it is no table of JSON5`,
      "openclaw doctor says what is wrong with it",
    );
  }
  const plan = planOpenClaw(table);
  const files = draftFiles((await loadProfile(powers, "openclaw")).profile, plan);
  const findings = judgeSettings({ client: "openclaw", path: shown, from: "person", text: content, table });
  const problems = findings.filter(({ rule }) => rule !== "key-in-clear");
  const inPlace = args.has("in-place");
  if (!dry) await writeAdoption(powers, { folder, from, before, files, inPlace });
  writeLines(powers.out, [
    line(shown, "strong"),
    ...problems.map((each) => join(["bad", `  ${severityOf(each)}  `], makeVisible(each.message))),
    ...plan.keys.map(describeKey),
    ...[...plan.notes, ...(await describeBeside(powers))].map((note) => line(`  note  ${makeVisible(note)}`, "wait")),
  ]);
  const commands = nextCommands(folder, plan, await findSteering(powers, table));
  writeLines(powers.out, [
    line(""),
    ...describeWritten({ plan, folder, from: shown, dry, inPlace }),
    line(""),
    ...commands.map((each) => line(makeVisible(each))),
  ]);
  return EXIT.ok;
}

async function undo(powers: CliPowers, args: Arguments): Promise<ExitCode> {
  if (args.has("dry-run") || args.has("in-place") || args.value("from") !== null)
    throw CliFailure.of("usage", "--undo goes with --to alone", "aios adopt openclaw --undo --to DIR");
  if (args.value("to") === null)
    throw CliFailure.of("usage", "--undo needs the folder that was prepared", "aios adopt openclaw --undo --to DIR");
  const folder = readFolder(powers, args);
  if (!(await powers.files.exists(`${folder}/adopted.json`)))
    throw CliFailure.of(
      "not-found",
      `Nothing to undo: ${folder} is no folder that was prepared`,
      "aios adopt openclaw --undo --to DIR, with the DIR that it was prepared in",
    );
  const { from, restored, left } = await undoAdoption(powers, folder);
  writeLines(powers.out, [
    line(restored ? `restored ${makeVisible(from)}, byte for byte` : `${makeVisible(from)} is as it was`, "good"),
    left.length === 0
      ? line(`removed ${makeVisible(folder)}`)
      : line(`left in ${makeVisible(folder)}, since you changed them: ${left.join(", ")}`, "wait"),
  ]);
  return EXIT.ok;
}

function readFolder(powers: CliPowers, args: Arguments): string {
  const named = args.value("to");
  if (named !== null) return powers.resolve(named);
  throw CliFailure.of("usage", "aios adopt openclaw needs a folder", "aios adopt openclaw --to DIR, or --dry-run");
}

async function findConfiguration(powers: CliPowers, args: Arguments): Promise<string> {
  const named = args.value("from");
  if (named !== null) return powers.resolve(named);
  const look = powers.look();
  for (const path of USUAL) {
    const full = fullPath(look, path);
    if ((await look.inspect(full)) !== null) return full;
  }
  throw CliFailure.of("not-found", `There is no ${USUAL.join(", ")}`, "name the file: --from FILE");
}

/** What steers the agent today, by where the profile has it sealed. */
async function findSteering(powers: CliPowers, table: JsonObject): Promise<readonly (readonly [string, string])[]> {
  const look = powers.look();
  const { profile } = await loadProfile(powers, "openclaw");
  const workspace = textAt(tableAt(table, ["agents", "defaults"]), ["workspace"]) ?? "~/.openclaw/workspace";
  const below = ".openclaw/workspace/";
  const found: (readonly [string, string])[] = [];
  for (const path of profile.sandbox.home?.sealed ?? []) {
    if (!path.startsWith(below) || path.endsWith("/")) continue;
    const file = fullPath(look, `${workspace}/${path.slice(below.length)}`);
    const there = await look.inspect(file);
    if (there?.kind === "file" && there.size > 0) found.push([path, file]);
  }
  return found;
}

async function describeBeside(powers: CliPowers): Promise<readonly string[]> {
  const look = powers.look();
  const found: string[] = [];
  for (const path of BESIDE) if ((await look.inspect(fullPath(look, path))) !== null) found.push(path);
  return found.length === 0 ? [] : [`not read, and not moved: ${found.join(", ")} (keys, logins and sessions)`];
}

/** One key: where it stood and where it goes, never what it is. */
function describeKey({ place, secret, binding }: AdoptedKey): Line {
  const where = binding === null ? "in a file, bound to nothing" : `bound to ${binding.to}`;
  return join(["bad", "  key  "], `${makeVisible(place.join("."))} becomes ${secret}, ${makeVisible(where)}`);
}

function describeWritten(done: {
  readonly plan: OpenClawPlan;
  readonly folder: string;
  readonly from: string;
  readonly dry: boolean;
  readonly inPlace: boolean;
}): readonly Line[] {
  const { plan, folder, from, dry, inPlace } = done;
  if (dry) return [line("Nothing was written. With --to DIR it would be, and you would type next:")];
  const keys = plan.keys.length === 0 ? [] : [line(`Remove ${makeVisible(folder)}/keys when they are set.`, "wait")];
  const original = inPlace ? `${from} is the copy now; the backup is there too` : `${from} is as it was`;
  return [line(`Wrote ${makeVisible(folder)}; ${original}. Nothing is signed.`, "good"), ...keys, line("Type next:")];
}
