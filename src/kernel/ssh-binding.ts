import type { Decoded } from "./decoded.ts";
import { gitOrigin, gitPlaceOf, isGitPath, parseGitOrigin, type GitPlace } from "./git-ssh.ts";
import type { Allow, Condition } from "./grant.ts";
import type { JsonValue } from "./json.ts";
import { pathSegments, isUnder } from "./paths.ts";
import { readDocument } from "./reading.ts";
import { readSecretName } from "./secrets.ts";

/** Where an SSH key may be used, which an owner signs: with whom, for which repositories, and how that machine is known. */
export interface SshBinding {
  readonly secret: string;
  /** `ssh://user@host`, with `:port` where it is not 22. */
  readonly to: string;
  /** Repositories, and folders of them: each path and what is below it; `/` is all. */
  readonly paths: readonly string[];
  /** The machine's public keys as `TYPE BASE64`; no other is spoken to. */
  readonly hostKeys: readonly string[];
}

/** Paths of one binding, and keys of one machine. */
const MOST = 16;

/** How public keys of each type begin: the length and name of their type, in base64 (RFC 4253, section 6.6). */
const HOST_KEY_HEADS: readonly string[] = [
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI",
  "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAI",
  "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAI",
  "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAI",
  "ssh-rsa AAAAB3NzaC1yc2EAAAA",
];
const HOST_KEY = /^[a-z0-9-]+ [A-Za-z0-9+/]{48,2048}={0,2}$/;

/**
 * How an OpenSSH private key begins that has no passphrase and is alone in its file, in base64: `openssh-key-v1`, cipher and
 * derivation `none`, no options, one key.
 */
const OPEN_KEY = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAAB";

/** Whether the value of a secret is a private key that can be used as it is: the base64 of its file, in one line. */
export function isSshKey(value: string): boolean {
  return value.startsWith(OPEN_KEY) && /^[A-Za-z0-9+/]+={0,2}$/.test(value) && value.length % 4 === 0;
}

/** Whether a text is a machine's public key in the one spelling. */
export function isHostKey(text: string): boolean {
  return HOST_KEY.test(text) && HOST_KEY_HEADS.some((head) => text.startsWith(head));
}

/** Whether the destination of a binding says that it is one of these. */
export function isSshTarget(to: JsonValue | undefined): boolean {
  return typeof to === "string" && to.startsWith("ssh:");
}

/** Decodes what is signed when a key is bound to an account of a machine. */
export function decodeSshBinding(value: JsonValue): Decoded<SshBinding> {
  return readDocument(value, (place) => {
    const at = place.fields("secret", "to", "paths", "hostKeys");
    const to = at("to").value;
    if (typeof to !== "string" || parseGitOrigin(to) === null)
      return at("to").fail("not ssh://user@host with a port where it is not 22");
    const paths = at("paths").names(MOST, (path) => {
      const text = path.value;
      return typeof text === "string" && isGitPath(text) ? text : path.fail("not a repository's path");
    });
    if (paths.length === 0) at("paths").fail("no repository is named");
    const hostKeys = at("hostKeys").names(MOST, (key) => {
      const text = key.value;
      return typeof text === "string" && isHostKey(text) ? text : key.fail("not a public key, as TYPE BASE64");
    });
    // Whoever does not say which machine it is would hand its work to whoever answers.
    if (hostKeys.length === 0) at("hostKeys").fail("no key of the machine is named");
    return { secret: readSecretName(at("secret")), to, paths, hostKeys };
  });
}

/**
 * The binding whose key is used for a repository: the one that names it most exactly. Null when none does, or when two keys
 * are bound to it alike, since which of them was meant nobody could say.
 */
export function bindingFor(
  bindings: readonly SshBinding[],
  { path, ...place }: GitPlace & { readonly path: string },
): SshBinding | null {
  const to = gitOrigin(place);
  const fitting = bindings
    .filter((binding) => binding.to === to)
    .map((binding) => ({ binding, depth: depthOf(binding, path) }));
  const most = Math.max(-1, ...fitting.map(({ depth }) => depth));
  const [found, ...others] = fitting.filter(({ depth }) => depth === most && depth >= 0);
  return found === undefined || others.length > 0 ? null : found.binding;
}

/** How exactly a binding names a repository: segments of the longest path that covers it, -1 when none does. */
function depthOf({ paths }: SshBinding, path: string): number {
  const covering = paths.filter((root) => isUnder(path, root));
  return Math.max(-1, ...covering.map((root) => pathSegments(root)?.length ?? -1));
}

/** Whether a binding may be what an allowance of git over SSH needs: they name the same place, and a repository in common. */
export function isNeededBy(binding: SshBinding, allow: Allow): boolean {
  const place = gitPlaceOf(allow);
  if (place === null || gitOrigin(place) !== binding.to) return false;
  const { path } = allow.where;
  const named = path === undefined ? [] : "under" in path ? [path.under] : "in" in path ? path.in : textOf(path);
  return named.some((each) => binding.paths.some((root) => isUnder(each, root) || isUnder(root, each)));
}

function textOf(condition: Condition): readonly string[] {
  return "equals" in condition && typeof condition.equals === "string" ? [condition.equals] : [];
}
