import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { readHostKeys, readKeyFile } from "../../src/cli/key-file.ts";

const SSHD = "/usr/sbin/sshd";
const KEYGEN = "/usr/bin/ssh-keygen";

/** Whether such a server can be started; `npm test` installs what it needs where nobody has to be asked. */
export function hasSshServer(): boolean {
  return [SSHD, "/usr/bin/ssh", KEYGEN].every((program) => existsSync(program));
}

/** What is said when it cannot. */
export const NO_SSH_SERVER =
  "NOT PROVEN: OpenSSH is not here, so git over SSH was not tried. Type: apt-get install -y openssh-server openssh-client";

/** A real server of OpenSSH on loopback, with throw-away keys, that lets one key use git and nothing else. */
export interface SshServer {
  readonly port: number;
  /** The account: whoever runs the test. */
  readonly user: string;
  /** Where its repositories lie. */
  readonly folder: string;
  /** Its public key as `TYPE BASE64`. */
  readonly hostKey: string;
  /** The private key that it lets in, as a secret's value. */
  readonly key: string;
  /** The file of that key. */
  readonly keyFile: string;
  /** Makes a bare repository with one commit on `main`; its path. */
  makeRepository(name: string): string;
  /** What git says in a repository here. */
  git(path: string, ...words: readonly string[]): string;
  /** What was asked of it: the commands of every session. */
  asked(): readonly string[];
  /** Connections that proved to hold its key. */
  accepted(): number;
  stop(): Promise<void>;
}

/** Starts it. `free`: the key may run anything there, for what shows an attack at work. */
export async function startSshServer(options: { readonly free?: boolean } = {}): Promise<SshServer> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "aios-sshd-")));
  const { username: user, uid } = userInfo();
  // Where a server that root starts separates its privileges; the package's own service makes it.
  if (uid === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const [hostFile, keyFile] = [makeKey(base, "host"), makeKey(base, "client")];
  const asked = join(base, "asked");
  const run = join(base, "run");
  // What an account for git alone does, and a line for each command.
  writeFileSync(
    run,
    `#!/bin/sh\necho "$SSH_ORIGINAL_COMMAND" >> ${asked}\nexec git-shell -c "$SSH_ORIGINAL_COMMAND"\n`,
    {
      mode: 0o755,
    },
  );
  writeFileSync(asked, "");
  const allowed = options.free === true ? "" : `restrict,command="${run}" `;
  writeFileSync(join(base, "authorized"), `${allowed}${readFileSync(`${keyFile}.pub`, "utf8")}`);
  const port = await freePort();
  const config = join(base, "config");
  const settings = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${hostFile}`,
    `AuthorizedKeysFile ${join(base, "authorized")}`,
    `PidFile ${join(base, "pid")}`,
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "AcceptEnv GIT_PROTOCOL",
    "MaxStartups 100",
    "LogLevel VERBOSE",
  ];
  writeFileSync(config, `${settings.join("\n")}\n`);
  const server = spawn(SSHD, ["-D", "-e", "-f", config], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  server.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const gone = new Promise<void>((resolve) => server.once("close", () => resolve()));
  for (let tries = 0; !log.includes("Server listening"); tries++) {
    if (tries > 500 || server.exitCode !== null) throw new Error(`sshd does not listen: ${log}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const git = (path: string, ...words: readonly string[]): string =>
    execFileSync("git", ["-C", path, ...words], { encoding: "utf8", env: GIT_ENVIRONMENT }).trim();
  const folder = join(base, "srv");
  mkdirSync(folder);
  const [hostKey = ""] = readHostKeys(readFileSync(`${hostFile}.pub`, "utf8"));
  return {
    port,
    user,
    folder,
    hostKey,
    key: readKeyFile(readFileSync(keyFile, "utf8")) ?? "",
    keyFile,
    makeRepository: (name) => {
      const [path, seed] = [join(folder, name), join(base, `seed-${name}`)];
      execFileSync("git", ["init", "-q", "--bare", "-b", "main", path]);
      execFileSync("git", ["init", "-q", "-b", "main", seed]);
      writeFileSync(join(seed, "a.txt"), `one of ${name}\n`);
      git(seed, "add", ".");
      git(seed, "commit", "-q", "-m", "first");
      git(seed, "push", "-q", path, "main");
      return path;
    },
    git,
    asked: () => readFileSync(asked, "utf8").split("\n").filter(Boolean),
    accepted: () => log.split("Accepted publickey").length - 1,
    stop: async () => {
      server.kill();
      await gone;
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** Makes a pair of keys without a passphrase in a folder; the file of the private one. */
function makeKey(folder: string, name: string): string {
  const file = join(folder, name);
  execFileSync(KEYGEN, ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file]);
  return file;
}

/** A pair of keys that no server knows: the private one as a secret's value, and `TYPE BASE64`. */
export function strangerKeys(): { readonly key: string; readonly hostKey: string } {
  const folder = mkdtempSync(join(tmpdir(), "aios-key-"));
  try {
    const file = makeKey(folder, "key");
    const [hostKey = ""] = readHostKeys(readFileSync(`${file}.pub`, "utf8"));
    return { key: readKeyFile(readFileSync(file, "utf8")) ?? "", hostKey };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const GIT_ENVIRONMENT = {
  PATH: process.env["PATH"],
  HOME: "/nonexistent",
  GIT_AUTHOR_NAME: "dev",
  GIT_AUTHOR_EMAIL: "dev@example.com",
  GIT_COMMITTER_NAME: "dev",
  GIT_COMMITTER_EMAIL: "dev@example.com",
};

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
