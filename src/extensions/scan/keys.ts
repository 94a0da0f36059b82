import type { Finding } from "./finding.ts";
import type { Look } from "../../platform/files/look.ts";
import { fullPath, shortPath } from "./paths.ts";
import { isSecretName } from "./secret-like.ts";

/** A place where keys lie in clear text, and what they open. */
export interface KeyPlace {
  /** `~/…` or absolute. */
  readonly path: string;
  readonly opens: string;
  /** Whether other users of the machine can read it too. */
  readonly shared: boolean;
}

/** Files in which programs keep keys, by what these open. A place counts only when what it says in `shows` is in it. */
const PLACES: readonly { readonly path: string; readonly opens: string; readonly shows?: RegExp }[] = [
  { path: "~/.aws/credentials", opens: "AWS", shows: /aws_secret_access_key/u },
  { path: "~/.config/gcloud/application_default_credentials.json", opens: "Google Cloud" },
  { path: "~/.config/gcloud/credentials.db", opens: "Google Cloud" },
  { path: "~/.azure/msal_token_cache.json", opens: "Azure" },
  { path: "~/.kube/config", opens: "Kubernetes clusters", shows: /(?:token|client-key-data|password):/u },
  { path: "~/.docker/config.json", opens: "container registries", shows: /"auth"\s*:\s*"[^"]+"/u },
  { path: "~/.npmrc", opens: "the npm registry, publishing included", shows: /_auth(?:Token)?\s*=\s*[^\s$]/u },
  { path: "~/.pypirc", opens: "PyPI, publishing included", shows: /password/u },
  { path: "~/.cargo/credentials.toml", opens: "crates.io", shows: /token/u },
  { path: "~/.netrc", opens: "web and FTP logins", shows: /password/u },
  { path: "~/.git-credentials", opens: "git hosts" },
  { path: "~/.config/gh/hosts.yml", opens: "GitHub", shows: /oauth_token/u },
  { path: "~/.config/glab-cli/config.yml", opens: "GitLab", shows: /token:\s*\S/u },
  { path: "~/.pgpass", opens: "PostgreSQL" },
  { path: "~/.my.cnf", opens: "MySQL", shows: /password/u },
  { path: "~/.config/rclone/rclone.conf", opens: "cloud storage", shows: /(?:token|pass|secret)/u },
  { path: "~/.terraform.d/credentials.tfrc.json", opens: "Terraform Cloud" },
  { path: "~/.vault-token", opens: "Vault" },
  { path: "~/.config/op/config", opens: "1Password's command line" },
  { path: "~/.config/solana/id.json", opens: "a Solana wallet" },
  { path: "~/.ethereum/keystore", opens: "Ethereum wallets" },
  { path: "~/.bitcoin/wallet.dat", opens: "a Bitcoin wallet" },
  { path: "~/.gnupg/private-keys-v1.d", opens: "OpenPGP keys" },
  { path: "~/.password-store", opens: "the password store" },
  { path: "~/.local/share/keyrings", opens: "the desktop's keyring" },
  { path: "~/.config/google-chrome/Default/Cookies", opens: "every website that Chrome is logged in to" },
  { path: "~/.config/chromium/Default/Cookies", opens: "every website that Chromium is logged in to" },
  { path: "~/.mozilla/firefox", opens: "every website that Firefox is logged in to" },
];

/** Files of a folder that hold keys by custom. */
const ENVIRONMENT_FILES = [".env", ".env.local", ".env.production", ".env.development"];
const FIRST_BYTES = 256 * 1024;
const SSH_BYTES = 16 * 1024;

