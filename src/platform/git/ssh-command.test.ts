import { expect, test } from "vitest";
import { keyFile, knownHosts, sshArguments, sshFault } from "./ssh-command.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const CALL = { host: "example.org", port: 2222, user: "git", path: "/me/x.git" };
const WAY = { address: "192.0.2.1", files: { key: "/tmp/1/key", knownHosts: "/tmp/1/known_hosts" }, hostKeys: [KEY] };

test("the command has no file of settings, one key, one machine, and words that an agent cannot choose", () => {
  const words = sshArguments({ tool: "fetch", ...CALL, protocol: 2 }, WAY);
  expect(words.join(" ")).toBe(
    [
      "-F /dev/null -T -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/tmp/1/known_hosts",
      "-o GlobalKnownHostsFile=/dev/null -o HostKeyAlias=pinned -o HostKeyAlgorithms=ssh-ed25519 -o CheckHostIP=no",
      "-o VerifyHostKeyDNS=no -o UpdateHostKeys=no -o IdentityFile=/tmp/1/key -o IdentitiesOnly=yes -o IdentityAgent=none",
      "-o AddKeysToAgent=no -o PreferredAuthentications=publickey -o PasswordAuthentication=no",
      "-o KbdInteractiveAuthentication=no -o GSSAPIAuthentication=no -o HostbasedAuthentication=no -o ForwardAgent=no",
      "-o ForwardX11=no -o ClearAllForwardings=yes -o PermitLocalCommand=no -o ProxyCommand=none -o ControlMaster=no",
      "-o ControlPath=none -o RequestTTY=no -o EscapeChar=none -o ConnectTimeout=15 -o ServerAliveInterval=30",
      "-o ServerAliveCountMax=3 -o LogLevel=ERROR -o SendEnv=GIT_PROTOCOL -o HostName=192.0.2.1",
      "-p 2222 -l git -- pinned git-upload-pack '/me/x.git'",
    ].join(" "),
  );
  expect(sshArguments({ tool: "refs", ...CALL }, WAY).at(-1)).toBe("git-receive-pack '/me/x.git'");
});

test("a key of RSA never signs with SHA-1", () => {
  const words = sshArguments({ tool: "refs", ...CALL }, { ...WAY, hostKeys: [`ssh-rsa AAAA`, KEY] });
  expect(words).toContain("HostKeyAlgorithms=rsa-sha2-512,rsa-sha2-256,ssh-ed25519");
});

test("the files of a session are the pinned keys and the key", () => {
  expect(knownHosts({ hostKeys: [KEY] })).toBe(`pinned ${KEY}\n`);
  expect(keyFile("a".repeat(75))).toBe(
    `-----BEGIN OPENSSH PRIVATE KEY-----\n${"a".repeat(70)}\naaaaa\n-----END OPENSSH PRIVATE KEY-----\n`,
  );
});

test.each([
  ["Host key verification failed.\r\n", "host-key-refused"],
  ["Unable to negotiate with 192.0.2.1 port 22: no matching host key type found.", "host-key-refused"],
  ["git@192.0.2.1: Permission denied (publickey).\r\n", "key-refused"],
  ['Load key "/tmp/1/key": error in libcrypto', "key-refused"],
  ["ssh: connect to host 192.0.2.1 port 22: Connection refused\r\n", "unreachable"],
  ["fatal: '/me/x.git' does not appear to be a git repository\n", "refused-there"],
])("%j is %s", (errors, fault) => {
  expect(sshFault(errors)).toBe(fault);
});
