import { isGrave, type WitnessesView, type WitnessView } from "../../protocol/witness-standing.ts";
import { describeTrouble } from "../../showing/describe-witness.ts";
import { line, writeLines, type Line } from "../../showing/line.ts";
import { showMoment } from "../../showing/moment.ts";
import { makeVisible } from "../../showing/visible.ts";
import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import type { Check, CliPowers } from "../powers.ts";

/** `aios witness list`: who witnesses this home's log, and how far. */
export const witnessList: Command = {
  path: ["witness", "list"],
  summary: "show who witnesses this home's log, and how far",
  positionals: [],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "Of each witness: how many records it has cosigned, and why it did not cosign the last time that it was asked. One that has seen more records of this log than there are, or others, shows that the log was rolled back or forked: aios log verify --against a checkpoint or a copy that you kept says from which record on. Exit code 1 then.",
  ],
  examples: ["witness list"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const view = await client.request("witnesses", {});
      if (args.has("json")) writeJson(powers, { ...view });
      else writeLines(powers.out, describe(view, powers));
      return hasGrave(view) ? EXIT.no : EXIT.ok;
    });
  },
};

/** What `aios doctor` says of them; a log that nobody witnesses is nothing to look at. */
export function checkWitnesses(view: WitnessesView): readonly Check[] {
  const { witnesses, quorum, size } = view;
  if (quorum === 0) return [];
  const troubles = witnesses.flatMap((each) => (each.trouble === null ? [] : [sayTrouble(each, each.trouble)]));
  if (hasGrave(view)) return [{ name: "witnesses", state: "fault", found: troubles.join("; "), hint: NOT_THE_SAME }];
  const found = [sayCovered({ witnesses, quorum, size }), ...troubles].join("; ");
  if (troubles.length === 0) return [{ name: "witnesses", state: "ok", found, hint: null }];
  return [{ name: "witnesses", state: "note", found, hint: "aios witness list says how far each has come" }];
}

const NOT_THE_SAME =
  "this log is not the one that was witnessed: aios log verify --against a checkpoint or copy that you kept says from which record on; a witness's own is in aios witness show, where it runs";

function hasGrave({ witnesses }: Pick<WitnessesView, "witnesses">): boolean {
  return witnesses.some(({ trouble }) => trouble !== null && isGrave(trouble.code));
}

/** How far a quorum has cosigned: what so many of them have, each at least. */
function sayCovered({ witnesses, quorum, size }: Pick<WitnessesView, "witnesses" | "quorum" | "size">): string {
  const sizes = witnesses.flatMap((each) => each.size ?? []).toSorted((left, right) => right - left);
  const covered = sizes[quorum - 1] ?? 0;
  if (covered === 0)
    return `${sizes.length} of ${witnesses.length} have cosigned anything; ${quorum} must, and the log has ${size} records`;
  return `${quorum} of ${witnesses.length} have cosigned ${covered} of ${size} records`;
}

function sayTrouble({ name }: WitnessView, trouble: NonNullable<WitnessView["trouble"]>): string {
  return `${makeVisible(name)} ${describeTrouble(trouble)}`;
}

function describe(view: WitnessesView, powers: CliPowers): readonly Line[] {
  const { witnesses, quorum, before } = view;
  if (quorum === 0) return [line("nobody witnesses this log; aios witness use says who does")];
  const waits = before === "reserved" ? "; what is reserved waits for them" : "";
  return [
    line(`${sayCovered(view)}${waits}`, hasGrave(view) ? "bad" : "plain"),
    ...witnesses.flatMap((each): readonly Line[] => {
      const { name, at, size, trouble } = each;
      const far = size === null ? "has cosigned nothing yet" : `has cosigned ${size} records`;
      const first = line(`  ${makeVisible(name)} at ${makeVisible(at)} ${far}`);
      if (trouble === null) return [first];
      const when = showMoment(trouble.at, powers.offset(trouble.at));
      const tone = isGrave(trouble.code) ? "bad" : "wait";
      return [first, line(`    ${sayTrouble(each, trouble)} (asked ${when})`, tone)];
    }),
  ];
}
