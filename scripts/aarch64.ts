/**
 * Runs test files on a kernel of aarch64, in an emulated machine, and ends with their exit code:
 *
 *     npm run proof:aarch64 [-- TEST_FILE…]
 *
 * It makes a small Debian of arm64 with this checkout in it (what git knows of, as it lies here) and its dependencies for
 * arm64, under `.cache/aarch64`, which is kept for the next time. Only Debian's kernel and programs run in there, and its
 * network is the loopback. It takes an hour or more. Needs root, and what `NEEDED` names.
 */
import { spawn, spawnSync, type SpawnSyncOptions } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

const ROOT = join(import.meta.dirname, "..");
const PLACE = join(ROOT, ".cache", "aarch64");
const SYSTEM = join(PLACE, "system");
const TREE = join(SYSTEM, "opt", "aios");
const GUEST = join(import.meta.dirname, "aarch64");

/** What has to be installed here: a program of each of Debian's packages. */
const NEEDED = {
  "qemu-system-aarch64": "qemu-system-arm",
  mmdebstrap: "mmdebstrap",
  cpio: "cpio",
  fdtput: "device-tree-compiler",
  mke2fs: "e2fsprogs",
  xz: "xz-utils",
  git: "git",
};
const SUITE = "trixie";
const PACKAGES =
  "apt base-files base-passwd bash bubblewrap busybox-static ca-certificates coreutils curl dash debianutils diffutils dpkg " +
  "e2fsprogs findutils gcc git grep gzip hostname iproute2 less libc-bin libc6-dev linux-image-arm64 login login.defs mawk " +
  "mount ncurses-base netbase openssh-client openssh-server openssl passwd perl procps python3 ripgrep sed strace tar " +
  "util-linux xz-utils";
/** Of the kernel, what the first program loads to reach its disk, in this order. */
const MODULES =
  "lib/crc16 crypto/crc32c_generic lib/libcrc32c fs/mbcache fs/jbd2/jbd2 fs/ext4/ext4 drivers/block/virtio_blk".split(
    " ",
  );
/**
 * How much slower the clock in there goes. An emulated processor is some twenty to fifty times slower than the one that
 * emulates it, and what waits for a program waits for a real one.
 */
const SLOWER = 10;
/** Of QEMU's `virt` (its default), times a second. */
const TICKS = 62_500_000;
const DISK = "8G";
const TESTS = [
  "src/platform/supervision/foreign-memory.test.ts",
  "src/sandbox",
  "test/attacks/sandbox-kernel.test.ts",
  "test/attacks/supervision.test.ts",
];
const LIMITS = "--testTimeout 120000 --hookTimeout 120000";

function run(command: string, args: readonly string[], options: SpawnSyncOptions = {}): string {
  const done = spawnSync(command, args, {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 30,
    ...options,
  });
  if (done.status !== 0)
    throw new Error(`"${command} ${args.slice(0, 3).join(" ")} …" failed (${String(done.error ?? done.status)})`);
  return String(done.stdout ?? "");
}

function say(line: string): void {
  console.error(`aarch64: ${line}`);
}

function checkNeeds(): void {
  const missing = Object.entries(NEEDED).filter(([name]) => spawnSync("which", [name]).status !== 0);
  if (missing.length > 0)
    throw new Error(`NOT PROVEN. Type: sudo apt-get install ${missing.map(([, one]) => one).join(" ")}`);
  if (process.getuid?.() !== 0) throw new Error("NOT PROVEN: only root can lay out another system's files");
}

/** Debian's packages, unpacked; what their own scripts would set up, `machine-init` does. */
function makeSystem(): void {
  const stamp = join(PLACE, "system.stamp");
  const wanted = `${SUITE} ${PACKAGES}\n`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  say(`unpacking Debian ${SUITE} of arm64`);
  rmSync(SYSTEM, { recursive: true, force: true });
  const include = `--include=${PACKAGES.replaceAll(" ", ",")}`;
  run("mmdebstrap", ["--variant=extract", "--architectures=arm64", "--mode=root", "--quiet", include, SUITE, SYSTEM]);
  for (const name of ["bin", "sbin", "lib"]) mergeFolder(name);
  writeFileSync(stamp, wanted);
}

/** Packages unpacked by themselves leave /bin apart from /usr/bin. */
function mergeFolder(name: string): void {
  const [old, merged] = [join(SYSTEM, name), join(SYSTEM, "usr", name)];
  if (existsSync(join(SYSTEM, name)) && run("readlink", ["-f", old]).trim() === merged) return;
  if (existsSync(old)) {
    cpSync(old, merged, { recursive: true, verbatimSymlinks: true });
    rmSync(old, { recursive: true });
  }
  symlinkSync(`usr/${name}`, old);
}

