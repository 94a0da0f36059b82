import { readStage } from "./run.ts";
import { HOME, type Command } from "../command.ts";
import { insist } from "../confirm.ts";
import { withMonitor } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { line, writeLines } from "../../showing/line.ts";
import { plainQuestion } from "../../showing/plain-statement.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";

/** `aios hold`: from now on every action of a running instance waits for a human. Needs no signature; lifting it does. */
export const hold: Command = {
  path: ["hold"],
  summary: "let every action of a running instance wait for you",
  positionals: [{ name: "INSTANCE", required: true, help: "its id, from aios ps" }],
  rest: null,
  flags: [
    { name: "at", value: "STAGE", help: "a stage, as in aios run --hold-at (default: approve)", repeats: true },
    { name: "lift", value: null, help: "instead: let actions pass again as the grants say; you sign for it" },
    HOME,
  ],
  details: [
    "What its grants and leases would let pass waits too, and so does everything that instances below it ask for. The six stages up to the driver are one step, so an action waits before it has any effect, whichever of them is named. What a human cannot be shown in full, such as a body for a model, is denied meanwhile.",
    "Asking for it needs no passphrase. --lift does: it gives back what you took.",
  ],
  examples: ["hold i-0123456789abcdef", "hold i-0123456789abcdef --lift"],
  async run(powers, args) {
    const instance = args.required("INSTANCE");
    const named = args.values("at").map(readStage);
    if (args.has("lift") && named.length > 0)
      throw CliFailure.of("usage", "aios hold takes either --at or --lift", "--lift lifts it at every stage");
    return await withMonitor({ powers, args }, async (client, home) => {
      if (args.has("lift")) {
        await insist(powers, plainQuestion({ purpose: "lift-hold", value: instance }));
        const session = openSigningSession(powers, { home, keep: "once" });
        await prepareAndSign({ powers, client, session }, { purpose: "lift-hold", document: { instance } });
        writeLines(powers.out, [line(`${instance} acts as its grants say`)]);
        return EXIT.ok;
      }
      await client.request("hold", { instance, stages: named.length === 0 ? ["approve"] : named });
      writeLines(powers.out, [line(`every action of ${instance} waits for you: aios approvals list`)]);
      return EXIT.ok;
    });
  },
};
