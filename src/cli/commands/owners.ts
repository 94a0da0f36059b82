import { ROLES, type Role } from "../../kernel/owner-roles.ts";
import { ownerKeyText, decodeOwner, type OwnerDocument, type OwnerKey } from "../../protocol/owner-key.ts";
import type { OwnerView } from "../../protocol/owner-requests.ts";
import { toBase64 } from "../../protocol/bytes.ts";
import { line, writeLines } from "../../showing/line.ts";
import { showMoment, showSpan } from "../../showing/moment.ts";
import { shortCode } from "../../showing/statement-code.ts";
import { makeVisible } from "../../showing/visible.ts";
import type { Arguments } from "../arguments.ts";
import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { insistBelow } from "../insist-below.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { toDocument } from "../document.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { askNewPassphrase } from "../passphrase.ts";
import { describePasskeyRoles } from "../passkey-roles.ts";
import type { CliPowers, MonitorClient } from "../powers.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";
import { describeDemand } from "./owners-second-screen.ts";
import { layOutTable } from "../table.ts";

/** What becomes of the codes of somebody who is removed. */
const ENDING = "those that they made end now; aios owners codes makes new ones";

/** `aios owners list`. */
export const ownersList: Command = {
  path: ["owners", "list"],
  summary: "list who may sign, and what",
  positionals: [],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: ["The code of a key is the same on every screen. Compare it with the one that its owner sees."],
  examples: ["owners list"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const { owners, recovery, second } = await client.request("owners", {});
      if (args.has("json")) writeJson(powers, { owners, recovery, second });
      else if (owners.length === 0) writeLines(powers.out, [line("This home has no owner: run aios init.")]);
      else {
        const rows = owners.map(({ id, name, roles, key, since }) => [
          makeVisible(name),
          roles.join(","),
          id,
          codeOf(key, powers),
          showMoment(since, powers.offset(since)),
        ]);
        writeLines(powers.out, layOutTable(["NAME", "MAY", "KEY", "CODE", "SINCE"], rows));
        const left = recovery.codes.filter((code) => code !== null).length;
        const said = left === 0 ? "no recovery code: aios owners codes makes some" : `${left} recovery codes`;
        writeLines(powers.out, [line(`${said}${left === 0 ? "" : `, each good after ${showSpan(recovery.wait)}`}`)]);
        writeLines(powers.out, [line(describeDemand(second))]);
      }
      return EXIT.ok;
    });
  },
};

/** `aios owners key`. */
export const ownersKey: Command = {
  path: ["owners", "key"],
  summary: "make the key of one more owner in this home",
  positionals: [],
  rest: null,
  flags: [HOME],
  details: [
    "For one who shares this machine with you: the key is stored behind a passphrase of its own, which they type. It signs nothing until an owner adds it. Whose passphrase is typed when something is signed says whose key signs.",
  ],
  examples: ["owners key"],
  async run(powers, args) {
    const home = powers.home(args.value("home"));
    if (powers.person === null)
      throw CliFailure.of(
        "no-terminal",
        "Cannot make an owner key: a passphrase is read from a terminal only, and there is none",
        "run aios owners key at a terminal",
      );
    if (!(await home.exists()))
      throw CliFailure.of("no-home", `There is no home at ${home.path}`, "aios init makes one");
    const { signer, path } = await home.key.createAnother(await askNewPassphrase(powers.person, "one more owner key"));
    const key: OwnerKey = { kind: "ed25519", publicKey: toBase64(signer.publicKey) };
    writeLines(powers.out, [
      line(`owner key in ${makeVisible(path)}`),
      line(`code       ${codeOf(key, powers)}`),
      line(`Next:  aios owners add --name NAME --roles ROLES --key ${key.publicKey}`),
    ]);
    return EXIT.ok;
  },
};

/** `aios owners add`. */
export const ownersAdd: Command = {
  path: ["owners", "add"],
  summary: "let one more person sign; you sign it",
  positionals: [],
  rest: null,
  flags: [
    { name: "name", value: "NAME", help: "who they are" },
    { name: "roles", value: "ROLES", help: "approve, grant, administer, with commas between" },
    { name: "key", value: "KEY", help: "their public key, from aios owners key or aios init of theirs" },
    { name: "passkey", value: null, help: "they make a passkey at the console's page" },
    HOME,
  ],
  details: [
    "approve: answers held actions and lets go on what was frozen. grant: signs grants and secrets. administer: looks after owners, rules, providers, witnesses and the clock.",
    "With --passkey this shows an address and a code that is good once, for ten minutes: there a passkey is made and offered. It is enrolled when you sign here.",
    "Compare the code of the key with the one that they see before you say yes.",
  ],
  examples: [
    "owners add --name maria --roles approve --key 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "owners add --name maria --roles approve --passkey",
  ],
  async run(powers, args) {
    const publicKey = args.value("key");
    if ((publicKey === null) !== args.has("passkey"))
      throw CliFailure.of("usage", "there must be one key to add", "--key KEY, or --passkey to have one made");
    const given = publicKey === null ? null : readOwner(args, { kind: "ed25519", publicKey });
    return await withMonitor({ powers, args }, async (client, home) => {
      const document = given ?? (await awaitPasskey({ powers, client }, forPasskey(powers, args)));
      const session = openSigningSession(powers, { home, keep: "once" });
      await enrolAnother({ powers, client, session }, document);
      return EXIT.ok;
    });
  },
};

