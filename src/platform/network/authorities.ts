import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where distributions keep all authorities that a machine trusts in one file: Debian, Arch, Alpine; Fedora, RHEL. */
const BUNDLES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/**
 * Writes `ca.pem`, the authority at which an agent's TLS ends, and `authorities.pem`, the same and this machine's own: a
 * tunnel that is passed through leads to a server with a certificate of theirs. `certificate` is PEM.
 */
export function writeAuthorities(folder: string, certificate: string, bundles: readonly string[] = BUNDLES): void {
  writeFileSync(join(folder, "ca.pem"), certificate, { mode: 0o644 });
  const own = certificate.endsWith("\n") ? certificate : `${certificate}\n`;
  writeFileSync(join(folder, "authorities.pem"), own + readFirst(bundles), { mode: 0o644 });
}

/** The first of them that is there; a machine that has none trusts nobody. */
function readFirst(paths: readonly string[]): string {
  for (const path of paths) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      // Not of this distribution.
    }
  }
  return "";
}
