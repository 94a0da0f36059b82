import { toBase64 } from "../../protocol/bytes.ts";
import type { ExtensionRequests, ExtensionView } from "../../protocol/extension-table.ts";
import {
  changePublishers,
  decodePublisherChange,
  refuseToAdmit,
  type PublisherChange,
} from "../../protocol/publishers.ts";
import { line, writeLines, type Line } from "../../showing/line.ts";
import { shortCode } from "../../showing/statement-code.ts";
import { makeVisible } from "../../showing/visible.ts";
import type { Arguments } from "../arguments.ts";
import { HOME, JSON_OUTPUT, type Command, type Positional } from "../command.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { toDocument } from "../document.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { insistBelow } from "../insist-below.ts";
import { askNewPassphrase } from "../passphrase.ts";
import type { CliPowers, MonitorClient } from "../powers.ts";
import { requireName, requireNewName } from "../publisher-key.ts";
import { nameExtension } from "../show-extension.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";
import { layOutTable } from "../table.ts";

type Listed = ExtensionRequests["publishers"]["ok"];

const NAME: Positional = { name: "NAME", required: true, help: "the publisher's name, as this home calls it" };
const ONLY =
  "While only publishers that are admitted count, no server runs that is not an extension which one of them signed: none that nobody signed, and none that a grant names by a program or an address.";

/** `aios publishers list`. */
export const publishersList: Command = {
  path: ["publishers", "list"],
  summary: "list the publishers whose extensions you take",
  positionals: [],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: ["The code of a key is the same on every screen. Compare it with the one that the publisher tells.", ONLY],
  examples: ["publishers list"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const listed = await client.request("publishers", {});
      if (args.has("json")) writeJson(powers, listed);
      else {
        const rows = listed.publishers.map(({ name, key }) => [name, key, codeOf(key, powers)]);
        if (rows.length === 0) writeLines(powers.out, [line("No publisher is admitted.")]);
        else writeLines(powers.out, layOutTable(["NAME", "KEY", "CODE"], rows));
        writeLines(powers.out, [line(describeOnly(listed.only))]);
      }
      return EXIT.ok;
    });
  },
};

