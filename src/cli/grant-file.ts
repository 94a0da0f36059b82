import { type Grant } from "../kernel/grant.ts";
import { decodeGrant } from "../kernel/grant-decoder.ts";
import { isObject, type JsonObject } from "../kernel/json.ts";
import type { Signer } from "../platform/powers.ts";
import { decodeShortGrant } from "../protocol/short-grant.ts";
import { confirm } from "./confirm.ts";
import { describeGrant } from "../showing/describe-grant.ts";
import { toDocument } from "./document.ts";
import { CliFailure } from "./failure.ts";
import { describeQuarantined } from "../showing/describe-quarantined.ts";
import { join, line, writeLines } from "../showing/line.ts";
import type { QuarantinedServer } from "../protocol/quarantined-server.ts";
import { quarantinedIn, requireSeen } from "./quarantined.ts";
import type { CliPowers } from "./powers.ts";
import { probeServers } from "./probe-servers.ts";
import { createQuestions, type Questions } from "./questions.ts";
import { askBelow } from "./show-held.ts";
import { prepareAndSign, type SigningParts } from "./sign.ts";
import { MAXIMUM_YAML_BYTES } from "./yaml-bytes.ts";

export type GrantSigningParts = SigningParts & {
  readonly powers: CliPowers;
  /** Of the terminal, where something else may end them; otherwise their own. */
  readonly questions?: Questions;
};

/** Shows the grant in a file, asks, signs it. Throws `CliFailure` (`bad-yaml`, `bad-grant`, `not-confirmed`). */
export async function signGrantFile(
  parts: GrantSigningParts,
  file: { readonly path: string; readonly workspace: string | null },
): Promise<void> {
  await signGrant(parts, await readGrantFile(parts, file));
}

/** Shows a grant in full, asks, signs it; `instead`: a grant in whose place it is, whose end is signed just before. */
export async function signGrant(
  parts: GrantSigningParts,
  grant: Grant,
  { instead = null }: { readonly instead?: string | null } = {},
): Promise<void> {
  const { powers, client } = parts;
  const document = toDocument(grant);
  // What cannot be taken (an id that was used, a driver that another grant declares) is refused before anybody reads it.
  // The draft is left to expire: reading may take longer than its five minutes.
  await requireTakeable(client, { document, instead });
  const seen = await quarantinedIn(client, grant);
  const now = powers.now();
  const { answer, asker } = await askBelow(
    { screen: powers.err, questions: parts.questions ?? createQuestions() },
    {
      about: [],
      draw(columns) {
        const options = { now, offset: powers.offset(now), columns, servers: true };
        const held = describeQuarantined(seen, powers.offset);
        writeLines(powers.err, [...describeGrant(grant, options), ...held, line("")]);
      },
      ask: (by) => confirm(powers, questionFor(grant, { instead, seen }), by),
    },
  );
  if (!answer) throw CliFailure.of("not-confirmed", "Nothing was signed: you did not say yes");
  const session = {
    ...parts.session,
    async unlock(): Promise<Signer> {
      const signer = await parts.session.unlock(asker);
      await requireSeen(client, grant, seen);
      return signer;
    },
  };
  if (instead !== null) {
    // Once more behind the passphrase, just before the end is signed: what is refused must not have ended the old one.
    const unlock = async (): Promise<Signer> => {
      const signer = await session.unlock();
      await requireTakeable(client, { document, instead });
      return signer;
    };
    const end = { purpose: "revoke-grant", document: { grant: instead } } as const;
    const ended = await prepareAndSign({ ...parts, session: { ...session, unlock } }, end);
    writeLines(powers.err, [line(`revoked ${instead} (record ${ended})`)]);
  }
  const seq = await prepareAndSign({ ...parts, session }, { purpose: "sign-grant", document });
  writeLines(powers.err, [join(["good", "granted"], ` ${grant.id} (record ${seq})`)]);
}

/**
 * Throws the monitor's refusal of a grant. One that is to take another's place declares that one's driver anew, which is the
 * last thing that the monitor looks at: that refusal says that nothing else speaks against it.
 */
async function requireTakeable(
  client: GrantSigningParts["client"],
  { document, instead }: { readonly document: JsonObject; readonly instead: string | null },
): Promise<void> {
  try {
    await client.request("prepare", { purpose: "sign-grant", document });
  } catch (error) {
    if (instead === null || !(error instanceof CliFailure) || error.code !== "shadowed-driver") throw error;
  }
}

function questionFor(
  { lease }: Grant,
  { instead, seen }: { readonly instead: string | null; readonly seen: readonly QuarantinedServer[] },
): string {
  const what = `Sign this ${lease ? "lease" : "grant"}`;
  const ended = instead === null ? what : `${what}, and the end of ${instead}`;
  if (seen.length === 0) return `${ended}?`;
  return `${ended}, and take ${seen.map(({ driver }) => driver).join(", ")} out of quarantine, everywhere?`;
}

/** The short form, whose servers are probed for their pins, or the whole document (`v: 1`) as the log has it. */
export async function readGrantFile(
  parts: Pick<GrantSigningParts, "powers" | "client">,
  file: { readonly path: string; readonly workspace: string | null },
): Promise<Grant> {
  const { path } = file;
  // Seventy modules, which a run under grants in force does not need.
  const { readYaml } = await import("./yaml.ts");
  const value = readYaml(await parts.powers.files.read(path, MAXIMUM_YAML_BYTES), path);
  if (isObject(value) && Object.hasOwn(value, "v")) {
    const whole = decodeGrant(value);
    if (whole.kind === "ok") return whole.value;
    throw CliFailure.of("bad-grant", `Cannot use ${path}: ${whole.message}`);
  }
  const short = decodeShortGrant(value);
  if (short.kind === "refused") {
    throw CliFailure.of(
      "bad-grant",
      `Cannot use ${path}: ${short.path || "/"} ${short.message}`,
      "aios grants propose PROFILE writes one",
    );
  }
  const probed = await probeServers(parts, { short: short.value, source: path, workspace: file.workspace });
  return probed.grant;
}
