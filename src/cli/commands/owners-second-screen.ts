import type { CliRequests } from "../../protocol/requests.ts";
import { DEMANDS, type Demand } from "../../protocol/second-screen.ts";
import { line, writeLines } from "../../showing/line.ts";
import { HOME, type Command } from "../command.ts";
import { insistBelow, prose } from "../insist-below.ts";
import { withMonitor } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import type { Check } from "../powers.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";

/** `aios owners second`: what a yes in the console takes besides a passkey. */
export const ownersSecondScreen: Command = {
  path: ["owners", "second"],
  summary: "demand a second screen in the console; you sign it",
  positionals: [{ name: "FOR", required: true, help: `what it is demanded for: ${DEMANDS.join(" or ")}` }],
  rest: null,
  flags: [HOME],
  details: [
    "A passkey shows nothing of what it signs, so a browser that was taken over could show one action and have another signed. With reserved, the console lets a reserved action run only with a code that aios approvals show tells below the same action. After three wrong ones it is answered at a terminal only. A denial never takes one.",
    "Both ways are signed with a key file: no passkey switches it off.",
  ],
  examples: ["owners second reserved", "owners second nothing"],
  async run(powers, args) {
    const given = args.required("FOR");
    const demand = DEMANDS.find((each) => each === given);
    if (demand === undefined)
      throw CliFailure.of("usage", `a second screen is not demanded for "${given}"`, DEMANDS.join(" or "));
    return await withMonitor({ powers, args }, async (client, home) => {
      const asked = { purpose: "set-second-screen", document: { for: demand } } as const;
      await client.request("prepare", asked);
      const session = await insistBelow(
        { powers, session: openSigningSession(powers, { home, keep: "once" }) },
        { lines: prose([describeDemand(demand)]), question: "Have it so?", screen: powers.err },
      );
      const seq = await prepareAndSign({ powers, client, session }, asked);
      writeLines(powers.out, [
        line(`a second screen is demanded for ${demand === "nothing" ? demand : "what is reserved"} (record ${seq})`),
      ]);
      return EXIT.ok;
    });
  },
};

/** What an owner demands of a yes in the console, in words. */
export function describeDemand(demand: Demand): string {
  return demand === "nothing"
    ? "no second screen: a passkey alone lets a reserved action run in the console"
    : "second screen: a reserved action runs from the console only with the code that aios approvals show tells";
}

/** What `aios doctor` says of it: nothing while nobody signs in a browser. */
export function checkSecondScreen({ owners, second }: CliRequests["owners"]["ok"]): readonly Check[] {
  if (second === "nothing" && !owners.some(({ key }) => key.kind === "passkey")) return [];
  const hint = second === "nothing" ? "aios owners second reserved demands one" : null;
  return [{ name: "second screen", state: hint === null ? "ok" : "note", found: describeDemand(second), hint }];
}
