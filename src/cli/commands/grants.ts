import { HOME, JSON_OUTPUT, type Command, type Positional } from "../command.ts";
import { insist } from "../confirm.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { describeGrant } from "../../showing/describe-grant.ts";
import { describeQuarantined, describeWayOut } from "../../showing/describe-quarantined.ts";
import { EXIT } from "../exit-codes.ts";
import { signGrantFile } from "../grant-file.ts";
import { line, writeLines, type Tone } from "../../showing/line.ts";
import { showMoment } from "../../showing/moment.ts";
import { proposeFromProfile } from "../propose.ts";
import { loadProfile } from "../run-profile.ts";
import { plainQuestion } from "../../showing/plain-statement.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";
import { layOutTable } from "../table.ts";
import type { GrantView } from "../../protocol/requests.ts";
import { makeVisible } from "../../showing/visible.ts";

const ID: Positional = { name: "ID", required: true, help: "the grant's id, from aios grants list" };

const TONES: { readonly [state in GrantView["state"]]: Tone } = {
  active: "good",
  "not-yet": "wait",
  "outside-hours": "wait",
  expired: "faint",
  revoked: "bad",
  "used-up": "faint",
  suspended: "wait",
};

/** `aios grants list`. */
export const grantsList: Command = {
  path: ["grants", "list"],
  summary: "list the grants and how much of each is used",
  positionals: [],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "A lease is a grant under which reserved actions run without asking, within an exact scope and a count.",
    "In quarantine is a grant of which a server was found to be another one than was signed for: nothing of that server runs. Only a new grant over it, which you sign (aios ext trust, aios grants sign), ends that.",
  ],
  examples: ["grants list"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const { grants } = await client.request("grants", {});
      if (args.has("json")) writeJson(powers, { grants });
      else if (grants.length === 0)
        writeLines(powers.out, [
          line("There are no grants: agents can do nothing. aios grants propose PROFILE prepares one."),
        ]);
      else {
        const rows = grants.map((view) => [
          view.id,
          view.agents.join(","),
          view.lease ? "lease" : "grant",
          view.quarantined.length === 0
            ? ([TONES[view.state], view.state] as const)
            : (["bad", `${view.state}, quarantine`] as const),
          String(view.uses),
          showMoment(view.expires, powers.offset(view.expires)),
          view.key,
        ]);
        writeLines(powers.out, layOutTable(["ID", "AGENTS", "KIND", "STATE", "USES", "ENDS", "SIGNED BY"], rows));
      }
      return EXIT.ok;
    });
  },
};

/** `aios grants show`. */
export const grantsShow: Command = {
  path: ["grants", "show"],
  summary: "show what a grant allows",
  positionals: [ID],
  rest: null,
  flags: [{ name: "cedar", value: null, help: "the Cedar rule that it means" }, JSON_OUTPUT, HOME],
  details: ["Shows Can, Cannot, Limits and Risk, and the servers with their pins."],
  examples: ["grants show notes", "grants show notes --cedar"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const answer = await client.request("grant-show", { id: args.required("ID") });
      if (args.has("json")) writeJson(powers, answer);
      else if (args.has("cedar"))
        writeLines(
          powers.out,
          answer.cedar
            .replace(/\n$/u, "")
            .split("\n")
            .map((row) => line(makeVisible(row))),
        );
      else {
        const now = powers.now();
        const options = { now, offset: powers.offset(now), columns: powers.out.columns, servers: true };
        writeLines(powers.out, [
          ...describeGrant(answer.grant, options),
          line(""),
          line(answer.view.state, TONES[answer.view.state]),
          ...describeQuarantined(answer.view.quarantined, powers.offset),
          ...describeWayOut(answer.view.quarantined),
        ]);
      }
      return EXIT.ok;
    });
  },
};

/** `aios grants propose`. */
export const grantsPropose: Command = {
  path: ["grants", "propose"],
  summary: "turn a profile into a grant to review and sign",
  positionals: [
    { name: "PROFILE", required: true, help: "what an agent asks for: a YAML file or the name of a shipped one" },
  ],
  rest: null,
  flags: [
    { name: "workspace", value: "DIR", help: "folder that the servers see while they are asked what they offer" },
    HOME,
  ],
  details: [
    "Finds the packages that the profile names, starts each server in its own sandbox to ask what it offers, and prints the complete grant: every tool with a class and every server with its pin. A tool that the profile does not classify is reserved. Nothing is granted by this; read it, save it, and sign it.",
  ],
  examples: ["grants propose examples/files.yaml --workspace . > grant.yaml"],
  async run(powers, args) {
    const named = await loadProfile(powers, args.required("PROFILE"));
    const folder = args.value("workspace");
    return await withMonitor({ powers, args }, async (client) => {
      const workspace = folder === null ? null : powers.resolve(folder);
      powers.out.write(await proposeFromProfile({ powers, client }, { ...named, workspace }));
      return EXIT.ok;
    });
  },
};

/** `aios grants sign`. */
export const grantsSign: Command = {
  path: ["grants", "sign"],
  summary: "put a grant in force; you sign it",
  positionals: [{ name: "FILE", required: true, help: "YAML from aios grants propose" }],
  rest: null,
  flags: [
    { name: "workspace", value: "DIR", help: "folder that the servers see while they are asked what they offer" },
    HOME,
  ],
  details: [
    "Shows Can, Cannot, Limits and Risk of exactly the document that you sign, asks, and reads the passphrase from the terminal.",
  ],
  examples: ["grants sign grant.yaml --workspace ."],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client, home) => {
      const session = openSigningSession(powers, { home, keep: "once" });
      const folder = args.value("workspace");
      const workspace = folder === null ? null : powers.resolve(folder);
      await signGrantFile({ powers, client, session }, { path: args.required("FILE"), workspace });
      return EXIT.ok;
    });
  },
};

/** `aios grants revoke`. */
export const grantsRevoke: Command = {
  path: ["grants", "revoke"],
  summary: "end a grant now; you sign it",
  positionals: [ID],
  rest: null,
  flags: [HOME],
  details: [
    "Takes effect on the next stage of actions already under way. aios freeze --all stops everything at once and needs no passphrase.",
  ],
  examples: ["grants revoke notes"],
  async run(powers, args) {
    const grant = args.required("ID");
    return await withMonitor({ powers, args }, async (client, home) => {
      await insist(powers, plainQuestion({ purpose: "revoke-grant", value: grant }));
      const session = openSigningSession(powers, { home, keep: "once" });
      const seq = await prepareAndSign({ powers, client, session }, { purpose: "revoke-grant", document: { grant } });
      writeLines(powers.out, [line(`revoked ${makeVisible(grant)} (record ${seq})`)]);
      return EXIT.ok;
    });
  },
};