/** `aios owners remove`. */
export const ownersRemove: Command = {
  path: ["owners", "remove"],
  summary: "take somebody's right to sign away; you sign it",
  positionals: [{ name: "OWNER", required: true, help: "a name or the id of a key, from aios owners list" }],
  rest: null,
  flags: [HOME],
  details: [
    "What they signed before stays in force: the command lists their grants, and aios grants revoke ends one. Recovery codes that they made end, since they have seen them.",
    "Somebody must stay who can administer with a key file: a passkey signs nothing of that.",
  ],
  examples: ["owners remove maria"],
  async run(powers, args) {
    const wanted = args.required("OWNER");
    return await withMonitor({ powers, args }, async (client, home) => {
      const { recovery, ...found } = await client.request("owners", {});
      const owner = findOwner(found, wanted);
      const asked = { purpose: "remove-owner", document: { owner: owner.id } } as const;
      await client.request("prepare", asked);
      const lines = [
        line("Remove an owner"),
        ...describeOwner(owner, powers),
        line(`  key        ${owner.id}`),
        line(`  grants     ${owner.grants.length === 0 ? "none" : owner.grants.join(", ")} (they stay in force)`),
        ...(recovery.by === owner.id ? [line(`  codes      ${ENDING}`, "wait")] : []),
      ];
      const session = await insistBelow(
        { powers, session: openSigningSession(powers, { home, keep: "once" }) },
        { lines: () => lines, question: `Remove ${makeVisible(owner.name)}?`, screen: powers.err },
      );
      const seq = await prepareAndSign({ powers, client, session }, asked);
      writeLines(powers.out, [
        line(`removed ${makeVisible(owner.name)} (record ${seq})`),
        ...(recovery.by === owner.id ? [line(`recovery codes: ${ENDING}`, "wait")] : []),
      ]);
      return EXIT.ok;
    });
  },
};

/** Shows an owner who is to be enrolled, asks, and signs for them. */
async function enrolAnother(
  parts: Parameters<typeof prepareAndSign>[0] & { readonly powers: CliPowers },
  owner: OwnerDocument,
): Promise<void> {
  const asked = { purpose: "enrol-owner", document: toDocument(owner) } as const;
  await parts.client.request("prepare", asked);
  const session = await insistBelow(parts, {
    lines: () => [line("Add an owner"), ...describeOwner(owner, parts.powers)],
    question: `Does ${makeVisible(owner.name)} see the same code, and may they sign so?`,
    screen: parts.powers.err,
  });
  const seq = await prepareAndSign({ ...parts, session }, asked);
  writeLines(parts.powers.out, [line(`added ${makeVisible(owner.name)} (record ${seq})`)]);
}

/** An owner and their key, as both people see them. */
export function describeOwner({ name, roles, key }: OwnerDocument, powers: CliPowers): ReturnType<typeof line>[] {
  return [
    line(`  name       ${makeVisible(name)}`),
    line(`  may        ${roles.join(", ")}`),
    line(`  kind       ${key.kind === "passkey" ? `passkey for ${makeVisible(key.origin)}` : "key file (Ed25519)"}`),
    line(`  code       ${codeOf(key, powers)}`),
  ];
}

/** The code by which two people compare a key. */
function codeOf(key: OwnerKey, { crypto }: Pick<CliPowers, "crypto">): string {
  return shortCode(crypto.digest(ownerKeyText(key)));
}

/** Invites, and waits for the passkey that is made at the console's page. */
async function awaitPasskey(
  { powers, client }: { readonly powers: CliPowers; readonly client: MonitorClient },
  owner: Pick<OwnerDocument, "name" | "roles">,
): Promise<OwnerDocument> {
  // Nobody is sent to an address where the console is not.
  await client.request("console-open", {});
  const { code, origin, expires } = await client.request("invite", owner);
  writeLines(powers.err, [
    line(`Open       ${makeVisible(origin)}/enrol`),
    line(`Code       ${makeVisible(code)} (once, within ten minutes)`),
    line("Waiting for the passkey that is made there."),
    line(""),
  ]);
  while (powers.now() < expires) {
    const { document } = await client.request("invited", { code });
    if (document !== null) return document;
  }
  throw CliFailure.of("not-confirmed", "Nobody made a passkey in time", "aios owners add --passkey invites again");
}

/** Says beforehand what of these roles a passkey is no use for. */
function forPasskey(powers: CliPowers, args: Arguments): Pick<OwnerDocument, "name" | "roles"> {
  const owner = readNameAndRoles(args);
  writeLines(powers.err, describePasskeyRoles(owner.roles));
  return owner;
}

function readNameAndRoles(args: Arguments): Pick<OwnerDocument, "name" | "roles"> {
  // The shape of an owner with any key is that of one with none yet.
  const { name, roles } = readOwner(args, { kind: "ed25519", publicKey: toBase64(new Uint8Array(32)) });
  return { name, roles };
}

function readOwner(args: Arguments, key: OwnerKey): OwnerDocument {
  const given = (args.value("roles") ?? "").split(",").map((role) => role.trim());
  const unknown = given.find((role) => !ROLES.some((known) => known === role));
  if (unknown !== undefined)
    throw CliFailure.of("usage", `there is no role "${unknown}"`, `one or more of: ${ROLES.join(", ")}`);
  const roles: readonly Role[] = ROLES.filter((role) => given.includes(role));
  const decoded = decodeOwner(toDocument({ name: args.value("name") ?? "", roles, key }));
  if (decoded.kind === "refused")
    throw CliFailure.of("usage", `that is no owner: ${decoded.path} ${decoded.message}`, "aios owners add --help");
  return decoded.value;
}

function findOwner({ owners }: { readonly owners: readonly OwnerView[] }, wanted: string): OwnerView {
  const found = owners.find(({ id, name }) => id === wanted || name === wanted);
  if (found !== undefined) return found;
  throw CliFailure.of("not-found", `There is no owner "${wanted}"`, "aios owners list shows them");
}
