import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Cut, cutWrites, writesSoFar } from "./cut-writes.ts";

/*
 * Backs the home up and restores it in the empty folder at argv[2], once for each of its changes of files, and is cut off there; argv[3]:
 * every how many of them. Says as JSON what was found wrong, and how many cuts there were.
 */

// Only now: they take their functions of the file system when they are loaded.
const { createBackups } = await import("../../src/main/backups.ts");
const { openLog } = await import("../../src/monitor/log/open.ts");
const { createClock } = await import("../../src/platform/clock.ts");
const { createCrypto } = await import("../../src/platform/keys/crypto.ts");
const { openHome } = await import("../../src/platform/home.ts");
const { openLogFiles } = await import("../../src/platform/log/log-files.ts");
const { openMonitorKeys } = await import("../../src/platform/log/monitor-keys.ts");
const { createRandom } = await import("../../src/platform/keys/random.ts");
const { prove } = await import("../evidence/logs.ts");

const [, , base = "", every = "1"] = process.argv;
const PASSPHRASE = "correct horse battery staple";
const RECORDS = 20;
const [crypto, random] = [createCrypto(), createRandom()];
const backups = createBackups({ crypto, random, now: () => 1_800_000_000_000, monitorUser: null });
const home = join(base, "home");
const wrong: string[] = [];
const cuts = { killed: 0, full: 0 };
let proof: string | null = null;

openHome(home);
const made = await openAt(home, false);
for (let at = 0; at < RECORDS; at += 1) await made.append({ kind: "stop", why: `${at}` }, { text: `secret ${at}` });
await openLogFiles(home).write([{ path: "sealed/put", bytes: new Uint8Array(9) }], { durable: true });
const { size, note } = await made.settle();
const good = join(base, "good");
await backUp(good, null);
const [before, backup] = [digestOf(home), digestOf(good)];

for (const how of ["killed", "full"] as const) {
  await cutEach({ how, what: "backup" }, (place) => backUp(join(place, "b"), join(place, "k")), checkBackup);
  await cutEach({ how, what: "restore" }, (place) => restore({ from: good, to: join(place, "h") }), checkHome);
}
if (digestOf(good) !== backup) wrong.push("the backup was changed");
await made.close();
process.stdout.write(JSON.stringify({ wrong, cuts }));

/** Cuts the work off at each of its changes, in a folder of its own each time, and has looked at what is left. */
async function cutEach(
  { how, what }: { readonly how: Cut; readonly what: string },
  work: (place: string) => Promise<void>,
  check: (place: string, name: string) => Promise<void>,
): Promise<void> {
  for (let at = 0; ; at += Number(every)) {
    const place = join(base, random.hex(4));
    mkdirSync(place);
    cutWrites({ how, at });
    const said = await work(place).then(
      () => null,
      (error: unknown) => error,
    );
    const reached = writesSoFar() > at;
    cutWrites(null);
    const name = `${what}, ${how} at ${at}`;
    if (reached) {
      cuts[how] += 1;
      if (how === "full" && said !== null) checkFull(place, name, said);
    }
    await check(place, name);
    rmSync(place, { recursive: true });
    if (!reached) return;
  }
}

/** One error that says what is the case, and nothing left behind. */
function checkFull(place: string, name: string, said: unknown): void {
  const message = said instanceof Error ? said.message : String(said);
  const code = said instanceof Error && "code" in said ? String(said.code) : "none";
  if (code !== "file-unwritable" || !message.includes("the disk is full")) wrong.push(`${name}: ${code} ${message}`);
  const left = readdirSync(place);
  if (left.length > 0) wrong.push(`${name}: it leaves ${left.join(" ")}`);
}

/** What is at the place is whole, with and without the file of keys; what is beside it is whole or refused. */
async function checkBackup(place: string, name: string): Promise<void> {
  const [to, keyFile] = [join(place, "b"), join(place, "k")];
  for (const left of readdirSync(place).filter((each) => each.endsWith(".part"))) {
    const target = join(place, "from-part");
    const kind = await restore({ from: join(place, left), to: target }).then(
      () => "whole",
      (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
    );
    if (kind !== "backup-refused" && kind !== "whole") wrong.push(`${name}: what is left is ${kind}`);
    if (kind === "whole") await checkWhole(target, name);
  }
  if (!existsSync(to)) return;
  if (!existsSync(keyFile)) wrong.push(`${name}: a backup without its file of keys`);
  for (const keys of [join(home, "keys"), keyFile]) {
    const target = join(place, random.hex(4));
    await restore({ from: to, to: target, keys });
    await checkWhole(target, name);
  }
  if (digestOf(home) === before) return;
  wrong.push(`${name}: the home was changed`);
}

/** There is a whole home or none, and in the latter case the same restore makes one. */
async function checkHome(place: string, name: string): Promise<void> {
  const target = join(place, "h");
  // What has keys would be started by whoever named it: it must know by then that it was restored.
  for (const left of readdirSync(place).filter((each) => each.endsWith(".part")))
    if (existsSync(join(place, left, "keys")))
      await checkWhole(join(place, left), `${name}, what is left`).catch((error: unknown) => {
        wrong.push(`${name}, what is left: ${String(error)}`);
      });
  if (!existsSync(target)) await restore({ from: good, to: target });
  await checkWhole(target, name);
}

/** It opens, with everything that was backed up, and says that it was restored and stands still. */
async function checkWhole(path: string, name: string): Promise<void> {
  const log = await openAt(path);
  const texts: unknown[] = [];
  const kinds: string[] = [];
  for await (const { record, payload } of log.entries(0, log.size)) {
    kinds.push(record.kind);
    if (payload !== null) texts.push(payload["text"]);
  }
  await log.close();
  const whole = texts.length === RECORDS && texts.every((text, at) => text === `secret ${at}`);
  if (!whole || kinds.slice(RECORDS).join(" ") !== "restored all-frozen")
    wrong.push(`${name}: half a home: ${kinds.join(" ")}`);
  if (!existsSync(join(path, "sealed/put"))) wrong.push(`${name}: a home without what was put into it`);
}

async function backUp(to: string, keyFile: string | null): Promise<void> {
  const begun = await backups.begin({ home, to, size, note, keyFile });
  // The same files have the same manifest, so that one record of it vouches for all: no log is written to while writes are cut.
  proof ??= await putOnRecord(begun.manifest);
  await begun.finish({ proof, passphrase: PASSPHRASE });
}

async function putOnRecord(manifest: string): Promise<string> {
  return prove(made, await made.append({ kind: "backup-made", size, manifest, keys: true }, null));
}

async function restore({
  from,
  to,
  keys = join(home, "keys"),
}: {
  from: string;
  to: string;
  keys?: string;
}): Promise<void> {
  await backups.restore({ from, home: to, keys, passphrase: () => Promise.resolve(PASSPHRASE), against: [] });
}

function openAt(path: string, hasLog = true) {
  const keys = openMonitorKeys(join(path, "keys"), hasLog);
  return openLog({
    files: openLogFiles(join(path, "log")),
    keys: Object.assign(keys.payloads, { files: keys.slots }),
    crypto,
    random,
    clock: createClock(),
    timer: { after: () => () => {} },
    signer: keys.logSigner,
    origin: keys.logOrigin,
    start: "0".repeat(32),
  });
}

/** Of all that a backup copies or reads. */
function digestOf(path: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(path, { recursive: true, encoding: "utf8" }).toSorted()) {
    const isOfLog = path === home && name.startsWith("log");
    if (!isOfLog && statSync(join(path, name)).isFile()) hash.update(name).update(readFileSync(join(path, name)));
  }
  return hash.digest("hex");
}
