import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXTENSION_PLACE } from "../../src/kernel/grant.ts";
import { readSystemLayout } from "../../src/platform/sandbox/sandbox-layout.ts";
import { INSIDE_USER } from "../../src/sandbox/layout.ts";
import { REPO } from "../e2e/substrate.ts";
import { readUser } from "../e2e/user.ts";
import { HOME } from "./person.ts";

/** Where what is no part of the person's machine may be written: nobody looks at it. */
export const STATE = "/state";
export const WORKSPACE = "/workspace";
/** Where the repository lies on the machine, wherever it is here: below the person's own folders it would be in the way. */
export const MACHINE_REPO = "/repository";
const TOOLS = "/usr/local/bin";
const MARKET_TOOLS = ["curl", "wget", "unzip"];
const MACHINE_TOOLS = ["crontab", "launchctl", "security", "osascript", "xattr", "xxd", "npx"];
/** Names, and everything below port 1024, are for whoever is on the machine: its makers listen there. */
const OPEN_PORTS = 'echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start && exec "$@"';

const ETC: { readonly [name: string]: string } = {
  passwd: `${INSIDE_USER.name}:x:${INSIDE_USER.uid}:${INSIDE_USER.gid}::${HOME}:/bin/sh\n`,
  group: `${INSIDE_USER.name}:x:${INSIDE_USER.gid}:\n`,
  hosts: "127.0.0.1 localhost machine\n",
  "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
  "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
};

/**
 * Runs a program of the repository (named below `MACHINE_REPO`) on a machine that is thrown away: this one's system, read-only, and nothing else of it. The
 * network is a loopback interface; home, temporary folders and processes are made for it and go with it. Its standard output is
 * piped. `gone` resolves with its exit code when all is removed.
 */
export function enterMachine(words: readonly string[]): {
  readonly child: ChildProcess;
  readonly gone: Promise<number>;
} {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "aios-machine-")));
  chmodSync(folder, 0o755);
  writeTools(join(folder, "bin"));
  for (const [name, text] of Object.entries(ETC)) writeFileSync(join(folder, name), text);
  const owner = process.geteuid?.() === 0 ? readUser("aios") : {};
  const inner = ["bwrap", ...innerWords(folder), "--", `${TOOLS}/node`, ...words];
  const outer = [
    "--unshare-user",
    "--uid",
    "0",
    "--gid",
    "0",
    "--cap-add",
    "ALL",
    "--unshare-net",
    "--die-with-parent",
  ];
  const child = spawn("bwrap", [...outer, "--dev-bind", "/", "/", "--", "sh", "-c", OPEN_PORTS, "sh", ...inner], {
    ...owner,
    cwd: "/",
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
  });
  const gone = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  }).finally(() => rmSync(folder, { recursive: true, force: true }));
  return { child, gone };
}

function innerWords(folder: string): readonly string[] {
  const { links, folders, etc } = readSystemLayout();
  const read = (from: string, to: string = from): readonly string[] => ["--ro-bind", from, to];
  const { uid, gid } = INSIDE_USER;
  return [
    ...`--unshare-user --uid ${uid} --gid ${gid} --unshare-pid --unshare-ipc --unshare-uts`.split(" "),
    ..."--hostname machine --die-with-parent --new-session".split(" "),
    ...read("/usr"),
    ...links.flatMap(({ inside, target }) => ["--symlink", target, inside]),
    ...folders.flatMap((path) => read(path)),
    ...etc.flatMap((path) => read(path)),
    ...Object.keys(ETC).flatMap((name) => read(join(folder, name), `/etc/${name}`)),
    ...read(join(folder, "bin"), TOOLS),
    ...read(realpathSync(process.execPath), `${TOOLS}/node`),
    ..."--proc /proc --dev /dev --tmpfs /tmp --tmpfs /home".split(" "),
    ...[HOME, "/var/spool", STATE, EXTENSION_PLACE, WORKSPACE].flatMap((path) => ["--dir", path]),
    ...read(REPO, MACHINE_REPO),
    ...`--chdir / --setenv HOME ${HOME} --setenv TMPDIR ${STATE}`.split(" "),
  ];
}

function writeTools(bin: string): void {
  mkdirSync(bin);
  const programs = { "market-tools.mjs": MARKET_TOOLS, "machine-tools.mjs": MACHINE_TOOLS };
  for (const [program, names] of Object.entries(programs)) {
    const from = program === "market-tools.mjs" ? "fakes" : "effects";
    copyFileSync(join(REPO, "test", from, program), join(bin, program));
    for (const name of names) writeTool(bin, name, `exec ${TOOLS}/node ${TOOLS}/${program} ${name} "$@"`);
  }
  // As macOS spells it.
  writeTool(bin, "base64", '[ "$1" != -D ] || set -- -d; exec /usr/bin/base64 "$@"');
  // A place for the real one.
  writeFileSync(join(bin, "node"), "");
}

function writeTool(bin: string, name: string, line: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
}
