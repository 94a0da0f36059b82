import { isUnder } from "../kernel/paths.ts";
import type { AlertReceiver } from "../protocol/alert-setting.ts";
import type { State } from "./state.ts";
import type { Vault } from "./vault.ts";

/**
 * The header with the secret that a receiver's line names; none for a line without one. The file says which secret, and an
 * owner's signed binding says where it may go: it goes to no other origin or path, and to none by another method than `POST`.
 * Rejects when it may not go there or does not open, and then nothing is sent (ERRORS-DENY). No message holds the value.
 */
export async function alertToken(
  { address, secret }: AlertReceiver,
  { state, vault }: { readonly state: Pick<State, "secrets">; readonly vault: Pick<Vault, "open"> },
): Promise<{ readonly [header: string]: string }> {
  if (secret === null) return {};
  const known = state.secrets.get(secret);
  if (known === undefined) throw new Error(`there is no secret "${secret}"`);
  const { scheme, host, port, path } = address;
  const usual = scheme === "https" ? 443 : 80;
  const to = `${scheme}://${host}${port === null || port === usual ? "" : `:${port}`}`;
  const binding = known.bindings.get(to);
  const fits =
    binding !== undefined &&
    "header" in binding &&
    binding.methods.includes("POST") &&
    isUnder(path, binding.path) &&
    known.login === null;
  if (!fits) throw new Error(`the secret "${secret}" is not bound to that address for POST, in a header`);
  const value = await vault.open(known.commitment);
  if (value === null) throw new Error(`the secret "${secret}" does not open`);
  return { [binding.header]: binding.scheme === null ? value : `${binding.scheme} ${value}` };
}
