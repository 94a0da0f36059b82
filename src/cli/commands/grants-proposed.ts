import type { ProposedDetail } from "../../protocol/proposed-grants.ts";
import { showSecondCode } from "../../protocol/second-screen.ts";
import { join, line, writeLines, type Line } from "../../showing/line.ts";
import { showMoment } from "../../showing/moment.ts";
import { LEAST_COLUMNS } from "../../showing/render-action.ts";
import { renderProposed } from "../../showing/render-proposed.ts";
import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import type { CliPowers, MonitorClient } from "../powers.ts";
import { layOutTable } from "../table.ts";

/** `aios grants proposed`: the grants on the monitor's desk, and the other screen of what the console has signed. */
export const grantsProposed: Command = {
  path: ["grants", "proposed"],
  summary: "show what is proposed and may be signed at the console",
  positionals: [{ name: "ID", required: false, help: "of one, to see it in full; left out: list them" }],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "Shows a proposed grant as the console does, from the bytes that are signed, with the same short code, as it was narrowed there.",
    "Where an owner demands a second screen (aios owners second), it tells the code that a signature in the console takes, below the very grant that it is for.",
  ],
  examples: ["grants proposed", "grants proposed lease-worker-3fa9c2d1"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const id = args.optional("ID");
      if (id === null) await list(client, { powers, json: args.has("json") });
      else {
        const detail = await client.request("proposed-grant", { id });
        if (args.has("json")) writeJson(powers, detail);
        else {
          writeLines(powers.out, shown(powers, detail));
          writeLines(powers.out, await tellSecond(client, detail));
        }
      }
      return EXIT.ok;
    });
  },
};

async function list(
  client: MonitorClient,
  { powers, json }: { readonly powers: CliPowers; readonly json: boolean },
): Promise<void> {
  const { proposed } = await client.request("proposed-grants", {});
  if (json) return writeJson(powers, { proposed });
  if (proposed.length === 0)
    return writeLines(powers.out, [line("No grant is proposed. aios propose makes one of what an agent asked for.")]);
  const rows = proposed.map(({ id, agent, instance, lease, expires }) => [
    id,
    agent,
    instance,
    lease ? "lease" : "grant",
    showMoment(expires, powers.offset(expires)),
  ]);
  writeLines(powers.out, layOutTable(["ID", "AGENT", "ASKED BY", "KIND", "ENDS"], rows));
}

/** Throws `CliFailure` `cannot-show`: then no code is told either. */
function shown(powers: CliPowers, detail: ProposedDetail): readonly Line[] {
  const { columns } = powers.out;
  const now = powers.now();
  const rendered =
    columns < LEAST_COLUMNS
      ? ({
          kind: "refused",
          why: `the terminal has ${columns} columns, and it takes at least ${LEAST_COLUMNS}`,
        } as const)
      : renderProposed(detail, { digest: powers.crypto.digest, columns, now, offset: powers.offset(now) });
  if (rendered.kind === "shown") return rendered.lines;
  throw CliFailure.of("cannot-show", `The proposed grant cannot be shown in full: ${rendered.why}`);
}

/** The code that a signature in the console takes, told below the grant that was just shown in full, and nowhere else. */
async function tellSecond(client: MonitorClient, { id, second, statement }: ProposedDetail): Promise<readonly Line[]> {
  if (second === "nothing") return [];
  const { code } = await client.request("proposed-code", { id, subject: statement.subject });
  if (code === null)
    return [line("second     none: too many wrong ones were signed, so sign it here: aios grants sign", "bad")];
  return [
    join(["faint", "second     "], ["strong", showSecondCode(code)]),
    line("           the console asks for it: type it there if it is this that you want to grant", "faint"),
  ];
}
