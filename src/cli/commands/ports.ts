import { AGENT_NAME, CLIENT_KEY, PORT_NAME } from "../../kernel/names.ts";
import type { OpenPort } from "../../protocol/port-entry.ts";
import { parseDuration } from "../../protocol/units.ts";
import { HOME, JSON_OUTPUT, type Command, type Flag } from "../command.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { grantedPorts, pairingGrant, type GrantedPort } from "../find-port.ts";
import { signGrant } from "../grant-file.ts";
import { originOf } from "../port-link.ts";
import { line, writeLines } from "../../showing/line.ts";
import type { MonitorClient } from "../powers.ts";
import { openSigningSession } from "../signing-session.ts";
import { layOutTable } from "../table.ts";

export const PAIRED_FOR = "30d";

/** How long a key is paired that is paired now. */
export const PAIR_FOR: Flag = { name: "for", value: "TIME", help: `how long it may come (default: ${PAIRED_FOR})` };

const AGENT = { name: "AGENT", required: true, help: "the agent whose port it is" } as const;
const PORT = { name: "PORT", required: true, help: "the port's name, from aios ports list" } as const;

/** `aios ports list`. */
export const portsList: Command = {
  path: ["ports", "list"],
  summary: "list the published ports, where they are and who may come",
  positionals: [],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "A port is open while an instance of its agent runs, at another address each time: nobody can have planted anything for it in a browser. Each row is one grant; revoking it takes back what it gives: aios grants revoke ID.",
  ],
  examples: ["ports list"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const { ports: open } = await client.request("open-ports", {});
      const ports = (await grantedPorts(client)).map((granted) => ({ ...granted, address: addressOf(granted, open) }));
      if (args.has("json")) writeJson(powers, { ports });
      else if (ports.length === 0) writeLines(powers.out, [line("No grant in force publishes a port.")]);
      else {
        const rows = ports.map(({ grant, agent, port, address }) => [
          agent,
          port.name,
          address ?? `closed (${port.outside})`,
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

/** `aios ports show`. */
export const portsShow: Command = {
  path: ["ports", "show"],
  summary: "show where a published port is, for programs",
  positionals: [AGENT, PORT],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "A program with a key of its own (aios ports pair) asks here for the host, which is another one with each opening, and signs the gate's challenge for it (docs/decisions/published-ports.md).",
  ],
  examples: ["ports show openclaw gateway --json"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const { agent, name, all } = await findGranted(client, args.required("AGENT"), args.required("PORT"));
      const { ports } = await client.request("open-ports", {});
      const open = ports.find((port) => port.agent === agent && port.port === name) ?? null;
      const at = open === null ? null : `${originOf(open)}/`;
      if (args.has("json")) {
        const grants = all.map(({ grant, port }) => ({ grant, keys: port.keys }));
        writeJson(powers, { agent, port: name, open: open === null ? null : { ...open, address: at }, grants });
        return EXIT.ok;
      }
      const keys = open?.keys ?? [...new Set(all.flatMap(({ port }) => port.keys))];
      writeLines(powers.out, [
        line(`${name} of ${agent}`, "strong"),
        line(at === null ? "closed: no instance of its agent publishes it now" : `open at ${at}`),
        ...(open === null ? [] : [line(`instance ${open.instance}, port ${open.inside} inside`)]),
        ...(keys.length === 0 ? [line("no key is paired")] : keys.map((key) => line(`may come: ${key}`))),
      ]);
      return EXIT.ok;
    });
  },
};

/** `aios ports pair`. */
export const portsPair: Command = {
  path: ["ports", "pair"],
  summary: "let a program come to a published port; you sign it",
  positionals: [AGENT, PORT, { name: "KEY", required: true, help: "the program's public key" }],
  rest: null,
  flags: [PAIR_FOR, HOME],
  details: [
    "This signs a grant that lets that key come: raw Ed25519 in base64url, 43 characters. aios grants revoke ends it at once. aios ports show says where the program finds the port.",
    "A browser needs none: aios ports open lets it in by your own key. What was paired for a browser's key before is of no use any more; aios grants revoke takes it away.",
  ],
  examples: ["ports pair openclaw gateway 7fcTfEsPnWZq6pYk8cGfQb3wq0bR1yqv5sW2fDm3xKE"],
  async run(powers, args) {
    const key = args.required("KEY");
    const span = parseDuration(args.value("for") ?? PAIRED_FOR);
    if (!CLIENT_KEY.test(key) || span === null)
      throw CliFailure.of("usage", "that is no agent, port, key or time", "aios ports pair --help");
    return await withMonitor({ powers, args }, async (client, home) => {
      const { agent, name, all } = await findGranted(client, args.required("AGENT"), args.required("PORT"));
      const id = `pair-${powers.random.hex(4)}`;
      const session = openSigningSession(powers, { home, keep: "once" });
      await signGrant({ powers, client, session }, pairingGrant(all[0], { id, key, from: powers.now(), span }));
      const hint = `It finds the port by aios ports show ${agent} ${name} --json. A browser comes in by aios ports open ${agent} ${name}.`;
      writeLines(powers.err, [line(hint)]);
      return EXIT.ok;
    });
  },
};

/** What grants in force say of one port. Throws `CliFailure` (`usage`, `not-found`). */
async function findGranted(
  client: MonitorClient,
  agent: string,
  name: string,
): Promise<{
  readonly agent: string;
  readonly name: string;
  readonly all: readonly [GrantedPort, ...GrantedPort[]];
}> {
  if (!AGENT_NAME.test(agent) || !PORT_NAME.test(name))
    throw CliFailure.of("usage", "that is no agent and port", "aios ports list shows those there are");
  const found = (await grantedPorts(client)).filter((each) => each.agent === agent && each.port.name === name);
  const [first, ...more] = found;
  if (first === undefined)
    throw CliFailure.of(
      "not-found",
      `No grant in force publishes a port "${name}" of ${agent}`,
      "aios ports list shows those there are",
    );
  return { agent, name, all: [first, ...more] };
}

/** Where it is open, or null. */
function addressOf({ agent, port }: GrantedPort, open: readonly OpenPort[]): string | null {
  const found = open.find((each) => each.agent === agent && each.port === port.name && each.outside === port.outside);
  return found === undefined ? null : `${originOf(found)}/`;
}
