import type { JsonObject } from "../kernel/json.ts";
import type { DriverSource } from "../kernel/grant.ts";
import type { DetonationAnswer } from "../extensions/detonate/finding.ts";
import type { Tree, VetTools } from "../extensions/vet/tree.ts";
import type { Look } from "../platform/files/look.ts";
import type { Crypto, Random, Signer, Timer } from "../platform/powers.ts";
import type { Asker } from "../platform/terminal/terminal.ts";
import type { ExportVerdict } from "../protocol/memory-export.ts";
import type { Backups } from "./backup-powers.ts";
import type { Drafts } from "./draft-powers.ts";
import type { ExtensionSources, PublisherKey } from "./extension-powers.ts";
import type { PortDoors } from "./port-powers.ts";
import type { CliEvents, CliRequests, RunRequest } from "../protocol/requests.ts";

/**
 * What the command line receives from `main/`. Interfaces only; nothing here reads the environment, the clock or a file
 * by itself, so that a test can stand in for all of it.
 */
export interface CliPowers {
  readonly version: string;
  readonly out: Screen;
  readonly err: Screen;
  /** The person at the controlling terminal, or null when there is none. Never standard input: a pipe is not a person. */
  readonly person: Person | null;
  /**
   * Takes the person's terminal over as a whole; null where there is none that can move its cursor. `onKey` hears keys by name
   * (`up`, `enter`, …) or character, `resize`, `suspend` and `quit`; the last three for signals too.
   */
  board(onKey: (key: string) => void): Board | null;
  readonly files: Files;
  readonly drafts: Drafts;
  readonly recovery: RecoveryCodes;
  readonly crypto: Pick<Crypto, "digest" | "sha256" | "verify">;
  readonly random: Pick<Random, "hex">;
  readonly timer: Timer;
  /** Milliseconds since 1970 UTC. */
  now(): number;
  /** Minutes that local time is ahead of UTC at that moment. */
  offset(at: number): number;
  /** Absolute path of this program, as another starts it; and of what speaks for a client in an agent's sandbox. */
  readonly program: string;
  readonly speaker: string;
  /** Absolute form of a path that the person typed. */
  resolve(path: string): string;
  /** A home by the folder that `--home` names, or the default one. Opens nothing yet. */
  home(folder: string | null): Home;
  /** The folder where the person stands, when it can be one to work in: not their home, nor a folder around it. */
  standing(): string | null;
  readonly packages: Packages;
  readonly profiles: ShippedProfiles;
  /** Runs the monitor in this process's place (`serve`) until it ends; the exit code. */
  serve(home: string): Promise<number>;
  /** What this machine has of what the substrate needs, and what would keep a monitor from starting in a home (null: none). */
  probe(home: string | null): Promise<readonly Check[]>;
  /** Eyes for this machine: as this person, reading only. */
  look(): Look;
  readonly vetting: Vetting;
  readonly detonation: Detonation;
  readonly sources: ExtensionSources;
  readonly logs: LogVerifier;
  readonly backups: Backups;
  readonly witnesses: Witnesses;
  readonly agents: AgentStarter;
  readonly doors: PortDoors;
  /** Shows a notice on the person's desktop where there is one. Never fails, and nothing waits for it. */
  notice(title: string, text: string): void;
  /** A throw-away home, and a workspace with these files (name to text). */
  makeSample(files: { readonly [name: string]: string }): Promise<Sample>;
  /**
   * Resolves when a signal asks this program to end; never rejects. From the first call on signals do not end it by
   * themselves, so that what must be cleaned up is.
   */
  interrupted(): Promise<void>;
}

/** What looking through an extension needs. Reads only, follows no link out, runs nothing. */
export interface Vetting {
  /** The files of a folder, or one file; null when there is nothing that can be read. */
  read(path: string): Promise<Tree | null>;
  tools(): Promise<VetTools>;
}

/** Runs extensions in sealed sandboxes to see what they do. */
export interface Detonation {
  /** Runs what lies in a host folder. Rejects with CliFailure when the folder cannot be read. */
  run(folder: string, words: DetonationWords): Promise<DetonationAnswer>;
}

