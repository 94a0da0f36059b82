import { ROLES } from "../../kernel/owner-roles.ts";
import { decode } from "../../protocol/decode.ts";
import { ownerName } from "../../protocol/owner-key.ts";
import type { OwnerRequests, RecoveryView } from "../../protocol/owner-requests.ts";
import { toBase64 } from "../../protocol/bytes.ts";
import { sealEnvelope } from "../../protocol/dsse.ts";
import { LONGEST_WAIT, recoveryKeyId, type RecoverySet } from "../../protocol/recovery.ts";
import { parseDuration } from "../../protocol/units.ts";
import { join, line, writeLines } from "../../showing/line.ts";
import { showSpan } from "../../showing/moment.ts";
import { HOME, type Command } from "../command.ts";
import { insist } from "../confirm.ts";
import { withMonitor } from "../connection.ts";
import { plainQuestion } from "../../showing/plain-statement.ts";
import { describePending } from "../describe-pending.ts";
import { toDocument } from "../document.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { askNewPassphrase } from "../passphrase.ts";
import type { Signer } from "../../platform/powers.ts";
import type { CliPowers, Home, Person } from "../powers.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";
import { describeOwner } from "./owners.ts";

const CODES = 8;
const DEFAULT_WAIT = "24h";
/** Whoever has the code waits at least so long: an owner must be able to see it. */
const SHORTEST_WAIT = 3_600_000;

/** `aios owners codes`. */
export const ownersCodes: Command = {
  path: ["owners", "codes"],
  summary: "make recovery codes for a lost key; you sign them",
  positionals: [],
  rest: null,
  flags: [
    { name: "wait", value: "TIME", help: `from the use of a code to the new key (default: ${DEFAULT_WAIT})` },
    { name: "off", value: null, help: "no code recovers anything from now on" },
    HOME,
  ],
  details: [
    "Makes eight codes and shows them once. Whoever has one can become an owner with all rights after the wait, unless an owner stops it meanwhile: write them down and lock them away, apart from this machine. Codes that were made before end.",
    "The wait is for you: every screen says that somebody recovers, and aios owners stop ends it. A day leaves a night and a morning to see it, and does not lock you out for longer.",
  ],
  examples: ["owners codes", "owners codes --wait 3d", "owners codes --off"],
  async run(powers, args) {
    const wait = parseDuration(args.value("wait") ?? DEFAULT_WAIT);
    const off = args.has("off");
    if (wait === null || wait < SHORTEST_WAIT || wait > LONGEST_WAIT || (off && args.value("wait") !== null))
      throw CliFailure.of("usage", "that is no time to wait", "--wait 1h to 30d, or --off");
    return await withMonitor({ powers, args }, async (client, home) => {
      const session = openSigningSession(powers, { home, keep: "once" });
      const question = off ? "Switch recovery off?" : `Make ${CODES} codes, each good after ${showSpan(wait)}?`;
      await insist(powers, `${question} Codes that were made before end.`);
      const made = off ? [] : await powers.recovery.make(CODES);
      const codes = made.map(({ salt, signer }) => {
        const key = toBase64(signer.publicKey);
        return { id: recoveryKeyId(key, powers.crypto.sha256), salt, key };
      });
      const set: RecoverySet = { codes, wait: off ? 0 : wait };
      const seq = await prepareAndSign(
        { powers, client, session },
        { purpose: "set-recovery", document: toDocument(set) },
      );
      // Once they are in force, and not before; to the terminal, since standard output may be a file.
      writeLines(powers.err, [
        ...made.map(({ text }) => join("  ", ["strong", text])),
        line(off ? `recovery is off (record ${seq})` : `shown this once; nobody can show them again (record ${seq})`),
      ]);
      return EXIT.ok;
    });
  },
};

