import { ROLES } from "../kernel/owner-roles.ts";
import type { Signer } from "../platform/powers.ts";
import { toBase64 } from "../protocol/bytes.ts";
import type { CliPowers, MonitorClient } from "./powers.ts";
import { signAndSubmit } from "./sign.ts";

/** Enrols an owner's key with a statement that the key itself signs; the monitor takes it only while the home has no owner. */
export async function enrolOwner(
  parts: { readonly powers: Pick<CliPowers, "crypto" | "err">; readonly client: MonitorClient },
  owner: { readonly name: string; readonly signer: Signer },
): Promise<number> {
  const key = { kind: "ed25519", publicKey: toBase64(owner.signer.publicKey) };
  const document = { name: owner.name, roles: ROLES, key };
  const { statement } = await parts.client.request("prepare", { purpose: "enrol-owner", document });
  const session = { unlocked: true, unlock: () => Promise.resolve(owner.signer), forget: () => undefined };
  return await signAndSubmit(
    { ...parts, session },
    { purpose: "enrol-owner", decision: "allow", document, draft: statement },
  );
}