/** `aios publishers admit`. */
export const publishersAdmit: Command = {
  path: ["publishers", "admit"],
  summary: "take a publisher's extensions; you sign it",
  positionals: [NAME, { name: "KEY", required: true, help: "their public key, from aios publishers key of theirs" }],
  rest: null,
  flags: [HOME],
  details: [
    "What they sign is told by that name from then on. It gives nothing to anybody: each extension still takes a grant.",
    "A name does not sign, a key does: have the key from the publisher on a way that you trust, and compare its code. Another key needs another name, or the first one's removal.",
  ],
  examples: ["publishers admit acme 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
  async run(powers, args) {
    const name = requireNewName(args.required("NAME"));
    const change = { kind: "admit", name, key: args.required("KEY") } as const;
    if (decodePublisherChange(change).kind === "refused")
      throw CliFailure.of("usage", `"${change.key}" is no public key`, "44 characters of base64");
    const odd = refuseToAdmit(change);
    if (odd !== null)
      throw CliFailure.of(
        "bad-key",
        `Cannot admit ${name}: ${odd}`,
        "have the key from the publisher: aios publishers key",
      );
    return await sign(powers, args, {
      change,
      question: `Admit ${name}?`,
      done: `${name} is admitted`,
      about: [
        line(`publisher  ${name}`),
        line(`key        ${change.key}`),
        line(`code       ${codeOf(change.key, powers)}`),
      ],
    });
  },
};

/** `aios publishers remove`. */
export const publishersRemove: Command = {
  path: ["publishers", "remove"],
  summary: "take a publisher's extensions no more; you sign it",
  positionals: [NAME],
  rest: null,
  flags: [HOME],
  details: [
    "Where only admitted publishers count, what they signed is refused from its next use on, and what runs of it is ended. Their extensions stay in the store, and grants over them stay signed: admitting the key again puts them back.",
    ONLY,
  ],
  examples: ["publishers remove acme"],
  async run(powers, args) {
    const name = requireName(args.required("NAME"), "NAME");
    return await sign(powers, args, {
      change: { kind: "remove", name },
      question: `Remove ${name}?`,
      done: `${name} is removed`,
      about: [line(`publisher  ${name}`)],
    });
  },
};

/** `aios publishers only`. */
export const publishersOnly: Command = {
  path: ["publishers", "only"],
  summary: "let nothing run but what they signed; you sign it",
  positionals: [{ name: "SWITCH", required: true, help: "on or off" }],
  rest: null,
  flags: [HOME],
  details: [
    ONLY,
    "Devices of AIOS itself (network, models, memory) are no servers. What is granted now and is not theirs stops at its next use, which is shown before you sign; nothing of it is lost, and off puts it back.",
  ],
  examples: ["publishers only on", "publishers only off"],
  async run(powers, args) {
    const given = args.required("SWITCH");
    if (given !== "on" && given !== "off") throw CliFailure.of("usage", `"${given}" is neither on nor off`);
    const only = given === "on";
    return await sign(powers, args, {
      change: { kind: "only", only },
      question: "Have it so?",
      done: describeOnly(only),
      about: [line(describeOnly(only))],
    });
  },
};

/** `aios publishers key`. */
export const publishersKey: Command = {
  path: ["publishers", "key"],
  summary: "make a key to sign extensions of your own with",
  positionals: [{ ...NAME, help: "a name for it here; whoever admits it may call it otherwise" }],
  rest: null,
  flags: [HOME],
  details: [
    "It is stored in this home behind a passphrase of its own, and signs nothing but extensions (aios ext sign). Tell its public half to whoever is to take what you publish.",
  ],
  examples: ["publishers key acme"],
  async run(powers, args) {
    const name = requireNewName(args.required("NAME"));
    const home = powers.home(args.value("home"));
    if (powers.person === null)
      throw CliFailure.of(
        "no-terminal",
        "Cannot make a key: a passphrase is read from a terminal only, and there is none",
        "run this command at a terminal",
      );
    if (!(await home.exists()))
      throw CliFailure.of("no-home", `There is no home at ${home.path}`, "aios init makes one");
    const file = home.publisher(name);
    if (await file.exists())
      throw CliFailure.of("already-there", `There is a key ${file.path}`, "give it another name");
    const signer = await file.create(await askNewPassphrase(powers.person, `the publisher's key ${name}`));
    const key = toBase64(signer.publicKey);
    writeLines(powers.out, [
      line(`publisher's key in ${makeVisible(file.path)}`),
      line(`code       ${codeOf(key, powers)}`),
      line(`Sign:      aios ext sign FOLDER --as ${name}`),
      line(`Others:    aios publishers admit ${name} ${key}`),
    ]);
    return EXIT.ok;
  },
};

/** Shows a change and what stops by it, asks, and has it signed. */
async function sign(
  powers: CliPowers,
  args: Arguments,
  {
    change,
    about,
    question,
    done,
  }: {
    readonly change: PublisherChange;
    readonly about: readonly Line[];
    readonly question: string;
    readonly done: string;
  },
): Promise<ExitCode> {
  return await withMonitor({ powers, args }, async (client, home) => {
    const asked = { purpose: "set-publishers", document: toDocument(change) } as const;
    // What cannot be taken is refused before anybody reads it.
    await client.request("prepare", asked);
    const stopping = await describeStopping(client, change);
    const session = await insistBelow(
      { powers, session: openSigningSession(powers, { home, keep: "once" }) },
      { lines: () => [...about, ...stopping], question, screen: powers.err },
    );
    const seq = await prepareAndSign({ powers, client, session }, asked);
    writeLines(powers.out, [line(`${done} (record ${seq})`)]);
    return EXIT.ok;
  });
}

/** Extensions that a grant uses and that nothing starts any more after this. */
async function describeStopping(client: MonitorClient, change: PublisherChange): Promise<readonly Line[]> {
  const before = await client.request("publishers", {});
  const admitted = new Map(before.publishers.map(({ name, key }) => [name, key]));
  const after = changePublishers({ only: before.only, admitted }, change);
  if (after.kind === "refused" || !after.publishers.only) return [];
  const [were, are] = [new Set(admitted.values()), new Set(after.publishers.admitted.values())];
  const { extensions } = await client.request("extensions", {});
  const stopping = extensions.filter(
    (each) => each.grants.length > 0 && !isOf(each, are) && (!before.only || isOf(each, were)),
  );
  if (before.only && stopping.length === 0) return [];
  return [
    ...stopping.map((each) => line(`stops      ${nameExtension(each)}, of ${each.grants.join(", ")}`, "bad")),
    ...(before.only ? [] : [line("stops      every server that a grant names by a program or an address", "bad")]),
    line(
      "An agent that goes on calling what stopped is denied each time, and such a run of denials freezes it",
      "wait",
    ),
    line("(breaker-open) until an owner lets it go on: aios thaw.", "wait"),
  ];
}

function isOf({ publication }: ExtensionView, keys: ReadonlySet<string>): boolean {
  return publication?.kind === "signed" && keys.has(publication.key);
}

function describeOnly(only: Listed["only"]): string {
  return only
    ? "only extensions run that an admitted publisher signed"
    : "extensions run that an owner granted, whoever signed them";
}

/** The code by which two people compare a key. */
function codeOf(key: string, { crypto }: Pick<CliPowers, "crypto">): string {
  return shortCode(crypto.digest(`publisher ${key}`));
}
