import type { DetonationAnswer } from "../extensions/detonate/finding.ts";
import { line, writeLines } from "../showing/line.ts";
import type { Arguments } from "./arguments.ts";
import type { Flag } from "./command.ts";
import type { Shown } from "./compare-extensions.ts";
import { CliFailure } from "./failure.ts";
import type { CliPowers, DetonationWords, Home } from "./powers.ts";
import { nameExtension } from "./show-extension.ts";

/** Of `ext add`, `trust` and `update`. */
export const DETONATE: Flag = {
  name: "detonate",
  value: null,
  help: "run it in a sealed sandbox first, and show what it did",
};

/** Where the store keeps the tree of an extension; a host path. */
export function storedTree(home: Home, id: string): string {
  return `${home.path}/extensions/${id.slice("sha256:".length)}/tree`;
}

/**
 * What an extension of the store does when it is run, where `--detonate` asks for it; null when nobody did. Bound to every
 * byte: what was run has the digest that is signed, or the answer is a failure. Throws `CliFailure` `usage` for what has no files.
 */
export async function detonateStored(
  powers: CliPowers,
  args: Arguments,
  { home, shown, words }: { readonly home: Home; readonly shown: Shown; readonly words: DetonationWords },
): Promise<DetonationAnswer | null> {
  if (!args.has(DETONATE.name)) return null;
  const { id, kind } = shown.extension;
  if (kind === "http") throw noFiles(id);
  const patience = "running it in a sealed sandbox, which takes some seconds, and three minutes at most";
  writeLines(powers.err, [line(patience, "faint")]);
  const answer = await powers.detonation.run(storedTree(home, id), words);
  if (answer.kind === "failed" || answer.report.digest === id) return answer;
  const message = `what was run is ${answer.report.digest}, and not what was added`;
  return { kind: "failed", code: "extension-damaged", message, hint: "aios ext show compares every byte of it" };
}

/** Refuses an answer that is none. */
export function insistOnDetonation(answer: DetonationAnswer | null, shown: Shown): void {
  if (answer === null || answer.kind === "report") return;
  const what = `Cannot detonate ${nameExtension(shown.extension)}: ${answer.message} (${answer.code})`;
  throw CliFailure.of("not-detonated", what, answer.hint ?? "without --detonate nothing of it is run for the report");
}

export function noFiles(what: string): CliFailure {
  return CliFailure.of("usage", `"${what}" is a server elsewhere: there is nothing here that could be detonated`);
}
