import { FORWARD } from "../kernel/forwards.ts";
import { NET_DRIVER } from "../kernel/net.ts";
import type { Condition, Grant } from "../kernel/grant.ts";
import type { Format } from "../kernel/infer.ts";
import { isLoopback } from "../kernel/hosts.ts";
import { gitOrigin, SSH_PORT, type GitPlace } from "../kernel/git-ssh.ts";
import { GIT_PORT, INFER_PORT, PROXY_PORT } from "../sandbox/launch-plan.ts";

/** The authority at which TLS ends. */
const CA = "/run/aios/ca.pem";
/** The same and the machine's own, whose certificates are met in a tunnel that is passed through. */
const AUTHORITIES = "/run/aios/authorities.pem";
const PROXY = `http://127.0.0.1:${PROXY_PORT}`;

/** What grants give of the network: nothing, or others' machines, or services of this machine as well. */
export type GrantedNetwork = "none" | "public" | "loopback";

/** What these grants together give. */
export function networkOf(grants: readonly Grant[]): GrantedNetwork {
  const allows = grants.flatMap(({ allow }) => allow.filter(({ what }) => what.startsWith(`${NET_DRIVER}/`)));
  if (allows.length === 0) return "none";
  // A forwarded port is the agent's own address, so it takes no name from it.
  const named = allows.filter(({ what }) => what !== FORWARD);
  return named.some(({ where }) => hostsOf(where["host"]).some(isLoopback)) ? "loopback" : "public";
}

function hostsOf(condition: Condition | undefined): readonly string[] {
  if (condition === undefined) return [];
  if ("equals" in condition) return typeof condition.equals === "string" ? [condition.equals] : [];
  return "in" in condition ? condition.in : [];
}

/**
 * What an agent's programs find in their environment when it may use the network: the address and the socket of its
 * proxy, and the authorities that it meets, in the variables that Node, OpenSSL, Python, curl, git, npm and pip read. Node adds
 * one to its own; for the others the variable names all that they trust. A grant that names a service
 * of this machine takes the name `localhost` with it; otherwise that is the agent's own, reached without the proxy. The
 * addresses of loopback are always the agent's own: no grant names one, and a dev server inside is reached by them.
 */
export function networkEnvironment(network: GrantedNetwork): { readonly [name: string]: string } {
  if (network === "none") return {};
  const direct = network === "loopback" ? "127.0.0.1,::1" : "localhost,127.0.0.1,::1";
  return {
    HTTP_PROXY: PROXY,
    HTTPS_PROXY: PROXY,
    ALL_PROXY: PROXY,
    NO_PROXY: direct,
    http_proxy: PROXY,
    https_proxy: PROXY,
    all_proxy: PROXY,
    no_proxy: direct,
    NODE_USE_ENV_PROXY: "1",
    AIOS_PROXY_SOCKET: "/run/aios/proxy.sock",
    NODE_EXTRA_CA_CERTS: CA,
    SSL_CERT_FILE: AUTHORITIES,
    REQUESTS_CA_BUNDLE: AUTHORITIES,
    CURL_CA_BUNDLE: AUTHORITIES,
    GIT_SSL_CAINFO: AUTHORITIES,
    npm_config_cafile: AUTHORITIES,
    PIP_CERT: AUTHORITIES,
  };
}

const MODELS = `http://127.0.0.1:${INFER_PORT}`;
/** What clients that do not start without a key are given: the key is put in outside, or there is none. */
const NO_KEY = "aios-inference";

/**
 * Where an agent's programs find its models, in the variables that the clients of each format read. What its profile or a
 * grant says of them comes after. No proxy stands before them: `NO_PROXY` names this address where there is one.
 */
export function inferenceEnvironment(formats: readonly Format[]): { readonly [name: string]: string } {
  return {
    ...(formats.length === 0 ? {} : { AIOS_INFERENCE_URL: MODELS }),
    ...(formats.includes("anthropic") ? { ANTHROPIC_BASE_URL: MODELS, ANTHROPIC_API_KEY: NO_KEY } : {}),
    ...(formats.includes("openai") ? { OPENAI_BASE_URL: `${MODELS}/v1`, OPENAI_API_KEY: NO_KEY } : {}),
  };
}

/**
 * How git finds the repositories of these places: their addresses are written anew as one inside, where the face speaks git's
 * own protocol. So nothing of ours runs in the sandbox, and git's own files say what they always said.
 * `user@host:path` has a path below the account's home when it begins with no slash; forges take it for one from the root,
 * and here it is the same.
 */
export function gitEnvironment(places: readonly GitPlace[]): { readonly [name: string]: string } {
  const rules = places.flatMap((place) => {
    const { host, port, user } = place;
    const inside = `git://127.0.0.1:${GIT_PORT}/${user}@${host}:${port}/`;
    const short = port === SSH_PORT ? [`ssh://${user}@${host}:22/`, `${user}@${host}:`, `${user}@${host}:/`] : [];
    return [`${gitOrigin(place)}/`, ...short].map((written) => [`url.${inside}.insteadOf`, written] as const);
  });
  if (rules.length === 0) return {};
  const settings = rules.map(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return { GIT_CONFIG_COUNT: String(rules.length), ...Object.fromEntries(settings.flat()) };
}
