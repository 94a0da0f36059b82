import { isHostKey, isSshKey } from "../kernel/ssh-binding.ts";

const PRIVATE =
  /^\s*-----BEGIN OPENSSH PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END OPENSSH PRIVATE KEY-----\s*$/;

/** The base64 of an OpenSSH private key in one line, from the text of its file; null when it is none, or has a passphrase. */
export function readKeyFile(text: string): string | null {
  const key = (PRIVATE.exec(text)?.[1] ?? "").replaceAll(/\s/g, "");
  return isSshKey(key) ? key : null;
}

/**
 * The public keys in a file as `ssh-keyscan` prints it, as `known_hosts` has it, or alone with or without a comment: each as
 * `TYPE BASE64`, once. Lines in which there is none are left out; whoever takes none refuses.
 */
export function readHostKeys(text: string): readonly string[] {
  const keys = text.split("\n").flatMap((row) => {
    if (row.startsWith("#")) return [];
    const words = row.trim().split(/\s+/);
    const pairs = words.map((word, index) => `${word} ${words[index + 1] ?? ""}`);
    return pairs.filter(isHostKey).slice(0, 1);
  });
  return [...new Set(keys)];
}
