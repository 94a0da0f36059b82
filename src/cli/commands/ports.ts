import type { Grant, PortGrant } from "../../kernel/grant.ts";
import { AGENT_NAME, CLIENT_KEY, PORT_NAME } from "../../kernel/names.ts";
import { parseDuration } from "../../protocol/units.ts";
import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { portAddress } from "../../showing/describe-port.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { signGrant } from "../grant-file.ts";
import { line, writeLines } from "../../showing/line.ts";
import type { MonitorClient } from "../powers.ts";
import { openSigningSession } from "../signing-session.ts";
import { layOutTable } from "../table.ts";
import { makeVisible } from "../../showing/visible.ts";

const PAIRED_FOR = "30d";

/** A port of an agent, and the grant that says so. */
interface Found {
  readonly grant: string;
  readonly agent: string;
  readonly port: PortGrant;
}

/** `aios ports list`. */
export const portsList: Command = {
  path: ["ports", "list"],
  summary: "list the published ports and who may come",
  positionals: [],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "A port is published while an instance of its agent runs. Each row is one grant; revoking it takes back what it gives: aios grants revoke ID.",
  ],
  examples: ["ports list"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const ports = await findPorts(client);
      if (args.has("json")) writeJson(powers, { ports });
      else if (ports.length === 0) writeLines(powers.out, [line("No grant in force publishes a port.")]);
      else {
        const rows = ports.map(({ grant, agent, port }) => [
          agent,
          port.name,
          portAddress(agent, port),
          String(port.inside),
          port.keys.length === 0 ? "-" : port.keys.join(","),
          grant,
        ]);
        writeLines(powers.out, layOutTable(["AGENT", "PORT", "ADDRESS", "INSIDE", "KEYS", "GRANT"], rows));
      }
      return EXIT.ok;
    });
  },
};

/** `aios ports pair`. */
export const portsPair: Command = {
  path: ["ports", "pair"],
  summary: "let a browser come to a published port; you sign it",
  positionals: [
    { name: "AGENT", required: true, help: "the agent whose port it is" },
    { name: "PORT", required: true, help: "the port's name, from aios ports list" },
    { name: "KEY", required: true, help: "the client's public key, which the port's page shows" },
  ],
  rest: null,
  flags: [{ name: "for", value: "TIME", help: `how long it may come (default: ${PAIRED_FOR})` }, HOME],
  details: [
    "Open the port's address in the browser: its page shows the key of that browser, which never leaves it. This signs a grant that lets that key come. aios grants revoke ends it at once.",
  ],
  examples: ["ports pair openclaw gateway 7fcTfEsPnWZq6pYk8cGfQb3wq0bR1yqv5sW2fDm3xKE"],
  async run(powers, args) {
    const [agent, name, key] = [args.required("AGENT"), args.required("PORT"), args.required("KEY")];
    const span = parseDuration(args.value("for") ?? PAIRED_FOR);
    if (!AGENT_NAME.test(agent) || !PORT_NAME.test(name) || !CLIENT_KEY.test(key) || span === null)
      throw CliFailure.of("usage", "that is no agent, port, key or time", "aios ports pair --help");
    return await withMonitor({ powers, args }, async (client, home) => {
      const [found] = (await findPorts(client)).filter((each) => each.agent === agent && each.port.name === name);
      if (found === undefined) {
        const what = `Cannot pair: no grant in force publishes a port "${makeVisible(name)}" of ${makeVisible(agent)}`;
        throw CliFailure.of("not-found", what, "aios ports list shows those there are");
      }
      const now = powers.now();
      const grant: Grant = {
        v: 1,
        id: `pair-${powers.random.hex(4)}`,
        agents: [agent],
        drivers: {},
        allow: [],
        limits: { uses: null, rate: null, bytes: null, notBefore: now, expires: now + span },
        lease: false,
        sandbox: {
          workspace: "none",
          folder: null,
          programs: "none",
          home: null,
          ports: [{ ...found.port, keys: [key] }],
        },
      };
      const session = openSigningSession(powers, { home, keep: "once" });
      await signGrant({ powers, client, session }, grant);
      return EXIT.ok;
    });
  },
};

async function findPorts(client: MonitorClient): Promise<readonly Found[]> {
  const { grants } = await client.request("grants", {});
  const active = grants.filter(({ state }) => state === "active" || state === "used-up");
  const shown = await Promise.all(active.map(({ id }) => client.request("grant-show", { id })));
  return shown.flatMap(({ grant: { id, agents, sandbox } }) =>
    agents.flatMap((agent) => sandbox.ports.map((port) => ({ grant: id, agent, port }))),
  );
}