/** How its server is started: as it says itself with words after it, or by the command of a grant in place of that. */
export type DetonationWords = { readonly given: readonly string[] } | { readonly command: readonly string[] };

/** Recovery codes: bearer secrets that this process sees and no other. */
export interface RecoveryCodes {
  make(count: number): Promise<readonly { readonly text: string; readonly salt: string; readonly signer: Signer }[]>;
  /** The key of a code that a person typed, null when it can be none that is left; salts as the monitor gives them. */
  open(typed: string, salts: readonly (string | null)[]): Promise<Signer | null>;
}

export interface Screen {
  write(text: string): void;
  /** Width in columns as it is now; 80 when it is not a terminal. */
  readonly columns: number;
  readonly colour: boolean;
  readonly terminal: boolean;
}

/** The person's terminal, taken over as a whole. What it showed before comes back when it is left. */
export interface Board {
  readonly colour: boolean;
  size(): { readonly columns: number; readonly rows: number };
  /** Shows these rows from the top, and nothing below. Visible text and styles of ours, no wider than the screen. */
  show(rows: readonly string[]): void;
  /** Gives the terminal back, for a prompt of ours. */
  leave(): void;
  enter(): void;
  /** Stops this program like a job of the person's shell, and comes back when that lets it go on. */
  suspend(): Promise<void>;
  close(): void;
}

export interface Person {
  /**
   * Shows a question at the terminal and reads its answer, a letter or a short word; null at end of input, and when the asker
   * ended it. What else is typed is not shown: it may be a passphrase. What was typed before is dropped.
   */
  askLine(prompt: string, asker?: Asker): Promise<string | null>;
  /** The same without echo. Read from the terminal only, never from a flag, a pipe or the environment. */
  askPassphrase(prompt: string, asker?: Asker): Promise<string | null>;
}

export interface Files {
  /** UTF-8 text of a file; throws `CliFailure` (`file-unreadable`, `file-too-large`). */
  read(path: string, maximumBytes: number): Promise<string>;
  exists(path: string): Promise<boolean>;
}

/** One home folder and what the person may do with it directly. */
export interface Home {
  readonly path: string;
  /** Whether the folder is there and is a home. Throws when it is there with the wrong owner or permissions, or is a link. */
  exists(): Promise<boolean>;
  /** Makes the folders with their permissions. */
  create(): Promise<void>;
  readonly key: OwnerKey;
  /** The key of a publisher, by a name that is one. */
  publisher(name: string): PublisherKey;
  /** Connects to the monitor, starting it first when it does not run. Throws `CliFailure` `monitor-unreachable`. */
  connect(): Promise<MonitorClient>;
  /** Connects only when the monitor runs already. */
  attach(): Promise<MonitorClient | null>;
  /** Connects to a monitor that runs, and waits for one that starts; null: none does. Throws `CliFailure` `monitor-stopped`. */
  attachStarting(): Promise<MonitorClient | null>;
  /** The process that starts the monitor, where none answers yet; null: there is none. Throws `CliFailure` `monitor-stopped`. */
  starting(): Promise<number | null>;
  /** Deletes what can be made again from the log. The monitor must not run. */
  dropIndex(): Promise<readonly string[]>;
}

/** The owners' key files of a home: Ed25519, each behind a passphrase of its own. */
export interface OwnerKey {
  /** The first one's. */
  readonly path: string;
  /** Whether there is any. */
  exists(): Promise<boolean>;
  /** Makes the first key and returns it unlocked. Throws `CliFailure` `owner-exists`. */
  create(passphrase: string): Promise<Signer>;
  /** Makes one more. Throws `CliFailure` `owner-exists` when there are as many as there can be. */
  createAnother(passphrase: string): Promise<{ readonly signer: Signer; readonly path: string }>;
  /** What is wrong with each file that is no key any more, with its path: one damaged file keeps nobody else from signing. */
  damaged(): Promise<readonly string[]>;
  /** The key that the passphrase opens. Throws `CliFailure` `wrong-passphrase` when it opens none, `bad-key` when none is whole. */
  unlock(passphrase: string): Promise<Signer>;
}