/** Where keys lie in clear text that every program of this person can read, agents among them. `keys`: clients' own files. */
export async function findKeys(
  look: Look,
  { folders, keys }: { readonly folders: readonly string[]; readonly keys: readonly string[] },
): Promise<readonly KeyPlace[]> {
  const found: KeyPlace[] = [];
  const add = async (path: string, opens: string, shows: RegExp | null): Promise<void> => {
    const there = await look.inspect(path);
    if (there === null || !there.open || (there.kind === "file" && there.size === 0)) return;
    if (there.kind === "folder" && (await look.list(path, 1)).length === 0) return;
    if (shows !== null && !shows.test((await look.read(path, FIRST_BYTES)) ?? "")) return;
    found.push({ path: shortPath(look, path), opens, shared: there.shared });
  };
  for (const { path, opens, shows } of PLACES) await add(fullPath(look, path), opens, shows ?? null);
  for (const path of keys) await add(fullPath(look, path), "the agent's own account", null);
  for (const path of await sshKeys(look)) await add(path, "machines by SSH, without a passphrase", null);
  for (const folder of folders)
    for (const name of ENVIRONMENT_FILES) {
      const names = environmentKeys((await look.read(`${folder}/${name}`, FIRST_BYTES)) ?? "");
      if (names.length > 0) await add(`${folder}/${name}`, summarise(names), null);
    }
  return found;
}

/** Names in an environment file whose values are secrets by their name. */
function environmentKeys(text: string): readonly string[] {
  return [...text.matchAll(/^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(\S.*)$/gmu)]
    .map(([, name = ""]) => name)
    .filter(isSecretName);
}

function summarise(names: readonly string[]): string {
  const [first = "", second, ...more] = names;
  if (second === undefined) return first;
  return more.length === 0 ? `${first} and ${second}` : `${first}, ${second} and ${more.length} more`;
}

/** Private keys of SSH that no passphrase protects. */
async function sshKeys(look: Look): Promise<readonly string[]> {
  const folder = `${look.home}/.ssh`;
  const keys: string[] = [];
  for (const name of await look.list(folder, 200)) {
    if (name.endsWith(".pub")) continue;
    const text = await look.read(`${folder}/${name}`, SSH_BYTES);
    if (text !== null && isBareKey(text)) keys.push(`${folder}/${name}`);
  }
  return keys;
}

/** Whether a text is a private key that can be used as it is: PEM says `ENCRYPTED`, OpenSSH's own form names a cipher. */
function isBareKey(text: string): boolean {
  if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----/mu.test(text)) return false;
  if (text.includes("ENCRYPTED")) return false;
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----\s*([A-Za-z0-9+/=\s]+)/u.exec(text)?.[1];
  if (body === undefined) return true;
  // "openssh-key-v1", a zero, and the cipher's name with its length: `none` is no encryption (PROTOCOL.key of OpenSSH).
  return body.replaceAll(/\s/gu, "").startsWith("b3BlbnNzaC1rZXktdjEAAAAABG5vbmU");
}

/** Key places as findings, and the variables that agents inherit. */
export function judgeKeys(places: readonly KeyPlace[], look: Pick<Look, "variables">): readonly Finding[] {
  const files = places.map(({ path, opens, shared }): Finding => ({
    rule: "key-file",
    client: null,
    subject: path,
    message: `${path} opens ${opens}${shared ? "; other users of this machine can read it too" : ""}`,
    place: { path, line: 1 },
  }));
  const names = look.variables.filter(isSecretName);
  if (names.length === 0) return files;
  const message = `${names.join(", ")} ${names.length === 1 ? "is" : "are"} in the environment, and every agent started here inherits it`;
  return [...files, { rule: "key-in-environment", client: null, subject: "environment", message, place: null }];
}

/** Sockets whose other end acts with more than this person's rights, or for all of their programs. */
const SOCKETS: readonly (readonly [path: string, what: string])[] = [
  ["/var/run/docker.sock", "Docker, which is root"],
  ["/run/podman/podman.sock", "Podman's engine"],
  ["/run/containerd/containerd.sock", "containerd, which is root"],
];

/** Sockets of that sort that this person may speak to. */
export async function findSockets(look: Look): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [path, what] of SOCKETS) {
    const there = await look.inspect(path);
    if (there?.kind === "socket" && there.open) found.push(`${what} (${path})`);
  }
  if (look.variables.includes("SSH_AUTH_SOCK")) found.push("the SSH agent's keys (SSH_AUTH_SOCK)");
  if (look.variables.includes("DBUS_SESSION_BUS_ADDRESS")) found.push("the desktop's bus, keyring included");
  if (look.variables.includes("DISPLAY") || look.variables.includes("WAYLAND_DISPLAY"))
    found.push("the screen and the clipboard");
  return found;
}