/** The checkout, with dependencies for arm64 where the lockfile is another than last time. */
function layCheckout(): void {
  const modules = join(PLACE, "node_modules");
  const lock = createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
  const stamp = join(PLACE, "modules.stamp");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
    say("installing the dependencies for arm64");
    rmSync(modules, { recursive: true, force: true });
    for (const name of ["package.json", "package-lock.json"]) copyFileSync(join(ROOT, name), join(PLACE, name));
    const machine = ["--cpu=arm64", "--os=linux", "--libc=glibc"];
    run("npm", ["ci", ...machine, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: PLACE });
    writeFileSync(stamp, lock);
  }
  rmSync(TREE, { recursive: true, force: true });
  mkdirSync(TREE, { recursive: true });
  const names = run("git", ["ls-files", "-z"])
    .split("\0")
    .filter((name) => name !== "" && existsSync(join(ROOT, name)));
  for (const name of names) {
    mkdirSync(join(TREE, dirname(name)), { recursive: true });
    copyFileSync(join(ROOT, name), join(TREE, name));
  }
  run("cp", ["-a", modules, join(TREE, "node_modules")]);
  writeFileSync(join(TREE, "node_modules", ".aios-setup"), `${lock} arm64\n`);
  run("chown", ["-R", "0:0", TREE]);
}

/** Kernel, first program, disk and the description of the machine. */
function makeMachine(command: string): void {
  const [kernel = ""] = readdirSync(join(SYSTEM, "usr/lib/modules"));
  copyFileSync(join(SYSTEM, "boot", `vmlinuz-${kernel}`), join(PLACE, "kernel"));
  const first = join(PLACE, "first");
  rmSync(first, { recursive: true, force: true });
  for (const name of ["bin", "dev", "proc", "sys", "new", "modules"]) mkdirSync(join(first, name), { recursive: true });
  copyFileSync(join(SYSTEM, "usr/bin/busybox"), join(first, "bin/busybox"));
  copyFileSync(join(GUEST, "first-init.sh"), join(first, "init"));
  const found = MODULES.map((name) => join(SYSTEM, "usr/lib/modules", kernel, "kernel", `${name}.ko.xz`)).filter(
    existsSync,
  );
  for (const [place, path] of found.entries()) {
    run("sh", ["-c", 'xz -dc "$1" > "$2"', "sh", path, join(first, "modules", `${place}.ko`)]);
  }
  run("sh", ["-c", "chmod 755 init bin/busybox && find . | cpio -o -H newc --quiet > ../first.cpio"], { cwd: first });
  copyFileSync(join(GUEST, "machine-init.sh"), join(SYSTEM, "usr/sbin/machine-init"));
  run("chmod", ["755", join(SYSTEM, "usr/sbin/machine-init")]);
  writeFileSync(join(SYSTEM, "opt", "command"), `${command}\n`);
  rmSync(join(PLACE, "disk"), { force: true });
  run("mke2fs", ["-q", "-t", "ext4", "-d", SYSTEM, join(PLACE, "disk"), DISK]);
  run("qemu-system-aarch64", [...MACHINE, "-M", `virt,dumpdtb=${join(PLACE, "machine.dtb")}`], { stdio: "ignore" });
  run("fdtput", ["-t", "u", join(PLACE, "machine.dtb"), "/timer", "clock-frequency", String(TICKS * SLOWER)]);
}

const DRIVE = `if=none,id=disk,format=raw,cache=unsafe,file=${join(PLACE, "disk")}`;
const MACHINE = (
  "-cpu neoverse-n1 -smp 2 -m 4096 -accel tcg,thread=multi -nic none -no-reboot " +
  `-display none -monitor none -serial stdio -device virtio-blk-pci,drive=disk -drive ${DRIVE}`
).split(" ");

/** Shows what the machine's console says; the exit code is the one that it names at its end, and 1 when it names none. */
async function start(): Promise<number> {
  const kernel = ["-kernel", join(PLACE, "kernel"), "-initrd", join(PLACE, "first.cpio")];
  const words = ["-append", "console=ttyAMA0 quiet panic=-1", "-dtb", join(PLACE, "machine.dtb")];
  const machine = spawn("qemu-system-aarch64", ["-M", "virt", ...MACHINE, ...kernel, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let code = 1;
  for await (const line of createInterface(machine.stdout)) {
    console.log(line);
    code = Number(/^aarch64: exit code ([0-9]+)\r?$/.exec(line)?.[1] ?? code);
  }
  return code;
}

checkNeeds();
mkdirSync(PLACE, { recursive: true });
makeSystem();
layCheckout();
const files = process.argv.length > 2 ? process.argv.slice(2) : TESTS;
makeMachine(`bin/aios doctor; vitest run ${LIMITS} ${files.join(" ")}`);
say("starting the machine");
process.exitCode = await start();
