import { AGENT_NAME, PORT_NAME } from "../../kernel/names.ts";
import { LINK_MS, type OpenPort } from "../../protocol/port-entry.ts";
import { parseDuration } from "../../protocol/units.ts";
import { line, writeLines } from "../../showing/line.ts";
import { HOME, type Command } from "../command.ts";
import { withMonitor } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { chooseOpen, pairingGrant } from "../find-port.ts";
import { signGrant } from "../grant-file.ts";
import { askForLink, clientKey, originOf } from "../port-link.ts";
import type { CliPowers, MonitorClient } from "../powers.ts";
import { openSigningSession } from "../signing-session.ts";
import { PAIR_FOR, PAIRED_FOR } from "./ports.ts";

/** `aios ports open`. */
export const portsOpen: Command = {
  path: ["ports", "open"],
  summary: "let your browser in at a published port, by your key",
  positionals: [
    { name: "AGENT", required: false, help: "the agent whose port it is" },
    { name: "PORT", required: false, help: "the port's name; neither is needed while only one port is open" },
  ],
  rest: null,
  flags: [
    { name: "print", value: null, help: "print the link instead of opening a browser" },
    { ...PAIR_FOR, help: `how long your key is paired, when it is not yet (default: ${PAIRED_FOR})` },
    HOME,
  ],
  details: [
    "Your owner key signs a challenge of the port's gate for this one address; no key is made in the browser and none lies in a file. The gate gives a link that lets one browser in, once, within a minute, for twelve hours. The first time you sign a grant that pairs your key with the port.",
    "The link is handed to the browser in a file that only you read, since every user of a machine sees what a program is started with. Where a browser cannot read such a file, say --print and paste the link.",
  ],
  examples: ["ports open", "ports open openclaw gateway --print"],
  async run(powers, args) {
    const [agent, name] = [args.optional("AGENT"), args.optional("PORT")];
    const span = parseDuration(args.value("for") ?? PAIRED_FOR);
    if ((agent !== null && !AGENT_NAME.test(agent)) || (name !== null && !PORT_NAME.test(name)) || span === null)
      throw CliFailure.of("usage", "that is no agent, port or time", "aios ports open --help");
    return await withMonitor({ powers, args }, async (client, home) => {
      const port = chooseOpen((await client.request("open-ports", {})).ports, { agent, name });
      // Kept for this command alone: whoever is not paired yet signs twice.
      const session = openSigningSession(powers, { home, keep: "session" });
      try {
        const signer = await session.unlock();
        const key = clientKey(signer);
        if (!port.keys.includes(key)) {
          writeLines(powers.err, [line("Your key is not paired with this port yet. This grant pairs it:", "wait")]);
          const id = `pair-${powers.random.hex(4)}`;
          const found = { agent: port.agent, port: { ...port, name: port.port } };
          const grant = pairingGrant(found, { id, key, from: powers.now(), span });
          await signGrant({ powers, client, session }, grant);
        }
        const link = await askForLink(powers, { port, signer });
        if (args.has("print")) printLink(powers, link);
        else await openLink(powers, { client, port, key, link });
        return EXIT.ok;
      } finally {
        session.forget();
      }
    });
  },
};

function printLink(powers: Pick<CliPowers, "out" | "err">, link: string): void {
  powers.out.write(`${link}\n`);
  writeLines(powers.err, [line("Open it within a minute; it lets one browser in, once.")]);
}

interface Opening {
  readonly client: MonitorClient;
  readonly port: OpenPort;
  readonly key: string;
  readonly link: string;
}

/** Stays until the browser is in, so that nothing of the link is left when this ends. */
async function openLink(powers: CliPowers, { client, port, key, link }: Opening): Promise<void> {
  const entered = new Promise<"entered">((resolve) => {
    client.onEvent("record", ({ record }) => {
      if (record.kind !== "port-entered" || record.instance !== port.instance) return;
      if (record.port === port.port && record.key === key) resolve("entered");
    });
  });
  await client.request("watch", { instance: port.instance });
  const browser = await powers.doors.browse(link);
  if (browser === null) return printLink(powers, link);
  const over = Promise.withResolvers<"over">();
  const cancel = powers.timer.after(LINK_MS, () => over.resolve("over"));
  const interrupted = powers.interrupted().then(() => "interrupted" as const);
  const failed = browser.failed.then(() => "failed" as const);
  try {
    const outcome = await Promise.race([entered, over.promise, failed, interrupted]);
    if (outcome === "failed") return printLink(powers, link);
    if (outcome === "interrupted")
      throw CliFailure.of("interrupted", "Nobody came by the link, which is over in a minute");
    if (outcome === "over")
      throw CliFailure.of("port-refused", "No browser came by the link within its minute", "aios ports open --print");
    writeLines(powers.out, [line(`Your browser is in: ${port.port} of ${port.agent} at ${originOf(port)}/`, "good")]);
  } finally {
    cancel();
    browser.close();
  }
}
