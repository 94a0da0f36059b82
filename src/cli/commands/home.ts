import { HOME, JSON_OUTPUT, type Command, type Positional } from "../command.ts";
import { insist } from "../confirm.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { join, line, writeLines, type Line } from "../../showing/line.ts";
import { showBytes } from "../../showing/moment.ts";
import type { MonitorClient } from "../powers.ts";
import { MAXIMUM_BYTES, MAXIMUM_LINES } from "../../showing/render-action.ts";
import { showText } from "../show-text.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";
import { layOutTable } from "../table.ts";
import { isHomePath } from "../../kernel/home-grant.ts";
import { AGENT_NAME } from "../../kernel/names.ts";
import type { HomeView } from "../../protocol/requests.ts";

const AGENT: Positional = { name: "AGENT", required: true, help: "the agent's name, as grants use it" };

/** `aios home list`. */
export const homeList: Command = {
  path: ["home", "list"],
  summary: "list what agents keep between runs",
  positionals: [],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "An agent has a home that lasts when a grant in force gives it one (sandbox.home); without, its home is in memory and ends with the run.",
  ],
  examples: ["home list"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const { homes } = await client.request("homes", { agent: null });
      if (args.has("json")) writeJson(powers, { homes });
      else if (homes.length === 0) writeLines(powers.out, [line("No agent keeps anything.")]);
      else {
        const rows = homes.map((home) => [
          home.agent,
          home.bytes === null ? "unreadable" : showBytes(home.bytes),
          home.entries === null ? "" : String(home.entries),
          String(home.files.length),
          home.instance ?? "nobody",
        ]);
        writeLines(powers.out, layOutTable(["AGENT", "SIZE", "ENTRIES", "PUT THERE", "USED BY"], rows));
      }
      return EXIT.ok;
    });
  },
};

/** `aios home show`. */
export const homeShow: Command = {
  path: ["home", "show"],
  summary: "show how large an agent's home is and what you put there",
  positionals: [AGENT],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: ["What the agent itself wrote is not listed: it is whatever the agent wants it to look like."],
  examples: ["home show claude"],
  async run(powers, args) {
    const agent = readAgent(args.required("AGENT"));
    return await withMonitor({ powers, args }, async (client) => {
      const home = await findHomeOf(client, agent);
      if (args.has("json")) writeJson(powers, home);
      else writeLines(powers.out, describeHome(home));
      return EXIT.ok;
    });
  },
};

/** `aios home wipe`. */
export const homeWipe: Command = {
  path: ["home", "wipe"],
  summary: "remove what an agent kept; you sign it",
  positionals: [AGENT],
  rest: null,
  flags: [HOME],
  details: [
    "Everything that the agent wrote in its home is removed for good: its login, its sessions, its settings. What you put there stays.",
  ],
  examples: ["home wipe claude"],
  async run(powers, args) {
    const agent = readAgent(args.required("AGENT"));
    return await withMonitor({ powers, args }, async (client, home) => {
      writeLines(powers.err, describeHome(await findHomeOf(client, agent)));
      await insist(powers, `Remove all that ${agent} kept?`);
      const session = openSigningSession(powers, { home, keep: "once" });
      const seq = await prepareAndSign({ powers, client, session }, { purpose: "wipe-home", document: { agent } });
      writeLines(powers.out, [line(`removed what ${agent} kept (record ${seq})`)]);
      return EXIT.ok;
    });
  },
};

/** `aios home put`. */
export const homePut: Command = {
  path: ["home", "put"],
  summary: "put a read-only file into an agent's home; you sign it",
  positionals: [
    AGENT,
    { name: "PATH", required: true, help: "where, below the home: .claude/CLAUDE.md" },
    { name: "FILE", required: true, help: "a text file of yours" },
  ],
  rest: null,
  flags: [HOME],
  details: [
    `The text is shown in full, at most ${MAXIMUM_LINES} lines and ${MAXIMUM_BYTES / 1024} KiB. It is there, read-only, from the next start on in which a grant seals that path (sandbox.home.sealed). An empty file takes the content away again.`,
  ],
  examples: ["home put claude .claude/CLAUDE.md ./CLAUDE.md"],
  async run(powers, args) {
    const agent = readAgent(args.required("AGENT"));
    const path = args.required("PATH");
    if (!isHomePath(path) || path.endsWith("/")) {
      throw CliFailure.of("usage", `"${path}" is no path of a file below the home`, "for example .claude/CLAUDE.md");
    }
    const text = await powers.files.read(args.required("FILE"), MAXIMUM_BYTES);
    const shown = showText(text, powers);
    return await withMonitor({ powers, args }, async (client, home) => {
      const document = { agent, path, text };
      await client.request("prepare", { purpose: "put-home-file", document });
      writeLines(powers.err, [line(`~/${path} of ${agent}, read-only to it:`, "strong"), ...shown, line("")]);
      await insist(powers, "Put this there?");
      const session = openSigningSession(powers, { home, keep: "once" });
      const seq = await prepareAndSign({ powers, client, session }, { purpose: "put-home-file", document });
      writeLines(powers.out, [join(["good", "put"], ` ${path} for ${agent} (record ${seq})`)]);
      return EXIT.ok;
    });
  },
};

async function findHomeOf(client: MonitorClient, agent: string): Promise<HomeView> {
  const [home] = (await client.request("homes", { agent })).homes;
  if (home === undefined) throw CliFailure.of("not-found", `Agent "${agent}" keeps nothing`, "aios home list");
  return home;
}

function describeHome(home: HomeView): readonly Line[] {
  const size =
    home.bytes === null || home.entries === null
      ? "it cannot be measured"
      : `${showBytes(home.bytes)} in ${home.entries} entries`;
  return [
    join(["strong", home.agent], `  ${size}${home.instance === null ? "" : `, in use by ${home.instance}`}`),
    ...home.files.map(({ path, digest }) => line(`  ${path}  ${digest}`, "faint")),
  ];
}

function readAgent(name: string): string {
  if (AGENT_NAME.test(name)) return name;
  throw CliFailure.of("usage", `"${name}" cannot be an agent's name`, "aios home list shows those that keep something");
}
