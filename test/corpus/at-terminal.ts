import { readFileSync } from "node:fs";
import { runProgram } from "../../src/cli/program.ts";
import { CliFailure } from "../../src/cli/failure.ts";
import { createScreen } from "../../src/main/screen.ts";
import { createDesk } from "../fakes/cli-powers.ts";
import { heldWith, requestAt, type Entry } from "./corpus.ts";
import { pageOf } from "../fakes/monitor-client.ts";

/*
 * Shows every entry of a file at the terminal that it was given, as the command line does: `aios approvals show` or `list`, each
 * behind a line with the mark and its number.
 */

const [, , file = "", mark = ""] = process.argv;
const entries = JSON.parse(readFileSync(file, "utf8")) as readonly Pick<Entry, "stands" | "text">[];
const out = createScreen(process.stdout, { TERM: "xterm-256color" });
const err = createScreen(process.stderr, { TERM: "xterm-256color" });

for (const [index, entry] of entries.entries()) {
  const request = requestAt(index);
  const detail = heldWith(entry, request);
  const fail = (): never => {
    throw CliFailure.fromMonitor({ code: "failed", message: entry.text, hint: null });
  };
  const desk = createDesk({
    answers: {
      held: () => (entry.stands === "error" ? fail() : pageOf([detail])),
      "held-show": () => detail,
    },
  });
  out.write(`${mark}:${index}\n`);
  await runProgram(["approvals", ...(entry.stands === "list" ? ["list"] : ["show", request])], {
    ...desk.powers,
    out,
    err,
  });
}
out.write(`${mark}:end\n`);
