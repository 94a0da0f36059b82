import { type Grant } from "../kernel/grant.ts";
import { decodeGrant } from "../kernel/grant-decoder.ts";
import { decodeProvider, type Provider } from "../kernel/infer.ts";
import { parseGitOrigin } from "../kernel/git-ssh.ts";
import { isObject, type JsonValue } from "../kernel/json.ts";
import { parseSecretOrigin, type BindingTerms, type HeaderBinding, type PathBinding } from "../kernel/secrets.ts";
import { names, nullable, object, refine, text, type Decoder } from "./decode.ts";
import { words } from "./fields.ts";
import type { Refusal } from "./refusal.ts";

// Decoders of what owners sign, whole. The kernel has the last word on a grant (`decodeGrant`); its parts are in `grant-parts.ts`.

/** An origin that a secret may go to. */
export const secretOrigin: Decoder<string> = refine(
  text({ max: 300, pattern: /^[!-~]+$/, is: "an origin" }),
  (origin) => (parseSecretOrigin(origin) === null ? "is not https to a host name, nor http to localhost" : null),
);

/** Reads where a secret may go: an origin, or an account of a machine for a key of SSH. */
export const secretTarget: Decoder<string> = refine(
  text({ max: 400, pattern: /^[!-~]+$/, is: "a destination" }),
  (to) =>
    parseSecretOrigin(to) === null && parseGitOrigin(to) === null
      ? "is not https to a host name, http to localhost, nor ssh with a user"
      : null,
);

/** Reads a provider, as the kernel does. */
export const PROVIDER: Decoder<Provider> = (value, refusal) => {
  const decoded = decodeProvider(value);
  return decoded.kind === "ok" ? decoded.value : refusal.because(`is no provider: ${decoded.message}`);
};

/** Reads a whole grant, as the kernel does. */
export const GRANT: Decoder<Grant> = (value, refusal) => {
  const decoded = decodeGrant(value);
  return decoded.kind === "ok" ? decoded.value : refusal.because(`is no grant: ${decoded.message}`);
};

const BOUND = { to: secretOrigin, methods: names(words, { max: 8 }) };
const INTO = object<Omit<HeaderBinding, "secret">>({ ...BOUND, path: words, header: words, scheme: nullable(words) });
const BEHIND = object<Omit<PathBinding, "secret">>({ ...BOUND, after: names(words, { max: 8 }) });

/** Where a secret may go, as it is told: in a header, or behind the beginnings of a path. */
export function bindingTerms(value: JsonValue, refusal: Refusal): BindingTerms | Refusal {
  return isObject(value) && "after" in value ? BEHIND(value, refusal) : INTO(value, refusal);
}
