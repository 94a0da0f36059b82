import { existsSync, rmSync } from "node:fs";
import { chmod, mkdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type * as cedarWasm from "@cedar-policy/cedar-wasm/nodejs";
import { CONSTITUTION_TEXT } from "../kernel/constitution.ts";
import { type AlertReceiver, readAlertSetting } from "../protocol/alert-setting.ts";
import { createIndexView } from "../monitor/index/index-view.ts";
import { openRecordIndex, type RecordIndex } from "../monitor/index/record-index.ts";
import { homeInUse } from "../monitor/log/error.ts";
import { openLog } from "../monitor/log/open.ts";
import { startMonitor } from "../monitor/monitor.ts";
import { createPolicyEngine } from "../monitor/policy/policy-engine.ts";
import type { MonitorPowers } from "../monitor/powers.ts";
import { createConsoleName } from "../monitor/console-name.ts";
import { relyingPartyOf } from "../monitor/relying-party.ts";
import { createVault } from "../monitor/vault.ts";
import type { TrustedClock } from "../monitor/trusted-clock.ts";
import { openAgentVolumes } from "../platform/workspace/agent-volumes.ts";
import { readAlertAddress } from "../platform/network/alert-address.ts";
import { openGroups } from "../platform/sandbox/cgroup.ts";
import { createClock } from "../platform/clock.ts";
import { createCodeDigest } from "../platform/files/code-digest.ts";
import { createCrypto } from "../platform/keys/crypto.ts";
import { openDirectGcm } from "../platform/keys/direct-gcm.ts";
import { nodeGcm } from "../platform/keys/gcm.ts";
import { openExtensionStore } from "../platform/files/extension-store.ts";
import { openHome, oncePerTurn, watchFolder, type WatchedFolder } from "../platform/home.ts";
import { openLogFiles } from "../platform/log/log-files.ts";
import type { LogFiles } from "../platform/log/log-powers.ts";
import { openMonitorKeys } from "../platform/log/monitor-keys.ts";
import { isReadOnly } from "../platform/files/mounted-at.ts";
import type { Peer } from "../platform/channels/peer-credentials.ts";
import { gatherPages } from "../platform/serving/page-files.ts";
import { PlatformError } from "../platform/platform-error.ts";
import { createRandom } from "../platform/keys/random.ts";
import { requireGuard, startSandbox } from "../platform/sandbox/sandbox-process.ts";
import { STOPS } from "../platform/sandbox/sandbox-stop.ts";
import { makeListenerEnd, makeListenerEnds, makeSocketEnds } from "../platform/channels/socket-end.ts";
import { openStreamDesk } from "../platform/network/stream-desk.ts";
import { openDatabase } from "../platform/files/sqlite.ts";
import { createTimer } from "../platform/timer.ts";
import { scrubText } from "../platform/network/scrub.ts";
import { listenUnix } from "../platform/channels/unix-server.ts";
import { joinStorage } from "../platform/workspace/storage-joining.ts";
import { openUndoShelf } from "../platform/workspace/undo-shelf.ts";
import { createPolicyLoader } from "../platform/worker.ts";
import { findFile } from "../platform/files/found-file.ts";
import { findGitObeyed } from "../platform/workspace/git-obeyed.ts";
import { readGitTips } from "../platform/git/git-tips.ts";
import { codeProblem, workspaceProblem } from "../platform/workspace/workspace.ts";
import { prepareAgents } from "./agent-start.ts";
import { PAGES } from "./console-pages.ts";
import { startShelf } from "./shelf-thread.ts";

const ROOT = resolve(fileURLToPath(new URL("../..", import.meta.url)));

const VOLUME_WORKER = new URL("./volume-worker.ts", import.meta.url);

const OWN_CODE = [join(ROOT, "src")];

/** How often it is looked whether the log's disk still takes writes when there are none: that reads a list of the kernel's. */
const LOOK_AT_DISK_MS = 3000;
/** How often it is looked whether the home was removed, and how long everything may take to end then, milliseconds. */
const LOOK_MS = 1000;
const STOP_MS = 10_000;

/**
 * Puts the monitor of one home together and serves until SIGTERM or SIGINT. The process is its own user's and hardened;
 * `environment` is that of its threads.
 */
export async function runMonitor(at: string, environment: { readonly [name: string]: string }): Promise<void> {
  const home = openHome(at);
  // Before anything is started: whoever has a group of its own moves into one beneath it.
  const groups = openGroups();
  const [homeFolder, logFolder] = [watchFolder(home.path), watchFolder(home.log)];
  const homeStands = oncePerTurn(() => homeFolder.stands() && logFolder.stands());
  // A thread reads all of it meanwhile.
  const codeDigest = createCodeDigest(new URL("./code-digest-worker.ts", import.meta.url), environment);
  const identity = codeDigest(OWN_CODE);
  identity.catch(() => undefined); // awaited below; what fails before ends the process with its own words
  const [clock, timer, random, crypto] = [
    createClock(),
    createTimer(),
    createRandom(),
    createCrypto(openDirectGcm() ?? nodeGcm),
  ];
  const start = random.hex(16);
  const keys = openMonitorKeys(home.keys, existsSync(join(home.log, "checkpoint")));
  // The log's own lock is let go while its disk is out.
  if (!(await openLogFiles(home.run).hold())) throw homeInUse();
  // The log stamps records with trusted time, which starts from the newest time in the log.
  let trusted: TrustedClock | null = null;
  const log = await openLog({
    files: watched(openLogFiles(home.log), logFolder),
    keys: Object.assign(keys.payloads, { files: keys.slots }),
    crypto,
    random,
    clock: { ...clock, wall: () => trusted?.now() ?? clock.wall() },
    timer,
    signer: keys.logSigner,
    origin: keys.logOrigin,
    start,
  });
  // Both locks are held from here on: whatever lies in the run folder was left by a process that is gone.
  const faces = join(home.run, "faces");
  await rm(faces, { recursive: true, force: true });
  const desk = await openStreamDesk(join(home.run, "streams.sock"), timer);
  const code = { node: process.execPath, root: ROOT };
  const agents = prepareAgents(ROOT);
  /** It ends what bubblewrap leaves when this process is killed, so it is there before anything could be left. */
  const haveSupervisor = (): void => void agents.supervisor.ready().catch(() => {});
  const powers: MonitorPowers = {
    clock,
    timer,
    random,
    crypto,
    limits: groups === null ? "watch" : "cgroup",
    startSandbox(spec, streams, ends = []) {
      haveSupervisor();
      return startSandbox(spec, { streams, ends });
    },
    expectAgent: haveSupervisor,
    // Of those that run somebody's code each has a group. The rest is ours, and a group costs a start some milliseconds.
    startAgent: (spec, { streams, ends, device, ...parts }) =>
      startSandbox(spec, { streams, ends, groups, agent: { ...agents, ...parts, ...(device !== null && { device }) } }),
    stops: STOPS,
    makeSocketEnds,
    listenOnLoopback: makeListenerEnd,
    holdLoopback: makeListenerEnds,
    codeDigest,
    pages: {
      code: OWN_CODE,
      digest: () => gatherPages(join(ROOT, "src"), PAGES).digest,
    },
    async makeSocketFolder(instance) {
      const folder = join(faces, instance);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await chmod(folder, 0o700);
      return folder;
    },
    requireGuard,
    findGitObeyed,
    readGitTips,
    joinStorage,
    ...openUndoShelf(home.undo),
    async readOutput(spec) {
      const started = await startSandbox(spec, { streams: "capture" });
      const { code: exit } = await started.ended;
      if (exit !== 0) throw new Error(started.errors().trim());
      return Buffer.from(started.output().bytes).toString("utf8");
    },
    removeSocketFolder: (instance) => rm(join(faces, instance), { recursive: true, force: true }),
    volumes: openAgentVolumes(home, VOLUME_WORKER, environment),
    extensions: openExtensionStore(home.extensions, VOLUME_WORKER, environment),
    homeStands,
    scrubber: scrubText,
    workspaceProblem: (path, mode) =>
      workspaceProblem(path, { mode, home: home.path, programs: [ROOT, process.execPath] }),
    findFile,
    codeProblem: (path) => codeProblem(path, home.path),
    takeStreams: (ticket) => desk.take(ticket),
  };
  const relyingParty = relyingPartyOf(keys.consoleSeed, crypto.sha256);
  const constitution = crypto.digest(CONSTITUTION_TEXT);
  const engine = createPolicyEngine({
    cedar: loadCedar(),
    loader: createPolicyLoader(new URL("./policy-worker.ts", import.meta.url), environment),
    digest: (text) => crypto.digest(text),
    constitution,
  });
  const shelf = startShelf(join(home.index, "memory.db"), environment);
  const monitor = await startMonitor({
    powers,
    log,
    index: createIndexView(openIndex(join(home.index, "records.db")), log),
    kept: { files: openLogFiles(home.index), keys: keys.payloads, origin: keys.logOrigin },
    engine,
    vault: createVault({ crypto, random, timer, ...keys.secrets, values: openLogFiles(join(home.path, "secrets")) }),
    memory: {
      keys: Object.assign(keys.memory.epochs, { files: keys.memory.slots }),
      shelf: shelf.shelf,
      examine: shelf.examine,
    },
    code,
    home: home.path,
    relyingParty,
    consoleName: createConsoleName(relyingParty, random),
    start,
    version: packageVersion(),
    identity: { code: await identity, constitution, node: process.version },
    useClock(running) {
      trusted = running;
    },
    alertReceivers: alertReceiversOf(join(home.path, "alert-address")),
    report: (words) => void process.stderr.write(`aiosd: ${words}\n`),
    exit: () => process.exit(0),
  });
  // Before anybody can know that it runs: by default a signal ends a process out of hand.
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void monitor.stop(signal));
  const own = process.geteuid?.();
  await listenUnix(join(home.run, "aiosd.sock"), {
    mode: 0o600,
    stale: "replace",
    onChannel(channel, peer: Peer) {
      // Root may look in; every other user has no business here, whatever the modes of the files say.
      if (peer.uid === own || peer.uid === 0) monitor.acceptCli(channel);
      else channel.destroy();
    },
  });
  whenRemoved([homeFolder, logFolder], () => monitor.stop("home-removed"));
  setInterval(() => monitor.lookAtLog(isReadOnly(home.log) ? readOnly(home.log) : null), LOOK_AT_DISK_MS);
}