/** One connection to the monitor. Errors of the monitor arrive as `CliFailure` with the monitor's own code. */
export interface MonitorClient {
  request<Name extends keyof CliRequests>(
    name: Name,
    body: CliRequests[Name]["body"],
  ): Promise<CliRequests[Name]["ok"]>;
  /** At most one listener for each event. */
  onEvent<Name extends keyof CliEvents>(name: Name, listener: (body: CliEvents[Name]) => void): void;
  /** At most one listener: hears once that the connection ended which nobody here closed, with `CliFailure` `monitor-lost`. */
  onEnd(listener: (error: Error) => void): void;
  close(): void;
}

export interface Packages {
  /**
   * An installed npm package as a driver source: `node`, its entry file, and the folders it needs read-only.
   * Looked for from the working directory upwards, then beside the substrate. Throws `CliFailure` `unknown-package`.
   */
  find(name: string): Promise<{ readonly version: string; readonly entry: string; readonly code: readonly string[] }>;
}

/** Profiles that come with the substrate. */
export interface ShippedProfiles {
  list(): readonly string[];
  /** YAML of one of them. */
  read(name: string): Promise<string>;
}

export interface Check {
  readonly name: string;
  /** `missing`: the substrate does not work without it. `fault`: somebody must look. */
  readonly state: "ok" | "missing" | "fault" | "note";
  readonly found: string;
  /** What to do, or null when nothing needs doing. */
  readonly hint: string | null;
}

/** What a verification came to. */
export type Verified =
  | {
      readonly kind: "verified";
      /** What was found, for people. */
      readonly lines: readonly string[];
      /** The same for programs: of a log its size, root and key, of a proof the record and where it stands. */
      readonly facts: JsonObject;
    }
  /** `at` is the first record that is wrong, null when no single one can be named. */
  | { readonly kind: "refused"; readonly code: string; readonly at: number | null; readonly why: string };

/** What a log or a proof is held against: the key that signs its checkpoints, never one that lies beside it. */
export type LogKeySource =
  /** The log key of a home. */
  | { readonly kind: "home"; readonly home: string }
  /** `name+id+base64`, as `aios log verify` prints it (c2sp.org/signed-note). */
  | { readonly kind: "text"; readonly text: string };

/** Cosignatures that a checkpoint must carry. */
export interface WitnessChoice {
  /** Keys in their text form, as `aios witness serve` prints them. */
  readonly keys: readonly string[];
  /** How many of them. */
  readonly quorum: number;
  /** Cosignatures of before this do not count; milliseconds since 1970 UTC. */
  readonly since: number;
}

/** A file of entries of memory (docs/formats/memory.md), and what is in it when it verified. */
export interface ReadMemory {
  readonly verified: Verified;
  readonly found: Extract<ExportVerdict, { readonly kind: "verified" }> | null;
}

/** Verification that needs neither a monitor nor trust in one. */
export interface LogVerifier {
  /**
   * Whole log of a folder. `against` are paths of earlier checkpoints and of at most one folder with a copy: the log must
   * have grown from each.
   */
  verify(log: {
    readonly folder: string;
    readonly key: LogKeySource;
    readonly against: readonly string[];
    readonly witnesses: WitnessChoice | null;
  }): Promise<Verified>;
  /** The text of a file of entries of memory. */
  memory(file: {
    readonly text: string;
    readonly key: LogKeySource;
    readonly witnesses: WitnessChoice | null;
  }): Promise<ReadMemory>;
  /** The text of one proof file, or of one of entries of memory. */
  check(proof: {
    readonly text: string;
    readonly key: LogKeySource;
    readonly witnesses: WitnessChoice | null;
  }): Promise<Verified>;
  /** The log folder of a home. */
  folder(home: string): string;
}

