import type { JsonValue } from "../kernel/json.ts";
import { boolean, decode, integer, list, object, oneOf, record, text, union } from "../protocol/decode.ts";
import type { DecodeResult, Decoder } from "../protocol/decode.ts";
import { FILE_OPERATIONS, NOTE_PATH_MOST } from "./storage-wire.ts";
import type { FileNote } from "./storage-wire.ts";

/** A program that was asked for inside a sandbox. All words are an agent's. What it names may not exist. */
export interface StartedProgram {
  /** Host id of the thread that asked. */
  readonly pid: number;
  /** Host id of its parent process, 0 when it was gone already. */
  readonly parent: number;
  /** The path as it was given; of a descriptor what the kernel calls it. */
  readonly program: string;
  readonly arguments: readonly string[];
  /** Whether program or arguments were longer than what is kept. */
  readonly cut: boolean;
}

/** One call that was not let through. */
export interface StoppedCall {
  readonly call: string;
  readonly pid: number;
  /** The program that made it. */
  readonly program: string;
}

/** A change to a guarded file that was not made. */
export interface RefusedFile extends FileNote {
  readonly why: string;
  /** The program that asked. */
  readonly program: string;
}

/** A connection that was asked for, with an address of the internet that is not the sandbox's own loopback. */
export interface AskedConnection {
  readonly kind: "stream" | "datagram";
  /** The address in figures, as it was asked for. */
  readonly address: string;
  readonly port: number;
  /** The port of the asking socket, by which whoever it was led to knows it; 0 when it has none. */
  readonly from: number;
}

/** Why no agent began: its program is not there, cannot be executed, or its confinement could not be set up. */
export type LaunchFailure = "no-program" | "bad-program" | "setup";

/** What a supervisor reports about one sandbox, its ward. */
export type Evidence =
  /** The launcher has become the agent. */
  | { readonly event: "launched"; readonly ward: number }
  /** It never did. */
  | { readonly event: "failed"; readonly ward: number; readonly why: LaunchFailure; readonly words: string }
  | { readonly event: "started"; readonly ward: number; readonly programs: readonly StartedProgram[] }
  | {
      readonly event: "refused";
      readonly ward: number;
      /** How often, by the call's name. */
      readonly calls: { readonly [call: string]: number };
      /** The first of each, of at most so many. */
      readonly examples: readonly StoppedCall[];
    }
  /** Files of guarded roots that were opened for writing, made, moved or removed. */
  | { readonly event: "written"; readonly ward: number; readonly files: readonly FileNote[] }
  | {
      readonly event: "files-refused";
      readonly ward: number;
      readonly count: number;
      /** The first of each, of at most so many. */
      readonly files: readonly RefusedFile[];
    }
  /** Of a sandbox whose connections are diverted: one that was asked for. */
  | ({
      readonly event: "connected";
      readonly ward: number;
      readonly pid: number;
      readonly program: string;
    } & AskedConnection)
  /** TERMINAL: the namespace was killed before this was said. */
  | ({ readonly event: "terminal"; readonly ward: number } & StoppedCall)
  /** No process of it is left. */
  | { readonly event: "gone"; readonly ward: number };

/**
 * What a monitor tells its supervisor; with it go two descriptors, the launcher's socket and the first process, and with
 * guarded roots a third, the socket to the storage device.
 */
export interface WatchOrder {
  readonly ward: number;
  readonly programs: "none" | "any";
  /** Guarded roots, as paths inside. */
  readonly guarded: readonly string[];
  /** A port of its own loopback to which every stream that it connects elsewhere leads instead; left out, none does. */
  readonly diverted?: number;
}

/** Bounds of what is kept of one program, in characters and words. */
export const PROGRAM_MOST = 512;
export const ARGUMENT_MOST = 256;
export const ARGUMENTS_MOST = 16;
/** Programs in one report. */
export const BATCH_MOST = 64;
/** Examples in one report. */
export const EXAMPLES_MOST = 16;
/** Longest report as a line of JSON: a full batch whose every character is escaped. */
export const REPORT_MOST: number = 6 * BATCH_MOST * (PROGRAM_MOST + ARGUMENTS_MOST * (ARGUMENT_MOST + 3) + 256);

const ward = integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const pid = integer({ min: 0, max: 0x7fff_ffff });
const program = text({ max: PROGRAM_MOST });
const call = text({ max: 32, pattern: /^[a-z0-9_ ]+$/ });
const words = text({ max: 1024 });
const port = integer({ min: 0, max: 65_535 });

const note = { operation: oneOf(FILE_OPERATIONS), path: text({ max: NOTE_PATH_MOST }) };

const EVIDENCE: Decoder<Evidence> = union<Evidence, "event">("event", {
  launched: object<Extract<Evidence, { event: "launched" }>>({ event: oneOf(["launched"]), ward }),
  failed: object<Extract<Evidence, { event: "failed" }>>({
    event: oneOf(["failed"]),
    ward,
    why: oneOf(["no-program", "bad-program", "setup"]),
    words,
  }),
  started: object<Extract<Evidence, { event: "started" }>>({
    event: oneOf(["started"]),
    ward,
    programs: list(
      object<StartedProgram>({
        pid,
        parent: pid,
        program,
        arguments: list(text({ max: ARGUMENT_MOST }), { max: ARGUMENTS_MOST }),
        cut: boolean(),
      }),
      { max: BATCH_MOST },
    ),
  }),
  refused: object<Extract<Evidence, { event: "refused" }>>({
    event: oneOf(["refused"]),
    ward,
    calls: record(integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { key: /^[a-z0-9_ ]{1,32}$/, max: 256 }),
    examples: list(object<StoppedCall>({ call, pid, program }), { max: EXAMPLES_MOST }),
  }),
  written: object<Extract<Evidence, { event: "written" }>>({
    event: oneOf(["written"]),
    ward,
    files: list(object<FileNote>(note), { max: BATCH_MOST }),
  }),
  "files-refused": object<Extract<Evidence, { event: "files-refused" }>>({
    event: oneOf(["files-refused"]),
    ward,
    count: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    files: list(object<RefusedFile>({ ...note, why: text({ max: 128 }), program }), { max: EXAMPLES_MOST }),
  }),
  connected: object<Extract<Evidence, { event: "connected" }>>({
    event: oneOf(["connected"]),
    ward,
    pid,
    program,
    kind: oneOf(["stream", "datagram"]),
    address: text({ max: 48 }),
    port,
    from: port,
  }),
  terminal: object<Extract<Evidence, { event: "terminal" }>>({
    event: oneOf(["terminal"]),
    ward,
    call,
    pid,
    program,
  }),
  gone: object<Extract<Evidence, { event: "gone" }>>({ event: oneOf(["gone"]), ward }),
});

/** Decodes one report. The supervisor reads hostile memory, so what it says is read as strictly as a peer's words. */
export function decodeEvidence(value: JsonValue): DecodeResult<Evidence> {
  return decode(EVIDENCE, value);
}
