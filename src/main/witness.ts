import { CliFailure } from "../cli/failure.ts";
import type { Witnesses } from "../cli/powers.ts";
import type { Clock, Crypto } from "../platform/powers.ts";
import { serveWitness, type WitnessAnswer } from "../platform/log/witness-server.ts";
import {
  openWitnessStore,
  readSeen,
  readWitnessName,
  seenFile,
  type WitnessStore,
} from "../platform/log/witness-store.ts";
import { toHex } from "../protocol/bytes.ts";
import { cosign, readCosignatures } from "../protocol/cosignature.ts";
import { noteKeyText, parseCheckpoint, splitNote, type CheckpointBody, type NoteKey } from "../protocol/note.ts";
import { judgeCheckpoint, MAX_WITNESS_REQUEST, readAddCheckpoint } from "../protocol/witness.ts";
import { explainRead } from "./explain-read.ts";
import { readLogKey } from "./log-verifier.ts";
import { translateFaults } from "./translate.ts";

/** What a witness is made of. */
export interface WitnessParts {
  readonly store: WitnessStore;
  /** The logs that it looks after. */
  readonly logs: readonly NoteKey[];
  readonly crypto: Pick<Crypto, "sha256" | "verify">;
  readonly clock: Pick<Clock, "wall">;
  /** One line about each request, for whoever runs it. */
  report(words: string): void;
}

/** Makes what answers requests: judged, kept durably, and only then cosigned. */
export function createWitness({ store, logs, crypto, clock, report }: WitnessParts): (body: string) => WitnessAnswer {
  const sha256 = (data: Uint8Array): Uint8Array => crypto.sha256(data);
  const powers = { sha256, verify: crypto.verify.bind(crypto) };
  const key: NoteKey = { name: store.name, publicKey: store.signer.publicKey };

  /** What this witness cosigned last. Its own signature shows that nobody else wrote it: anything else is a fault. */
  function seen(origin: string): CheckpointBody | null {
    const note = store.read(origin);
    if (note === null) return null;
    const checkpoint = readOwn(note, { key, crypto });
    if (checkpoint?.origin === origin) return checkpoint;
    report(`what was seen of ${origin} is not what this witness kept`);
    throw new Error(`Cannot judge ${origin}: what was seen of it was changed`);
  }

  return (body) => {
    const request = readAddCheckpoint(body);
    if (request === null) return { status: 400, type: "text/plain", text: "this is no add-checkpoint\n" };
    const judged = judgeCheckpoint(request, { logs, seen, powers });
    if (judged.kind === "refused") {
      report(`refused (${judged.status}): ${judged.why}`);
      return judged.status === 409
        ? { status: 409, type: "text/x.tlog.size", text: `${judged.size}\n` }
        : { status: judged.status, type: "text/plain", text: `${judged.why}\n` };
    }
    const { origin, size } = judged.checkpoint;
    const time = Math.floor(clock.wall() / 1000);
    const line = cosign(judged.text, { key, time, sha256, sign: (message) => store.signer.sign(message) });
    store.write(origin, stripOwn(judged.note, key.name) + line);
    report(`cosigned ${origin} at ${size}`);
    return { status: 200, type: "text/plain; charset=utf-8", text: line };
  };
}

/** The checkpoint of a note that this witness cosigned; null for any other note. */
function readOwn(
  note: string,
  { key, crypto }: { readonly key: NoteKey; readonly crypto: WitnessParts["crypto"] },
): CheckpointBody | null {
  const own = readCosignatures(note, {
    witnesses: [key],
    sha256: (data) => crypto.sha256(data),
    verify: crypto.verify.bind(crypto),
  });
  return own?.length === 1 ? parseCheckpoint(splitNote(note)?.text ?? "") : null;
}

/** A note that comes back from a log may carry our own earlier cosignature: one is enough. */
function stripOwn(note: string, name: string): string {
  const parts = splitNote(note);
  if (parts === null) return note;
  const others = parts.signatures.filter((each) => each.name !== name).map(({ line }) => line);
  return `${parts.text}\n${others.join("")}`;
}

/** What the command line does as a witness. */
export function createWitnesses(parts: Pick<WitnessParts, "crypto" | "clock">): Witnesses {
  const sha256 = (data: Uint8Array): Uint8Array => parts.crypto.sha256(data);
  return {
    async serve({ folder, name: given, logs, port, report }) {
      const keys = logs.map((text) => readLogKey(text, sha256));
      const name = given ?? readWitnessName(folder);
      if (name === null) {
        const hint = "name it: --name witness.example/one";
        throw CliFailure.of("usage", `There is no witness in ${folder}, and a new one needs a name`, hint);
      }
      const store = await translateFaults(() => openWitnessStore(folder, name));
      const answer = createWitness({ ...parts, store, logs: keys, report });
      try {
        const server = await serveWitness(answer, { port, most: MAX_WITNESS_REQUEST });
        const key = noteKeyText(sha256, { name, publicKey: store.signer.publicKey }, "cosignature");
        return { key, port: server.port, close: () => server.close() };
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
        throw CliFailure.of("port-taken", `Cannot listen at port ${port}: it is taken`, "name another with --port");
      }
    },
    async seen(folder) {
      const { key, notes } = await readSeen(folder).catch((error: unknown) => {
        const why = explainRead(error);
        throw CliFailure.of("file-unreadable", `Cannot read ${folder}: ${why}`, "name the folder of a witness");
      });
      return notes.map(({ file, note }) => {
        const checkpoint = readOwn(note, { key, crypto: parts.crypto });
        if (checkpoint === null || seenFile(checkpoint.origin) !== file) return { kind: "changed", file };
        return { kind: "kept", ...checkpoint, root: toHex(checkpoint.root), note };
      });
    },
  };
}
