import { AGENT_NAME } from "../../kernel/names.ts";
import type { RunRequest } from "../../protocol/requests.ts";
import { HOME, QUIET, type Command } from "../command.ts";
import { withMonitor } from "../connection.ts";
import { CliFailure } from "../failure.ts";
import { readInteger } from "../integer.ts";
import type { CliPowers } from "../powers.ts";
import { openSigningSession } from "../signing-session.ts";
import { runInstance } from "./run.ts";

/** A person is told at the desktop, and answers elsewhere. */
const HOLD_SECONDS = "300";

/** `aios mcp`: what a client outside starts as its one MCP server. */
export const mcp: Command = {
  path: ["mcp"],
  summary: "be the one MCP server of a client that runs outside",
  positionals: [],
  rest: null,
  flags: [
    { name: "agent", value: "NAME", help: "whose grants count, for example cursor-mcp" },
    { name: "workspace", value: "DIR", help: "folder that its tools see as /workspace" },
    { name: "hold-seconds", value: "N", help: `how long a held action waits (default: ${HOLD_SECONDS})` },
    QUIET,
    HOME,
  ],
  details: [
    "Speaks MCP on its standard streams, for a program that starts it: aios adopt CLIENT writes it into a configuration. What it offers is what the grants of that agent name, and every call passes the same stages as those of an agent inside; without a grant it offers nothing of anybody's.",
    "It governs what goes through it. The client itself still runs with everything that you have: aios run -- CMD seals it.",
    "Nobody can sign here, whoever sits at the terminal: what is held is answered with aios approvals, aios top or aios console.",
  ],
  examples: ["mcp --agent cursor-mcp"],
  async run(powers, args) {
    const agent = args.value("agent") ?? "";
    if (!AGENT_NAME.test(agent))
      throw CliFailure.of("usage", "aios mcp needs the name of an agent", "aios mcp --agent NAME");
    if (powers.out.terminal) {
      throw CliFailure.of(
        "usage",
        "aios mcp speaks to a program, and its output is a terminal",
        "aios adopt CLIENT puts it into a client's configuration",
      );
    }
    const holdSeconds = readInteger(args.value("hold-seconds") ?? HOLD_SECONDS, {
      name: "--hold-seconds",
      min: 1,
      max: 86_400,
    });
    const folder = args.value("workspace");
    const workspace = folder === null ? null : powers.resolve(folder);
    const unattended = withoutPerson(powers);
    return await withMonitor({ powers: unattended, args }, async (client, home) => {
      const { grants } = await client.request("grants", {});
      if (!grants.some((grant) => grant.state === "active" && grant.agents.includes(agent)))
        powers.err.write(`aios: no grant is in force for ${agent}: it is offered nothing of anybody's\n`);
      const request: RunRequest = {
        agent,
        command: ["/aios/node", "--no-warnings", powers.speaker],
        code: [powers.speaker],
        workspace,
        task: null,
        strict: false,
        parent: null,
        environment: {},
        holdAt: [],
        streams: powers.random.hex(16),
        holdSeconds,
      };
      const signing = openSigningSession(unattended, { home, keep: "once" });
      return await runInstance({ powers: unattended, client, home, signing, quiet: args.has("quiet") }, request);
    });
  },
};

/** The terminal of the program that started this one is not a person's at this command: keys there are not for us. */
function withoutPerson(powers: CliPowers): CliPowers {
  return {
    ...powers,
    person: null,
    agents: {
      findProgram: (command) => powers.agents.findProgram(command),
      offerStreams: (offer) => powers.agents.offerStreams({ ...offer, program: true }),
    },
  };
}
