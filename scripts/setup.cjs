// Makes a fresh machine ready, and says what it does: dependencies, the repo's own Node, bubblewrap, the own user;
// with --test also what only tests need.
// Plain JavaScript for the machine's own Node 20 or newer, since it runs before anything is installed.
// Nothing is missing: no word, no network. Something only a person can do: what to type, and exit code 3.
"use strict";

const { spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const { existsSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } = require("node:fs");
const { delimiter, join } = require("node:path");
const { fillCodeCache } = require("./code-cache.cjs");

const ROOT = join(__dirname, "..");
const MODULES = join(ROOT, "node_modules");
const STAMP = join(MODULES, ".aios-setup");
const OWN_NODE = join(MODULES, ".bin", "node");
const OWN_USER = "aios";
const OLDEST_NODE = 20;
const OLDEST_OWN_NODE = 24;
const NEEDS_A_PERSON = 3;
const GO_PACKAGES = ["golang-go", "golang-golang-x-mod-dev"];
const GO_LIBRARY = "/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog/tile.go";
const APT_MS = 300_000;

const isRoot = process.geteuid?.() === 0;

function main() {
  checkMachine();
  if (isRoot) process.umask(0o022); // the own user must be able to read what root installs
  installDependencies();
  checkOwnNode();
  if (isRoot) {
    openCode();
    makeOwnUser();
  }
  installBubblewrap();
  checkNamespaces();
  fillCodeCache({ root: ROOT, node: OWN_NODE, say });
  if (process.argv.includes("--test")) installForTests();
}

/** Writes a line for the person; standard output belongs to the program that comes after. */
function say(line) {
  process.stderr.write(`aios set-up: ${line}\n`);
}

/** Ends with what a person has to do. */
function stop(problem, ...steps) {
  say(problem);
  for (const step of steps) process.stderr.write(`    ${step}\n`);
  process.exit(NEEDS_A_PERSON);
}

/** Runs a program; its output is shown only when it fails, and then the set-up ends. */
function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: ROOT, encoding: "utf8", maxBuffer: 64 * 1024 * 1024, ...options });
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}`);
  say(
    `"${[command, ...args].join(" ")}" failed (${result.error?.message ?? result.signal ?? `exit code ${result.status}`})`,
  );
  process.exit(1);
}

function checkMachine() {
  if (process.platform !== "linux") stop(`AIOS runs on Linux only; this is ${process.platform}.`);
  if (process.arch !== "x64" && process.arch !== "arm64") {
    stop(`AIOS runs on x64 and arm64; this is ${process.arch}.`);
  }
  if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
    stop(`Node ${process.versions.node} is too old to set AIOS up.`, `Install Node ${OLDEST_NODE} or newer.`);
  }
}

/** `npm ci` when the dependencies are not those of the lockfile; the stamp goes in last, so a broken run is repeated. */
function installDependencies() {
  const lock = createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
  const wanted = `${lock} ${process.arch}\n`;
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === wanted) return;
  say(
    "installing the dependencies named in package-lock.json (npm ci, without install scripts); it is silent until it is done, in a minute or a few",
  );
  rmSync(STAMP, { force: true });
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { env: npmEnvironment() });
  writeFileSync(STAMP, wanted);
}

/** The environment without this folder's own programs: npm must not run on the Node that it is about to replace. */
function npmEnvironment() {
  const environment = { ...process.env };
  const own = join(MODULES, ".bin");
  environment.PATH = searchPath()
    .filter((folder) => folder !== own)
    .join(delimiter);
  if (environment.HOME === "") delete environment.HOME;
  return environment;
}

function checkOwnNode() {
  const problem = `the repo's own Node ${OLDEST_OWN_NODE} is missing or does not run on this machine.`;
  if (!existsSync(OWN_NODE)) {
    rmSync(STAMP, { force: true });
    stop(problem, `Its package node-linux-${process.arch} was not installed; look at: npm ci --ignore-scripts`);
  }
  if (realpathSync(OWN_NODE) === process.execPath) return; // npm put it first: this very process is the proof
  const answer = spawnSync(OWN_NODE, ["--version"], { encoding: "utf8" });
  const version = Number.parseInt((answer.stdout ?? "").slice(1), 10);
  if (!(version >= OLDEST_OWN_NODE))
    stop(problem, `${OWN_NODE} --version says: ${answer.stdout || answer.error || answer.stderr}`);
}

