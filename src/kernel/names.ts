/** Name of an agent. */
export const AGENT_NAME: RegExp = /^[a-z][a-z0-9-]{0,30}$/;
/** Name of a driver. It holds no `/`, `#`, `@` or `_`, so that the first of those ends it in a longer name. */
export const DRIVER_NAME: RegExp = /^[a-z][a-z0-9-]{0,30}$/;
/** Id of an instance. */
export const INSTANCE_ID: RegExp = /^i-[0-9a-f]{16}$/;
/** Nonce of a request. */
export const REQUEST_NONCE: RegExp = /^[0-9a-f]{32}$/;
/** Id of a grant, unique for ever in one home. */
export const GRANT_ID: RegExp = /^[a-z][a-z0-9-]{0,62}$/;
/** A SHA-256 digest as it is written everywhere. */
export const SHA256: RegExp = /^sha256:[0-9a-f]{64}$/;
/** The driver name that stands for the substrate itself: a call to it is an attempt to climb (TERMINAL). */
export const RESERVED_DRIVER = "aios";
/** Name of a secret. */
export const SECRET_NAME: RegExp = /^[a-z][a-z0-9-]{0,30}$/;
/** What stands for a secret inside: the secret's name, and what nobody else has. */
export const PLACEHOLDER: RegExp = /^aios-secret-([a-z][a-z0-9-]{0,30})-[0-9a-f]{32}$/;
/** Name of a file or folder that other tools obey, as a grant opens it to an agent. */
export const CONTROL_NAME: RegExp = /^[a-z0-9._-]{1,64}$/;
/** Name of a published port. */
export const PORT_NAME: RegExp = /^[a-z][a-z0-9-]{0,30}$/;
/** Raw Ed25519 public key in base64url without padding: 256 bits, so the last character carries four. */
export const CLIENT_KEY: RegExp = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
/** Name of a provider of models. */
export const PROVIDER_NAME: RegExp = /^[a-z][a-z0-9-]{0,30}$/;
/** Name of a publisher of extensions: of letters that have no twin. */
export const PUBLISHER_NAME: RegExp = /^[a-z][a-z0-9-]{0,30}$/;
/** Name of an owner, as people write it. */
export const OWNER_NAME: RegExp = /^[A-Za-z0-9](?:[A-Za-z0-9 ._@-]{0,61}[A-Za-z0-9._@-])?$/;
/** Id of a credential (WebAuthn) in base64url without padding. */
export const CREDENTIAL_ID: RegExp = /^[A-Za-z0-9_-]+$/;
/** Salt of a recovery code. */
export const RECOVERY_SALT: RegExp = /^[0-9a-f]{32}$/;
/** Id of a recovery code's key. */
export const RECOVERY_ID: RegExp = /^recovery:[0-9a-f]{16}$/;
/** Id of a key that signs statements: of an owner, or that of a recovery code. */
export const KEY_ID: RegExp = /^(?:ed25519|passkey|recovery):[0-9a-f]{16}$/;