/** `aios owners recover`. */
export const ownersRecover: Command = {
  path: ["owners", "recover"],
  summary: "become an owner again with a recovery code",
  positionals: [{ name: "NAME", required: true, help: "what you will be called; no owner has that name" }],
  rest: null,
  flags: [HOME],
  details: [
    "Asks for a code and a new passphrase, at the terminal only. The new key is an owner's with all rights when the wait is over and nobody stopped it; everybody is told meanwhile. The code is used up.",
    "On a new machine: bring the home's folder over first.",
  ],
  examples: ["owners recover maria-2"],
  async run(powers, args) {
    const name = args.required("NAME");
    const { person } = powers;
    if (person === null)
      throw CliFailure.of(
        "no-terminal",
        "Cannot recover: a code is read from a terminal only",
        "run this at a terminal",
      );
    return await withMonitor({ powers, args }, async (client, home) => {
      const { owners, recovery } = await client.request("owners", {});
      refuseEarly({ name, owners, recovery });
      const typed = (await person.askPassphrase("recovery code: ")) ?? "";
      const code = await openCode(powers, { typed, recovery });
      // Nothing was made for a code that is none: a key that is left lying about passes for an owner's.
      const signer = await makeKey(home, person);
      const key = { kind: "ed25519", publicKey: toBase64(signer.publicKey) } as const;
      const document = toDocument({ name, roles: ROLES, key });
      const { statement } = await client.request("prepare", { purpose: "recover-owner", document });
      const envelope = sealEnvelope({ ...statement, decision: "allow", key: code.id }, code.signer);
      const { seq } = await client.request("submit", { envelope, document });
      writeLines(powers.out, [
        line(`begun (record ${seq}): you are an owner in ${showSpan(recovery.wait)}, unless somebody stops it`),
        ...describeOwner({ name, roles: ROLES, key }, powers),
      ]);
      return EXIT.ok;
    });
  },
};

/** `aios owners stop`. */
export const ownersStop: Command = {
  path: ["owners", "stop"],
  summary: "stop a recovery that waits; you sign it",
  positionals: [],
  rest: null,
  flags: [HOME],
  details: ["All codes end with it: somebody has used one whom you did not want. aios owners codes makes new ones."],
  examples: ["owners stop"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client, home) => {
      const { recovery } = await client.request("owners", {});
      if (recovery.pending === null) throw CliFailure.of("not-found", "No recovery waits", "aios owners list says so");
      const { record } = recovery.pending;
      const question = plainQuestion({ purpose: "stop-recovery", value: record });
      await insist(powers, `${question} ${describePending(recovery.pending, powers)}.`);
      const session = openSigningSession(powers, { home, keep: "once" });
      const document = { record };
      const seq = await prepareAndSign({ powers, client, session }, { purpose: "stop-recovery", document });
      writeLines(powers.out, [line(`stopped (record ${seq}); aios owners codes makes new codes`)]);
      return EXIT.ok;
    });
  },
};

/** What the monitor would refuse whatever is typed: said before a code is asked for and a key made. */
function refuseEarly({
  name,
  owners,
  recovery,
}: Pick<OwnerRequests["owners"]["ok"], "owners" | "recovery"> & { readonly name: string }): void {
  const found = decode(ownerName, name);
  if (found.kind === "refused") throw CliFailure.of("usage", `Cannot recover as "${name}": ${found.message}`);
  if (owners.some((owner) => owner.name === name))
    throw CliFailure.of("usage", `There is an owner ${name} already`, `for example ${name}-2`);
  if (recovery.pending !== null)
    throw CliFailure.fromMonitor({
      code: "recovery-pending",
      message: "Another recovery waits already",
      hint: "aios owners list says whose and until when",
    });
  if (recovery.codes.every((code) => code === null))
    throw CliFailure.fromMonitor({
      code: "no-recovery",
      message: "No recovery code is left, or recovery is off",
      hint: "aios owners list says which",
    });
}

/** The key of a code that somebody typed, which is one of those in force. Throws `CliFailure` `not-found`. */
async function openCode(
  { recovery: codes, crypto }: Pick<CliPowers, "recovery" | "crypto">,
  { typed, recovery }: { readonly typed: string; readonly recovery: RecoveryView },
): Promise<{ readonly id: string; readonly signer: Signer }> {
  const salts = recovery.codes.map((code) => code?.salt ?? null);
  const signer = await codes.open(typed, salts);
  if (signer === null)
    throw CliFailure.of(
      "not-found",
      "That is no code that is left: it is not written as one, or the code of its number was used",
      "a code is N-xxxx-xxxx-xxxx-xxxx-xxxx; aios owners list shows how many are left",
    );
  const id = recoveryKeyId(toBase64(signer.publicKey), crypto.sha256);
  if (recovery.codes.some((code) => code?.id === id)) return { id, signer };
  throw CliFailure.of(
    "not-found",
    "That is none of the codes: a digit of it is another. Nothing was signed and no key was made",
    "look at the number before the first dash too, and type it again",
  );
}

async function makeKey(home: Home, person: Person): ReturnType<Home["key"]["create"]> {
  const passphrase = await askNewPassphrase(person, "your new owner key");
  if (!(await home.key.exists())) return await home.key.create(passphrase);
  return (await home.key.createAnother(passphrase)).signer;
}
