import { readFileSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { REPO, type Ran, type Substrate } from "../e2e/substrate.ts";

/** Runs the program of `inner-program.ts` as an agent; it listens on that port inside. */
export function runInside(
  aios: Substrate,
  { agent, port }: { readonly agent: string; readonly port: number },
): Promise<Ran> {
  const program = join(aios.workspace, "inner-program.mjs");
  const source = readFileSync(join(REPO, "test/fakes/inner-program.ts"), "utf8");
  writeFileSync(program, stripTypeScriptTypes(source), { mode: 0o644 });
  return aios.run({ agent, command: ["/aios/node", program, String(port)], code: [program] });
}
