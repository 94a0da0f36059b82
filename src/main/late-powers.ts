import type { CliPowers, Home } from "../cli/powers.ts";
import type { Crypto, Random } from "../platform/powers.ts";
import { loadMonitorClient } from "./cli-home.ts";
import { logFolder } from "./log-folder.ts";
import { listClosure } from "./package-finder.ts";
import { translateFaults } from "./translate.ts";

/** What is loaded when a command first asks for it: no command needs more than two or three of them. */
const PARTS = {
  recovery: () => import("../platform/keys/recovery-code.ts"),
  drafts: () => import("./drafts.ts"),
  machine: () => import("./machine.ts"),
  vetting: () => import("./vet-tools.ts"),
  detonation: () => import("./detonating.ts"),
  sources: () => import("./extension-sources.ts"),
  logs: () => import("./log-verifier.ts"),
  backups: () => import("./backups.ts"),
  witnesses: () => import("./witness.ts"),
  clock: () => import("../platform/clock.ts"),
  streams: () => import("./agent-streams.ts"),
  doors: () => import("./port-doors.ts"),
  sample: () => import("./sample.ts"),
  monitor: loadMonitorClient,
} as const;

/** Loads all of them, so that Node keeps what it compiles (scripts/code-cache.cjs). */
export async function loadEveryPart(): Promise<void> {
  await Promise.all(Object.values(PARTS).map((load) => load()));
}

export interface LateParts {
  readonly crypto: Crypto;
  readonly random: Random;
  /** Folder that holds package.json, src/ and node_modules/. */
  readonly root: string;
  readonly files: Pick<CliPowers["files"], "read">;
  /** User and group that the monitor runs as, or null when it runs as this user. */
  readonly monitorUser: { readonly uid: number; readonly gid: number } | null;
  /** Where programs are looked for, and from which folder. */
  readonly programs: { readonly path: string; readonly cwd: string };
  /** The registry in the environment, and the person's npm configuration. */
  readonly npm: { readonly configured: string | null; readonly npmrc: string };
  /** What the person's programs are started with; null where no browser is to be opened. */
  readonly desktop: { readonly [name: string]: string | undefined } | null;
  now(): number;
  openHome(path: string): Home;
}

type Late = Pick<CliPowers, "recovery" | "drafts" | "probe" | "vetting" | "detonation" | "sources"> &
  Pick<CliPowers, "logs" | "backups" | "witnesses" | "agents" | "doors" | "makeSample">;

/** Powers that load what is behind them when they are first used. */
export function createLatePowers(parts: LateParts): Late {
  const { crypto, monitorUser } = parts;
  const drafts = once(async () => (await PARTS.drafts()).createDrafts(crypto));
  const vetting = once(async () => (await PARTS.vetting()).createVetting());
  const detonation = once(async () => (await PARTS.detonation()).createDetonation());
  const sources = once(async () => (await PARTS.sources()).createExtensionSources(parts.npm));
  const logs = once(async () => (await PARTS.logs()).createLogVerifier(crypto, parts.files));
  const backups = once(async () => (await PARTS.backups()).createBackups(parts));
  const witnesses = once(async () => {
    const [{ createWitnesses }, { createClock }] = await Promise.all([PARTS.witnesses(), PARTS.clock()]);
    return createWitnesses({ crypto, clock: createClock() });
  });
  const findProgram = once(async () =>
    (await PARTS.streams()).createProgramFinder({ ...parts.programs, closure: listClosure }),
  );
  return {
    recovery: {
      make: async (count) => (await PARTS.recovery()).makeRecoveryCodes(count),
      open: async (typed, salts) => (await PARTS.recovery()).openRecoveryCode(typed, salts),
    },
    drafts: {
      makeFolder: async (path) => (await drafts()).makeFolder(path),
      write: async (path, text) => (await drafts()).write(path, text),
      publish: async (path, text) => (await drafts()).publish(path, text),
      pour: async (path, pieces) => (await drafts()).pour(path, pieces),
      copy: async (from, to) => (await drafts()).copy(from, to),
      replace: async (path, by) => (await drafts()).replace(path, by),
      inspect: async (path, most) => (await drafts()).inspect(path, most),
      exchange: async (path, by, mode) => (await drafts()).exchange(path, by, mode),
      clearExchange: async (path) => (await drafts()).clearExchange(path),
      names: async (folder) => (await drafts()).names(folder),
      digest: async (path) => (await drafts()).digest(path),
      remove: async (path) => (await drafts()).remove(path),
    },
    probe: async (home) => (await PARTS.machine()).probeMachine(home),
    vetting: {
      read: async (path) => (await vetting()).read(path),
      tools: async () => (await vetting()).tools(),
    },
    detonation: { run: async (folder, given) => (await detonation()).run(folder, given) },
    sources: {
      inspect: async (path) => (await sources()).inspect(path),
      lend: async (offer) => (await sources()).lend(offer),
      read: async (source) => (await sources()).read(source),
      registry: async () => (await sources()).registry(),
    },
    logs: {
      verify: async (log) => (await logs()).verify(log),
      memory: async (file) => (await logs()).memory(file),
      check: async (proof) => (await logs()).check(proof),
      folder: logFolder,
    },
    backups: {
      begin: async (options) => (await backups()).begin(options),
      restore: async (options) => (await backups()).restore(options),
    },
    witnesses: {
      serve: async (options) => (await witnesses()).serve(options),
      seen: async (folder) => (await witnesses()).seen(folder),
    },
    agents: {
      offerStreams: async (offer) => {
        const { offerStreams } = await PARTS.streams();
        return await translateFaults(() => offerStreams(offer));
      },
      findProgram: async (command) => (await findProgram())(command),
    },
    doors: {
      post: async (place, request) => (await PARTS.doors()).postToDoor(place, request),
      browse: async (address) => (await PARTS.doors()).openBrowser(address, { env: parts.desktop }),
    },
    makeSample: async (texts) => {
      const { makeSample } = await PARTS.sample();
      return await makeSample({ root: parts.root, monitorUser, openHome: parts.openHome, logFolder }, texts);
    },
  };
}

/** The same answer each time, worked out when it is first asked for. */
function once<Part>(load: () => Promise<Part>): () => Promise<Part> {
  let loaded: Promise<Part> | null = null;
  return () => (loaded ??= load());
}