/**
 * Ends a monitor whose home or log was removed: nothing can be recorded any more, so nothing may happen (RECORD-FIRST), and
 * nobody finds its socket to end it. One that was only moved can come back.
 */
function whenRemoved(folders: readonly WatchedFolder[], stop: () => Promise<void>): void {
  const look = setInterval(() => {
    if (!folders.some((folder) => folder.isGone())) return;
    clearInterval(look);
    process.stderr.write("aiosd: the home was removed, so this monitor ends\n");
    // What waits for a disk that is not there any more must not keep it.
    setTimeout(() => process.exit(1), STOP_MS);
    stop().catch(() => process.exit(1));
  }, LOOK_MS);
}

function readOnly(folder: string): Error {
  return Object.assign(new Error(`${folder} takes no writes any more`), { code: "EROFS" });
}

/** A log's files whose folder is watched while they are held. */
function watched(files: LogFiles, folder: WatchedFolder): LogFiles {
  return {
    ...files,
    async hold() {
      const held = await files.hold();
      if (held) folder.take();
      return held;
    },
    async release() {
      folder.letGo();
      await files.release();
    },
  };
}

/** Where alerts go, read once: nothing starts with an address that would never be told. */
function alertReceiversOf(path: string): readonly AlertReceiver[] {
  const text = readAlertAddress(path);
  if (text === null) return [];
  const read = readAlertSetting(text);
  if (read.kind === "ok") return read.value;
  const hint = "a line each receiver, such as https://example.com/hook tell=stops,holds";
  throw new PlatformError("bad-alert-address", `Cannot use "${path}": ${read.why}`, hint);
}

/** The index holds nothing that the log does not: one that cannot be read is removed and made anew. */
function openIndex(path: string): RecordIndex {
  try {
    return openRecordIndex(openDatabase(path));
  } catch {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
    return openRecordIndex(openDatabase(path));
  }
}

function loadCedar(): typeof cedarWasm {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the package's own types
  return createRequire(import.meta.url)("@cedar-policy/cedar-wasm/nodejs") as typeof cedarWasm; // the package's own types
}

function packageVersion(): string {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own file
  const { version } = createRequire(import.meta.url)(join(ROOT, "package.json")) as { version: string }; // our own file
  return version;
}