/** Being a witness of others' logs, on this machine. */
export interface Witnesses {
  /**
   * Opens a witness's folder, or makes it with a fresh key, and listens at loopback. `report` is told of each request.
   * Without a name it has the one that its folder was made with. Throws `CliFailure` (`usage` for what is no key of a log and
   * for a new folder without a name, `bad-key`, `witness-running`, `port-taken`).
   */
  serve(options: {
    readonly folder: string;
    readonly name: string | null;
    readonly logs: readonly string[];
    readonly port: number;
    report(words: string): void;
  }): Promise<{ readonly key: string; readonly port: number; close(): Promise<void> }>;
  /** What it saw last of each log. Throws `CliFailure` `file-unreadable` for a folder that is no witness's. */
  seen(folder: string): Promise<readonly WitnessSeen[]>;
}

/** A file of what a witness saw last of one log. */
export type WitnessSeen =
  | {
      readonly kind: "kept";
      readonly origin: string;
      readonly size: number;
      readonly root: string;
      readonly note: string;
    }
  /** It is not what the witness's own key cosigned of that log: somebody else wrote it. */
  | { readonly kind: "changed"; readonly file: string };

/** Extensions as this person has them. What is in them is read by nobody here. */
/** Hands this process's streams to an instance. */
export interface AgentStarter {
  /**
   * Offers stand-ins for the standard streams under a ticket: a fresh pty in the place of each that is a terminal, a
   * fresh pipe in the place of every other. The instance takes them when it starts.
   */
  offerStreams(offer: StreamOffer): Promise<OfferedStreams>;
  /** Program file and read-only folders that a command needs inside a sandbox. Throws `CliFailure` `no-program`, `bad-program`. */
  findProgram(command: readonly string[]): Promise<Pick<RunRequest, "command" | "code">>;
}

export interface StreamOffer {
  readonly home: string;
  /** 32 lower-case hex digits. */
  readonly ticket: string;
  /** What of the person's keys goes on to the agent. */
  readonly fromPerson: (bytes: Uint8Array) => Uint8Array;
  /** What of the agent's output at a terminal is shown. */
  readonly fromAgent: (bytes: Uint8Array) => Uint8Array;
  /** A program has the standard streams, not a person: no terminal is made, and errors that would come up on one are dropped. */
  readonly program?: true;
  /** So many bytes of its output came elsewhere; how many of them are handed on. */
  readonly take: (bytes: number) => number;
}

/** Streams that an instance has, its output still waiting, and what joins them to this process's own. */
export interface OfferedStreams {
  /** The terminal being served, or null when none of the streams is one. */
  readonly terminal: AgentTerminal | null;
  /** Resolves when all of the agent's output was handed on. */
  readonly ended: Promise<void>;
  /** Hands the agent's output on from now on; until then it waits. */
  flow(): void;
  /** Takes no more of the agent's output; who writes on waits. */
  hold(): void;
  /** Ends at once, so that `ended` resolves; what was not handed on is lost. */
  stop(): void;
}

/** The person's terminal while an agent's pty is joined to it. */
export interface AgentTerminal {
  /** Resolves when all of the agent's output was shown and the terminal is as it was before. */
  readonly ended: Promise<void>;
  /** Stops showing and reading, and gives the terminal back its own mode, for a prompt of ours. */
  pause(): void;
  resume(): void;
  /** Whether the agent's program takes every key as it is; one that stops itself gives that up first. */
  isRaw(): boolean;
  /** Stops this program like a job of the person's shell, and comes back when that lets it go on. The terminal is paused. */
  suspend(): Promise<void>;
  stop(): void;
}

/** A sample to try the substrate on. Everything is deleted by `remove`. */
export interface Sample {
  readonly home: Home;
  /** Host path of the folder that the agent and its tools see as /workspace. */
  readonly workspace: string;
  /** The demo agent: a program that follows the plan at /workspace/plan.json. */
  readonly agent: Pick<RunRequest, "command" | "code">;
  readonly servers: { readonly files: DriverSource; readonly mail: DriverSource };
  /** Lends an instance streams that nobody types at, and hands its output over line by line. */
  lendStreams(ticket: string, onLine: (line: string) => void): Promise<void>;
  /** Copies the home's log and changes one byte of the copy; the copy's folder and what was changed. */
  changeOneByteOfACopy(): Promise<{ readonly folder: string; readonly what: string }>;
  /** What the sample mail server really sent, one line a message. */
  sent(): Promise<readonly string[]>;
  remove(): Promise<void>;
}
