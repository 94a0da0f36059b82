import type { CDPSession } from "playwright-core";

/** A passkey as Chromium's software authenticator keeps it. */
export interface Passkey {
  readonly credentialId: string;
  readonly isResidentCredential: boolean;
  readonly rpId?: string;
  readonly privateKey: string;
  readonly userHandle?: string;
  readonly signCount: number;
}

let count = 0;

/**
 * Plugs an authenticator in, with somebody's passkey: Chromium takes it out with every page that it opens apart, and with every
 * session that ends. `verified`: whether it knows its person again. The id of it.
 */
export async function plugIn(
  session: CDPSession,
  { passkey, verified = true }: { readonly passkey: Passkey | null; readonly verified?: boolean },
): Promise<string> {
  await session.send("WebAuthn.disable").catch(() => {});
  await session.send("WebAuthn.enable");
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: verified,
      automaticPresenceSimulation: true,
    },
  });
  count += 100;
  if (passkey !== null)
    await session.send("WebAuthn.addCredential", { authenticatorId, credential: { ...passkey, signCount: count } });
  return authenticatorId;
}

export async function passkeysIn(session: CDPSession, authenticatorId: string): Promise<readonly Passkey[]> {
  return (await session.send("WebAuthn.getCredentials", { authenticatorId })).credentials;
}