/** A clone made under a strict umask is closed to the own user file by file, which no mount can change. */
function openCode() {
  const shown = ["package.json", "bin", "src", "node_modules"].map((name) => join(ROOT, name));
  const closed = [...shown, join(ROOT, "src", "platform", "powers.ts"), join(MODULES, "koffi", "package.json")].some(
    (path) => {
      const { mode } = statSync(path);
      const needed = statSync(path).isDirectory() ? 0o005 : 0o004;
      return (mode & needed) !== needed;
    },
  );
  if (!closed) return;
  say(`letting the user "${OWN_USER}" read the code (chmod -R go+rX on bin, src, node_modules and package.json)`);
  run("chmod", ["-R", "go+rX", ...shown]);
}

/** Run as root, the monitor changes to a user of its own before it reads anything. */
function makeOwnUser() {
  if (findOwnUser() !== null) return;
  const args = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", OWN_USER];
  const useradd = findProgram("useradd");
  if (useradd === null)
    stop(`the system user "${OWN_USER}" is missing and useradd is not here.`, `useradd ${args.join(" ")}`);
  say(`making the system user "${OWN_USER}", as which the monitor runs (useradd ${args.join(" ")})`);
  run(useradd, args);
}

function findOwnUser() {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${OWN_USER}:`));
  if (line === undefined) return null;
  const [, , uid, gid] = line.split(":");
  return { uid: Number(uid), gid: Number(gid) };
}

/** Nothing runs without bubblewrap: there is no unconfined mode. */
function installBubblewrap() {
  if (findProgram("bwrap") !== null) return;
  const apt = findProgram("apt-get");
  if (apt === null)
    stop("bubblewrap is missing.", "Install it with your package manager, for example: dnf install bubblewrap");
  const prefix = asRoot();
  if (prefix === null) {
    stop(
      "bubblewrap is missing, and installing it needs root. Type:",
      "sudo apt-get update && sudo apt-get install -y bubblewrap",
    );
  }
  say(`installing the package bubblewrap (apt-get${isRoot ? "" : " through sudo"})`);
  for (const args of [
    ["update", "-qq"],
    ["install", "-y", "-qq", "bubblewrap"],
  ]) {
    run(prefix[0], [...prefix.slice(1), "DEBIAN_FRONTEND=noninteractive", apt, ...args]);
  }
  if (findProgram("bwrap") === null)
    stop("bubblewrap was installed, but bwrap is not in PATH.", `PATH=${process.env.PATH}`);
}

/** What a command of root's begins with, or null when that would ask a person. */
function asRoot() {
  if (isRoot) return ["env"];
  const sudo = findProgram("sudo");
  return sudo !== null && spawnSync(sudo, ["-n", "true"]).status === 0 ? [sudo, "-n", "env"] : null;
}

/**
 * What only tests need. The substrate works without, so nothing stops here. A server that the system would start at once is
 * not for us to install: that is a person's to do.
 */
function installForTests() {
  for (const part of TEST_PARTS) {
    if (part.isThere()) continue;
    const command = `apt-get install -y --no-install-recommends ${part.packages.join(" ")}`;
    const apt = findProgram("apt-get");
    const prefix = apt === null || (part.serves && existsSync("/run/systemd/system")) ? null : asRoot();
    if (prefix !== null) {
      const names = part.packages.join(" and ");
      const noun = part.packages.length > 1 ? "packages" : "package";
      say(`installing the ${noun} ${names}, for tests (apt-get${isRoot ? "" : " through sudo"})`);
      const start = [...prefix.slice(1), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", apt];
      for (const args of [
        ["update", "-qq"],
        ["install", "-y", "-qq", "--no-install-recommends", ...part.packages],
      ]) {
        spawnSync(prefix[0], [...start, ...args], { timeout: APT_MS });
      }
      if (part.isThere()) continue;
    }
    say(`NOT PROVEN: ${part.missing} Type:`);
    process.stderr.write(`    sudo apt-get update && sudo ${command}\n`);
  }
}

/** Parts of the machine that tests use. */
const TEST_PARTS = [
  {
    packages: GO_PACKAGES,
    isThere: () => findProgram("go") !== null && existsSync(GO_LIBRARY),
    missing: "Go's sumdb is missing, so no other implementation reads our log in the tests.",
    serves: false,
  },
  {
    packages: ["openssh-server", "openssh-client"],
    isThere: () => ["sshd", "ssh", "ssh-keygen"].every((name) => findProgram(name) !== null),
    missing: "OpenSSH is missing, so git over SSH is not tried against a real server in the tests.",
    serves: true,
  },
  {
    packages: ["ripgrep"],
    isThere: () => findProgram("rg") !== null,
    missing: "ripgrep is missing, so `rg --pre` is not tried as an attack in the tests.",
    serves: false,
  },
  {
    packages: ["python3-prometheus-client"],
    isThere: () => existsSync("/usr/lib/python3/dist-packages/prometheus_client/parser.py"),
    missing: "Prometheus' client is missing, so its own parser does not read the page of metrics in the tests.",
    serves: false,
  },
  {
    packages: ["chromium"],
    isThere: () => existsSync("/usr/bin/chromium"),
    missing: "Chromium is missing, so the console is not tried in a real browser in the tests.",
    serves: false,
  },
];

/** Starts an empty sandbox as the user that will start the real ones. */
function checkNamespaces() {
  const account = isRoot ? findOwnUser() : null;
  const args = ["--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr"];
  for (const name of ["bin", "lib", "lib64"])
    if (existsSync(`/${name}`)) args.push("--ro-bind", `/${name}`, `/${name}`);
  const probe = spawnSync(
    findProgram("bwrap"),
    [...args, "--proc", "/proc", "--dev", "/dev", "--chdir", "/", "/usr/bin/env", "true"],
    {
      encoding: "utf8",
      cwd: "/",
      ...(account === null ? {} : account),
    },
  );
  if (probe.status === 0) return;
  const words = (probe.stderr || String(probe.error ?? `exit code ${probe.status}`)).trim();
  stop(`bubblewrap cannot make a sandbox here: ${words}`, ...namespaceSteps());
}

/** Settings that are known to switch user namespaces off, with the command that would change each. */
function namespaceSteps() {
  const settings = [
    ["kernel.unprivileged_userns_clone", "0", "1"],
    ["user.max_user_namespaces", "0", "15000"],
    ["kernel.apparmor_restrict_unprivileged_userns", "1", "0"],
  ];
  const steps = settings
    .filter(([name, off]) => readSetting(name) === off)
    .map(([name, , on]) => `sudo sysctl -w ${name}=${on}   (to keep it: put it into /etc/sysctl.d)`);
  return steps.length > 0
    ? steps
    : ["User namespaces seem to be refused by a container or a security module around this system."];
}

function readSetting(name) {
  try {
    return readFileSync(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8").trim();
  } catch {
    return null;
  }
}

function findProgram(name) {
  // The folders of system tools are often not in an ordinary user's path.
  const folders = [...searchPath(), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

function searchPath() {
  return (process.env.PATH ?? "/usr/bin:/bin").split(delimiter).filter((folder) => folder !== "");
}

main();
