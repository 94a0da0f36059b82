import { HOME, type Command } from "../command.ts";
import { insist } from "../confirm.ts";
import { withMonitor } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { line, writeLines } from "../line.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";

/** `aios thaw`: an owner lets a frozen instance go on, or an agent whose instance became terminal start again. */
export const thaw: Command = {
  path: ["thaw"],
  summary: "let a frozen instance go on; you sign for it",
  positionals: [{ name: "INSTANCE", required: false, help: "its id, from aios ps" }],
  rest: null,
  flags: [
    { name: "agent", value: "NAME", help: "instead: let this agent start again after a terminal instance" },
    HOME,
  ],
  details: [
    "An instance that became terminal never goes on. Its agent starts no new one until an owner has looked at why (aios ps --all, aios log show) and signed with --agent.",
  ],
  examples: ["thaw i-0123456789abcdef", "thaw --agent claude"],
  async run(powers, args) {
    const instance = args.optional("INSTANCE");
    const agent = args.value("agent");
    if ((instance === null) === (agent === null)) {
      throw CliFailure.of("usage", "aios thaw takes either an INSTANCE or --agent NAME", "aios ps --all lists both");
    }
    return await withMonitor({ powers, args }, async (client, home) => {
      const session = openSigningSession(powers, { home, keep: "once" });
      const parts = { powers, client, session };
      if (agent === null) {
        await insist(powers, `Let instance ${instance ?? ""} go on?`);
        await prepareAndSign(parts, { purpose: "thaw-instance", document: { instance } });
        writeLines(powers.out, [line(`${instance ?? ""} goes on`)]);
      } else {
        await insist(powers, `Let agent ${agent} start again?`);
        await prepareAndSign(parts, { purpose: "restart-agent", document: { agent } });
        writeLines(powers.out, [line(`${agent} may start again`)]);
      }
      return EXIT.ok;
    });
  },
};
