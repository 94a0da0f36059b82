import { existsSync, lstatSync, readFileSync, readlinkSync } from "node:fs";
import type { SystemLayout } from "../../sandbox/layout.ts";

const SYSTEM_FOLDERS = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/** What programs read of `/etc`; nothing here differs between users or holds a secret. */
const ETC = [
  "/etc/alternatives",
  "/etc/ld.so.cache",
  "/etc/ssl/certs",
  "/etc/pki/tls/certs",
  "/etc/pki/ca-trust/extracted",
];

/** Names of keys and of keyrings, and whose. A kernel without keys has neither. */
const CLOSED = ["/proc/keys", "/proc/key-users"];

/** Looks at how this machine lays out its system folders. Synchronous, some twenty calls; the answer holds until an upgrade. */
export function readSystemLayout(): SystemLayout {
  const links: { inside: string; target: string }[] = [];
  const folders: string[] = [];
  for (const path of SYSTEM_FOLDERS) {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isSymbolicLink() === true) links.push({ inside: path, target: readlinkSync(path) });
    else if (found?.isDirectory() === true) folders.push(path);
  }
  return Object.freeze({
    links,
    folders,
    etc: ETC.filter((path) => existsSync(path)),
    closed: CLOSED.filter((path) => existsSync(path)),
    resolver: Object.freeze({ hosts: readText("/etc/hosts"), resolvConf: readText("/etc/resolv.conf") }),
  });
}

// A machine without the file resolves nothing, and so does its connector.
function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
