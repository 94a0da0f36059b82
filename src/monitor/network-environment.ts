import { NET_DRIVER } from "../kernel/net.ts";
import type { Grant } from "../kernel/grant.ts";

const CA = "/run/aios/ca.pem";

/** Whether any of these grants names the network. */
export function grantsNetwork(grants: readonly Grant[]): boolean {
  return grants.some((grant) => grant.allow.some(({ what }) => what.startsWith(`${NET_DRIVER}/`)));
}

/**
 * What an agent's programs find in their environment when it may use the network: the socket of its proxy, and the
 * authority at which its TLS ends, in the variables that Node, OpenSSL, Python, curl, git, npm and pip read. The system's
 * own authorities are of no use inside: nothing of theirs can be reached.
 */
export function networkEnvironment(network: boolean): { readonly [name: string]: string } {
  if (!network) return {};
  return {
    AIOS_PROXY_SOCKET: "/run/aios/proxy.sock",
    NODE_EXTRA_CA_CERTS: CA,
    SSL_CERT_FILE: CA,
    REQUESTS_CA_BUNDLE: CA,
    CURL_CA_BUNDLE: CA,
    GIT_SSL_CAINFO: CA,
    npm_config_cafile: CA,
    PIP_CERT: CA,
  };
}
