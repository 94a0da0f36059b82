import type { GitCall } from "../../kernel/git-ssh.ts";
import type { SshBinding } from "../../kernel/ssh-binding.ts";

/** The client of OpenSSH as the system has it. */
export const SSH_PROGRAM = "/usr/bin/ssh";
/** The name under which the machine's keys stand in the file of known hosts: whoever answers, it is this one or nobody. */
const ALIAS = "pinned";
const CONNECT_SECONDS = 15;

/** Where the two files of one session lie. */
export interface SshFiles {
  readonly key: string;
  readonly knownHosts: string;
}

/** The file of known hosts: the pinned keys of the one machine. */
export function knownHosts({ hostKeys }: Pick<SshBinding, "hostKeys">): string {
  return hostKeys.map((key) => `${ALIAS} ${key}\n`).join("");
}

/** The file of a key, from its base64. */
export function keyFile(value: string): string {
  const lines = value.match(/.{1,70}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

/**
 * The words of the command for one session: no file of settings, one key, one machine's key, no agent, no forwarding, no
 * terminal, no question. Nothing that an agent says can be an option: user and path have no dash at their beginning and no
 * character of a shell, and what runs over there is one of two commands with a quoted path.
 */
export function sshArguments(
  call: GitCall,
  way: { readonly address: string; readonly files: SshFiles; readonly hostKeys: readonly string[] },
): readonly string[] {
  const { address, files, hostKeys } = way;
  const settings = {
    BatchMode: "yes",
    StrictHostKeyChecking: "yes",
    UserKnownHostsFile: files.knownHosts,
    GlobalKnownHostsFile: "/dev/null",
    HostKeyAlias: ALIAS,
    HostKeyAlgorithms: algorithmsOf(hostKeys).join(","),
    CheckHostIP: "no",
    VerifyHostKeyDNS: "no",
    UpdateHostKeys: "no",
    IdentityFile: files.key,
    IdentitiesOnly: "yes",
    IdentityAgent: "none",
    AddKeysToAgent: "no",
    PreferredAuthentications: "publickey",
    PasswordAuthentication: "no",
    KbdInteractiveAuthentication: "no",
    GSSAPIAuthentication: "no",
    HostbasedAuthentication: "no",
    ForwardAgent: "no",
    ForwardX11: "no",
    ClearAllForwardings: "yes",
    PermitLocalCommand: "no",
    ProxyCommand: "none",
    ControlMaster: "no",
    ControlPath: "none",
    RequestTTY: "no",
    EscapeChar: "none",
    ConnectTimeout: String(CONNECT_SECONDS),
    ServerAliveInterval: "30",
    ServerAliveCountMax: "3",
    LogLevel: "ERROR",
    SendEnv: "GIT_PROTOCOL",
    HostName: address,
  };
  return [
    "-F",
    "/dev/null",
    "-T",
    ...Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
    "-p",
    String(call.port),
    "-l",
    call.user,
    "--",
    ALIAS,
    remoteCommand(call),
  ];
}

/** What runs at the other end. A path that was decoded has no quote in it. */
function remoteCommand({ tool, path }: GitCall): string {
  return `${tool === "fetch" ? "git-upload-pack" : "git-receive-pack"} '${path}'`;
}

function algorithmsOf(hostKeys: readonly string[]): readonly string[] {
  const types = [...new Set(hostKeys.map((key) => key.split(" ", 1)[0] ?? ""))];
  // A key of this type signs with SHA-1 when it is asked for by its own name.
  return types.flatMap((type) => (type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type]));
}

/** Why a session failed before the server said anything, by the words of the client; they go no further. */
export function sshFault(errors: string): "host-key-refused" | "key-refused" | "unreachable" | "refused-there" {
  if (/Host key verification failed|no matching host key|REMOTE HOST IDENTIFICATION/i.test(errors))
    return "host-key-refused";
  if (/Permission denied|Too many authentication failures|invalid format|error in libcrypto/i.test(errors))
    return "key-refused";
  return /^(?:ssh: connect to|kex_|Connection |banner )/m.test(errors) ? "unreachable" : "refused-there";
}
