import { beforeAll, describe, expect, test } from "vitest";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { CliFailure } from "../../src/cli/failure.ts";
import { runProgram } from "../../src/cli/program.ts";
import { canonicalize } from "../../src/kernel/canonical.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { createLogVerifier } from "../../src/main/log-verifier.ts";
import { writeExport } from "../../src/protocol/memory-export.ts";
import type { CliRequests } from "../../src/protocol/requests.ts";
import { LOG_KEY } from "../evidence/logs.ts";
import { createDesk, NOW, PASSPHRASE, type Desk } from "../fakes/cli-powers.ts";
import { contentOf, makeExport } from "../fakes/memory-export.ts";
import { documentOf } from "../fakes/memory-import.ts";
import { CRYPTO, ORIGIN } from "../fakes/open-log.ts";

/* `aios memory import`: what is shown, what is handed in and what is signed. */

const CONTENTS = [contentOf("The cheese is in the cellar"), contentOf("Turn \u202eback")];
let file: string;
beforeAll(async () => {
  const { head, lines } = await makeExport(CONTENTS);
  file = writeExport(head, lines);
});

async function importing(
  flags: readonly string[],
  { text = file, known = [], refuses = false }: { text?: string; known?: readonly number[]; refuses?: boolean } = {},
): Promise<{ readonly desk: Desk; readonly exit: number }> {
  const desk = createDesk({
    typed: ["y", PASSPHRASE],
    files: { "keeper.memory": text },
    answers: {
      // The first time all are handed in; of those some were here.
      "memory-deposit": ({ entries }) => ({
        known: entries.length < 2 ? [] : known.map((at) => ({ at, entry: 7, live: true })),
      }),
      prepare: ({ purpose, document }) => {
        if (refuses) throw CliFailure.of("usage", "refused by the monitor");
        const subject = CRYPTO.digest(canonicalize(document));
        const rest = { policy: `sha256:${"2".repeat(64)}`, start: "cd".repeat(16), expires: NOW + 300_000 };
        return { statement: { v: 1, purpose, nonce: "ab".repeat(16), subject, ...rest } };
      },
      submit: () => ({ seq: 42 }),
    },
  });
  const logs = createLogVerifier(CRYPTO, desk.powers.files);
  const exit = await runProgram(["memory", "import", "keeper.memory", "--key", LOG_KEY, ...flags], {
    ...desk.powers,
    logs,
  });
  return { desk, exit };
}
const bodies = <K extends keyof CliRequests>(desk: Desk, name: K): readonly CliRequests[K]["body"][] =>
  desk.monitor.asked.filter((asked) => asked.name === name).map(({ body }) => body as CliRequests[K]["body"]);
const signed = (of: typeof CONTENTS): JsonObject => documentOf(of, { origin: ORIGIN, size: 304 });

describe("an import", () => {
  test("is signed over exactly the entries that were verified and shown in full", async () => {
    const { desk, exit } = await importing([]);
    expect({ exit, out: desk.out() }).toEqual({
      exit: EXIT.ok,
      out: `imported 2 entries of ${ORIGIN} (record 42)\n`,
    });
    expect(desk.err()).toContain("| The cheese is in the cellar");
    expect(desk.err()).toContain("| Turn ‹U+202E›back");
    expect(desk.err()).toContain("labels: untrusted");
    expect(bodies(desk, "memory-deposit")).toMatchObject([
      { first: true, entries: [{}, {}].map(() => expect.any(String)) },
    ]);
    expect(bodies(desk, "submit").map(({ document }) => ({ ...document }))).toEqual([signed(CONTENTS)]);
  });

  test("of the rest is over what is not here yet", async () => {
    const { desk, exit } = await importing(["--rest"], { known: [0] });
    expect(exit).toBe(EXIT.ok);
    expect(bodies(desk, "memory-deposit").map(({ first, entries }) => [first, entries.length])).toEqual([
      [true, 2],
      [true, 1],
    ]);
    expect(desk.err()).not.toContain("cheese");
    expect(bodies(desk, "submit").map(({ document }) => ({ ...document }))).toEqual([signed(CONTENTS.slice(1))]);
  });

  test("that the monitor does not take is refused before anybody reads or signs it", async () => {
    const { desk, exit } = await importing([], { refuses: true });
    expect(exit).not.toBe(EXIT.ok);
    expect(desk.prompts).toEqual([]);
    expect(desk.err()).not.toContain("cheese");
  });

  test.each([
    ["of a changed text", (text: string) => text.replace("cellar", "attic!")],
    ["of a label less", (text: string) => text.replaceAll("untrusted", "private")],
    ["that was cut", (text: string) => text.slice(0, -2)],
    ["that is none", () => "{}"],
  ])("%s hands nothing in", async (_, change) => {
    const { desk, exit } = await importing([], { text: change(file) });
    expect(exit).toBe(EXIT.no);
    expect(desk.out()).toMatch(/^refused .*\(proof-refused\)\n$/u);
    expect(desk.monitor.asked.map(({ name }) => name)).not.toContain("memory-deposit");
  });
});
