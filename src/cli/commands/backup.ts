import { writeProof } from "../../protocol/proof-file.ts";
import { line, writeLines, type Line } from "../../showing/line.ts";
import { showMoment } from "../../showing/moment.ts";
import { makeVisible } from "../../showing/visible.ts";
import type { RestoredHome } from "../backup-powers.ts";
import { HOME, type Command } from "../command.ts";
import { withMonitor } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { askNewPassphrase } from "../passphrase.ts";
import type { CliPowers, Person } from "../powers.ts";

/** A checkpoint with a hundred cosignatures has less. */
const MAX_NOTE_BYTES = 64 * 1024;

/** `aios backup`: a copy of a home that opens nothing by itself, and on request a sealed file of keys. */
export const backup: Command = {
  path: ["backup"],
  summary: "back a home up while its monitor runs",
  positionals: [{ name: "TO", required: true, help: "a folder that is made" }],
  rest: null,
  flags: [
    { name: "keys", value: "FILE", help: "make a file of keys too, behind a passphrase; keep it elsewhere" },
    HOME,
  ],
  details: [
    "The folder has the log with everything sealed beside it, secrets, files put into agents' homes and where alerts go, all at one size of the log and verified. It has no key: whoever has it alone can verify it and opens nothing of it. It can be kept for ever.",
    "It opens with the keys that the home has when it is restored, so that what was erased by then stays gone. When the machine may be lost, make a file of keys as well: it opens what was there when it was made, also what is erased later, so replace it with every backup and destroy the older ones. What agents keep for a time is in neither.",
    "What agents wrote into their homes (volumes) and the store of extensions are not in it.",
  ],
  examples: ["backup /mnt/disk/monday", "backup /mnt/disk/monday --keys /mnt/stick/home.keys"],
  async run(powers, args) {
    const home = powers.home(args.value("home")).path;
    const to = powers.resolve(args.required("TO"));
    const given = args.value("keys");
    const keyFile = given === null ? null : powers.resolve(given);
    for (const path of [to, keyFile ?? to])
      if (isIn(home, path)) throw CliFailure.of("usage", "A backup does not lie in the home", "name another place");
    if (keyFile !== null && isIn(to, keyFile))
      throw CliFailure.of("usage", "The file of keys would lie in the backup that it opens", "keep it elsewhere");
    const passphrase = keyFile === null ? "" : await askNewPassphrase(personOf(powers), "the file of keys");
    return await withMonitor({ powers, args }, async (client) => {
      const { size, note } = await client.request("backup-begin", {});
      const begun = await powers.backups.begin({ home, to, size, note, keyFile });
      try {
        const { manifest } = begun;
        const { seq } = await client.request("backup-made", { size, manifest, keys: keyFile !== null });
        const { proof } = await client.request("log-prove", { seq });
        await begun.finish({ proof: writeProof(proof), passphrase });
        writeLines(powers.out, [
          line(`${size} records are backed up in ${makeVisible(to)} (record ${seq})`, "good"),
          line(`  ${begun.files} files, ${begun.bytes} bytes; it opens nothing by itself`, "faint"),
          ...(keyFile === null ? [] : [line(`  ${makeVisible(keyFile)} opens it; destroy older ones`, "faint")]),
        ]);
        return EXIT.ok;
      } catch (error) {
        begun.drop();
        throw error;
      }
    });
  },
};

/** `aios restore`: a home from a backup, in which nothing goes on until an owner says so. */
export const restore: Command = {
  path: ["restore"],
  summary: "make a home from a backup",
  positionals: [{ name: "FROM", required: true, help: "the folder of a backup" }],
  rest: null,
  flags: [
    { name: "keys", value: "PATH", help: "the file of keys, or the folder keys of the home that the backup is of" },
    {
      name: "against",
      value: "FILE",
      help: "a checkpoint of the log that was kept elsewhere; may be newer than the backup",
      repeats: true,
    },
    HOME,
  ],
  details: [
    "Verifies everything first: the manifest by the log's own record of it, every file by the manifest, the log by its signed checkpoint, every payload by its record. The home is made where nothing is, and put there in one step.",
    "What happened after the backup is lost, so nothing comes back that could have been used up, taken back or replaced by then: every grant and lease is revoked, what was held is gone, recovery codes are void, what agents kept for a time has ended, frozen versions wait for a newer signature, what was taken into quarantine since stands where the log of that home lies beside its folder of keys and is to be taken there again otherwise, and everything is frozen until an owner thaws it (aios thaw --all). The log says that it was restored and from where.",
    "Owners, policy, secrets and providers are those of the backup: look through them first. Witnesses that saw more of the log refuse it from now on, and aios log verify --against shows the gap.",
  ],
  examples: ["restore /mnt/disk/monday --keys /mnt/stick/home.keys", "restore /mnt/disk/monday --keys old/keys"],
  async run(powers, args) {
    const home = powers.home(args.value("home"));
    const keys = args.value("keys");
    if (keys === null)
      throw CliFailure.of("usage", "A backup opens with keys only", "name the file or the folder: --keys PATH");
    const against: string[] = [];
    for (const path of args.values("against")) against.push(await powers.files.read(path, MAX_NOTE_BYTES));
    const { size, known, made, quarantines } = await powers.backups.restore({
      from: powers.resolve(args.required("FROM")),
      home: home.path,
      keys: powers.resolve(keys),
      against,
      async passphrase() {
        const typed = await personOf(powers).askPassphrase("passphrase of the file of keys: ");
        if (typed === null) throw CliFailure.of("not-confirmed", "Nothing was restored: no passphrase was given");
        return typed;
      },
    });
    writeLines(powers.out, [
      line(
        `${makeVisible(home.path)} is restored: ${size} records, as of ${showMoment(made, powers.offset(made))}`,
        "good",
      ),
      line(`  what came after the backup is lost: ${describeLost(size, known, quarantines)}`, "wait"),
      describeQuarantines(quarantines),
      line("  every grant is revoked and everything is frozen: look through owners and policy,", "wait"),
      line("  sign grants anew, and then let it go on with aios thaw --all", "wait"),
    ]);
    return EXIT.ok;
  },
};

/** Only a log that goes on from the backup says how much that is. */
function describeLost(size: number, known: number, later: RestoredHome["quarantines"]): string {
  if (later.kind === "known") return `${later.end - size} records, by the log beside the keys`;
  return `${known - size} records or more`;
}

function describeQuarantines(later: RestoredHome["quarantines"]): Line {
  if (later.kind === "known")
    return line(`  quarantines of memory from after the backup stand, by the log beside the keys: ${later.count}`);
  const why = `  quarantines of memory from after the backup are not known (${makeVisible(later.why)}):`;
  return line(`${why} take them again with aios memory quarantine before you thaw`, "wait");
}

function personOf({ person }: Pick<CliPowers, "person">): Person {
  if (person === null)
    throw CliFailure.of("no-terminal", "A passphrase is read from a terminal only, and there is none");
  return person;
}

function isIn(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
