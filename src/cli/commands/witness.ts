import { JSON_OUTPUT, type Command } from "../command.ts";
import { writeJson } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { readInteger } from "../integer.ts";
import { line, writeLines } from "../../showing/line.ts";
import { layOutTable } from "../table.ts";
import { makeVisible } from "../../showing/visible.ts";

const DEFAULT_PORT = "7741";
const WITNESS_NAME = /^[a-z0-9](?:[a-z0-9./-]{0,98}[a-z0-9])?$/;
const FOLDER = { name: "DIR", required: true, help: "the witness's own folder: its key and what it has seen" } as const;

/** `aios witness serve`: cosigns checkpoints of logs that grow, for others. */
export const witnessServe: Command = {
  path: ["witness", "serve"],
  summary: "be a witness of other logs",
  positionals: [FOLDER],
  rest: null,
  flags: [
    { name: "name", value: "NAME", help: "a new witness's name, such as witness.example/one; its key has it for good" },
    { name: "log", value: "KEY", help: "the key of a log to look after, as aios log verify prints it", repeats: true },
    { name: "port", value: "N", help: `where it listens at 127.0.0.1 (default: ${DEFAULT_PORT}; 0: any)` },
  ],
  details: [
    "Speaks c2sp.org/tlog-witness: a log hands in a checkpoint with the proof that it grew from the last one, and gets a cosignature. What was seen last is durable before the answer, so that no log can show it two histories.",
    "It belongs on another machine than the log, or under another user. It needs no home and no monitor, and holds no authority. It listens at this machine only; put what carries it elsewhere in front.",
    "Its key, which readers of the log name with --witness, is shown first.",
  ],
  examples: ["witness serve ~/witness --name witness.example/one --log KEY"],
  async run(powers, args) {
    const name = args.value("name");
    if (name !== null && !WITNESS_NAME.test(name)) {
      throw CliFailure.of("usage", `"${name}" is no name of a witness`, "name it: --name witness.example/one");
    }
    const logs = args.values("log");
    if (logs.length === 0) throw CliFailure.of("usage", "A witness without a log has nothing to do", "add --log KEY");
    const port = readInteger(args.value("port") ?? DEFAULT_PORT, { name: "--port", min: 0, max: 65_535 });
    const folder = powers.resolve(args.required("DIR"));
    const running = await powers.witnesses.serve({
      folder,
      name,
      logs,
      port,
      report: (words) => writeLines(powers.out, [line(makeVisible(words))]),
    });
    writeLines(powers.out, [line(`key  ${running.key}`), line(`at   http://127.0.0.1:${running.port}/add-checkpoint`)]);
    await powers.interrupted();
    await running.close();
    return EXIT.ok;
  },
};

/** `aios witness show`: what a witness saw last. */
export const witnessShow: Command = {
  path: ["witness", "show"],
  summary: "show what a witness saw last of each log",
  positionals: [
    FOLDER,
    { name: "ORIGIN", required: false, help: "only this log: its cosigned checkpoint, as it is kept" },
  ],
  rest: null,
  flags: [JSON_OUTPUT],
  details: [
    "What is shown bears the witness's own cosignature; a file that does not is named, and exit code 1 says so. With a log's name it prints the cosigned checkpoint, which aios log verify takes with --against.",
  ],
  examples: ["witness show ~/witness", "witness show ~/witness aios.local/0123 > seen.checkpoint"],
  async run(powers, args) {
    const seen = await powers.witnesses.seen(powers.resolve(args.required("DIR")));
    const kept = seen.flatMap((each) => (each.kind === "kept" ? [each] : []));
    const changed = seen.flatMap((each) => (each.kind === "changed" ? [each.file] : []));
    const origin = args.optional("ORIGIN");
    if (origin !== null) {
      const found = kept.find((each) => each.origin === origin);
      if (found === undefined) throw CliFailure.of("not-found", `This witness has kept nothing of a log "${origin}"`);
      powers.out.write(found.note);
      return EXIT.ok;
    }
    if (args.has("json")) {
      writeJson(powers, { seen: kept.map(({ kind: _kind, note: _note, ...each }) => each), changed });
    } else {
      const rows = kept.map((each) => [makeVisible(each.origin), String(each.size), each.root]);
      writeLines(powers.out, layOutTable(["LOG", "SIZE", "ROOT"], rows));
      writeLines(
        powers.out,
        changed.map((file) => line(`${file} is not what this witness kept: somebody else wrote it`, "bad")),
      );
    }
    return changed.length === 0 ? EXIT.ok : EXIT.no;
  },
};
