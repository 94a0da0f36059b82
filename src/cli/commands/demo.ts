import type { Signer } from "../../platform/powers.ts";
import { writeProof } from "../../protocol/proof-file.ts";
import { answerHeld } from "../answer-held.ts";
import { createQuestions } from "../questions.ts";
import type { Command } from "../command.ts";
import { createBoard, type Board } from "../demo/board.ts";
import { makeDemoGrant } from "../demo/grant.ts";
import { AGENT, CHAPTERS, SAMPLE_FILES, STRANGER, TASK } from "../demo/story.ts";
import { describeGrant } from "../../showing/describe-grant.ts";
import { toDocument } from "../document.ts";
import { enrolOwner } from "../enrol.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { join, line, writeLines } from "../../showing/line.ts";
import { askNewPassphrase } from "../passphrase.ts";
import type { CliPowers, MonitorClient, Person, Sample } from "../powers.ts";
import { prepareAndSign } from "../sign.ts";
import type { SigningSession } from "../signing-session.ts";
import { showRefusal } from "../verdict.ts";
import { makeVisible } from "../../showing/visible.ts";

/** For commands to copy: never `npm start --`, whose banner would land in a file that standard output goes to. */
const PROGRAM = "bin/aios";
/** How long a held action waits: until a person has read it, or just long enough to be seen when there is none. */
const HOLD_SECONDS = { attended: 600, unattended: 3 };

/** `aios demo`: the whole path on a sample, with real processes, real servers and a real log. */
export const demo: Command = {
  path: ["demo"],
  summary: "see all of it work on a throw-away sample",
  positionals: [],
  rest: null,
  flags: [],
  details: [
    "Runs a small agent without a model against real tool servers in a throw-away home. One document of the sample carries an instruction that the agent obeys. At a terminal you sign and decide yourself; without one nobody can approve, and what is held expires.",
  ],
  examples: ["demo"],
  async run(powers) {
    writeLines(powers.out, [
      join(["strong", "AIOS demo"], ": an agent starts with nothing, and every effect it has is decided,"),
      line("selected, validated, approved, executed and recorded, or does not happen."),
    ]);
    const sample = await powers.makeSample(SAMPLE_FILES);
    try {
      const interrupted = powers.interrupted().then(() => {
        throw CliFailure.of("interrupted", "The demo was interrupted; what it made is deleted");
      });
      return await Promise.race([play(powers, sample), interrupted]);
    } finally {
      await sample.remove();
    }
  },
};

async function play(powers: CliPowers, sample: Sample): Promise<ExitCode> {
  const board = createBoard({ screen: powers.out, chapters: CHAPTERS });
  board.chapter("The owner signs what the agent may do");
  await sample.home.create();
  const client = await sample.home.connect();
  const watcher = await sample.home.connect();
  try {
    const owner = await makeOwner({ powers, sample, client, board });
    await grant({ powers, sample, client, board, owner });
    const signing = powers.person === null ? forget() : owner;
    await runAgent({ powers, sample, client, watcher, board, signing });
    signing.forget();
    await proveLog({ powers, sample, client, board });
    finish(powers);
    return EXIT.ok;
  } finally {
    watcher.close();
    client.close();
  }
}

interface Scene {
  readonly powers: CliPowers;
  readonly sample: Sample;
  readonly client: MonitorClient;
  readonly board: Board;
}

/** The demo's own key. At a terminal its passphrase is the person's; without one it signs the first grant and is gone. */
async function makeOwner(scene: Scene): Promise<SigningSession> {
  const { powers, sample, client, board } = scene;
  const signer = await makeKey(scene, powers.person);
  await enrolOwner({ powers, client }, { name: "demo", signer });
  board.result(["good", "ready"], `home, owner key and log at ${sample.home.path}, deleted at the end`);
  return keepSigner(signer);
}

async function makeKey({ powers, sample, board }: Scene, person: Person | null): Promise<Signer> {
  if (person === null) {
    board.say(
      "There is no terminal here, so nobody can approve anything. The demo's own throw-away key signs the first grant, nothing else, and is forgotten before the agent starts.",
      "wait",
    );
    return await sample.home.key.create(powers.random.hex(16));
  }
  board.say(
    "Choose a passphrase for this demo: at least 12 characters, or 4 words. Its key signs the grant and your answers, stays in memory while this runs, and is deleted at the end.",
  );
  for (;;) {
    try {
      return await sample.home.key.create(await askNewPassphrase(person, "the demo"));
    } catch (error) {
      if (!(error instanceof CliFailure) || (error.code !== "weak-passphrase" && error.code !== "passphrases-differ"))
        throw error;
      board.say(`${error.message}. Try again.`, "wait");
    }
  }
}

function keepSigner(signer: Signer): SigningSession {
  let kept: Signer | null = signer;
  return {
    get unlocked() {
      return kept !== null;
    },
    forget() {
      kept = null;
    },
    unlock() {
      return kept === null
        ? Promise.reject(CliFailure.of("no-owner", "The demo's key was forgotten"))
        : Promise.resolve(kept);
    },
  };
}

/** A session that can sign nothing: what is left when no person is there. */
function forget(): SigningSession {
  return {
    unlocked: false,
    forget: () => undefined,
    unlock: () => Promise.reject(CliFailure.of("no-terminal", "Nobody is here to sign")),
  };
}

async function grant(scene: Scene & { readonly owner: SigningSession }): Promise<void> {
  const { powers, sample, client, board, owner } = scene;
  const { files, mail } = sample.servers;
  const { drivers } = await client.request("probe", { drivers: { files, mail }, workspace: sample.workspace });
  const probed = (name: "files" | "mail"): Parameters<typeof makeDemoGrant>[0]["files"] => {
    const found = drivers[name];
    if (found === undefined) throw CliFailure.of("not-found", `The server ${name} of the demo did not answer`);
    return { source: sample.servers[name], pin: found.pin, tools: found.offer.tools.map((tool) => tool.name) };
  };
  const now = powers.now();
  const document = makeDemoGrant({ files: probed("files"), mail: probed("mail") }, now);
  const options = { now, offset: powers.offset(now), columns: Math.min(powers.out.columns, 78) - 3 };
  board.lines(describeGrant(document, { ...options, servers: false }));
  if (powers.person !== null)
    await askForGrant(powers.person, () => board.lines(describeGrant(document, { ...options, servers: true })));
  const seq = await prepareAndSign(
    { powers, client, session: owner },
    { purpose: "sign-grant", document: toDocument(document) },
  );
  board.result(["good", "granted"], `signed by the owner's key, recorded as ${seq}`);
  if (powers.person === null) {
    owner.forget();
    board.say("The key is forgotten now: from here on nobody can sign.", "wait");
  }
}

/** Where the servers come from fills two screens here; it is one key away. */
async function askForGrant(person: Person, showAll: () => void): Promise<void> {
  for (;;) {
    const answer =
      (await person.askLine("   Sign this grant? y, n, or d for every detail: "))?.trim().toLowerCase() ?? "n";
    if (answer === "y" || answer === "yes") return;
    if (answer === "d") showAll();
    else if (answer !== "") throw CliFailure.of("not-confirmed", "Nothing was signed: you did not say yes");
  }
}

async function runAgent(
  scene: Scene & { readonly watcher: MonitorClient; readonly signing: SigningSession },
): Promise<void> {
  const { powers, sample, client, watcher, board, signing } = scene;
  board.chapter("The agent starts in its sandbox: no network, no home, no files of yours");
  board.say(`Your task for it: "${TASK}"`);
  const ticket = powers.random.hex(16);
  const questions = createQuestions();
  let answers: Promise<void> = Promise.resolve();
  watcher.onEvent("stage", (event) => board.onStage(event));
  watcher.onEvent("record", ({ record }) => {
    board.onRecord(record);
    if (record.kind !== "held") return;
    if (powers.person === null)
      board.say(`Nobody is here to answer; it expires in ${HOLD_SECONDS.unattended} seconds.`, "faint");
    else
      answers = answers
        .then(() => answerHeld({ powers, client, signing, questions }, { instance: record.instance, mayLeave: false }))
        .catch((error: unknown) => tellFailure(board, error));
  });
  await watcher.request("watch", { instance: null });
  await sample.lendStreams(ticket, (text) => board.onAgent(text));
  const { instance } = await client.request("run", {
    agent: AGENT,
    ...sample.agent,
    workspace: sample.workspace,
    task: TASK,
    strict: false,
    parent: null,
    environment: {},
    holdAt: [],
    streams: ticket,
    holdSeconds: powers.person === null ? HOLD_SECONDS.unattended : HOLD_SECONDS.attended,
  });
  await client.request("wait", { instance });
  await answers;
  const sent = await sample.sent();
  board.chapter("What really left");
  if (sent.length === 0) board.say(`Nothing: the mail server sent no message, to ${STRANGER} or to anybody.`);
  else for (const text of sent) board.say(`You let this out: ${makeVisible(text)}`, "wait");
}

function tellFailure(board: Board, error: unknown): void {
  board.say(error instanceof Error ? makeVisible(error.message) : "the answer failed", "bad");
}

async function proveLog({ powers, sample, client, board }: Scene): Promise<void> {
  board.chapter("The log, checked by a verifier that trusts nobody");
  const folder = powers.logs.folder(sample.home.path);
  const key = { kind: "home", home: sample.home.path } as const;
  // Makes the checkpoint cover everything that happened.
  await client.request("checkpoint", {});
  const whole = await powers.logs.verify({ folder, key, against: [], witnesses: null });
  if (whole.kind === "verified") board.result(["good", "verified"], `every record of the log: ${whole.lines[0] ?? ""}`);
  else board.result(["bad", "refused"], showRefusal(whole));

  const { entries } = await client.request("log-show", { from: 0, limit: 1, instance: null, kinds: ["terminal"] });
  const seq = entries[0]?.record.seq ?? 0;
  const { proof } = await client.request("log-prove", { seq });
  const proved = await powers.logs.check({ text: writeProof(proof), key, witnesses: null });
  if (proved.kind === "verified")
    board.result(
      ["good", "verified"],
      `record ${seq}, the attempt to climb, from a proof of ${proof.path.length} hash${proof.path.length === 1 ? "" : "es"}`,
    );
  else board.result(["bad", "refused"], showRefusal(proved));

  const copy = await sample.changeOneByteOfACopy();
  const forged = await powers.logs.verify({ folder: copy.folder, key, against: [], witnesses: null });
  if (forged.kind === "refused")
    board.result(["bad", "refused"], `a copy with one byte changed (${copy.what}): ${showRefusal(forged)}`);
  else board.result(["bad", "verified"], "a changed copy passed: this must never be seen");
  if (whole.kind !== "verified" || proved.kind !== "verified" || forged.kind !== "refused") {
    throw CliFailure.of("demo-failed", "The log of the demo did not verify as it must", `${PROGRAM} doctor`);
  }
}

function finish(powers: CliPowers): void {
  writeLines(powers.out, [
    line(""),
    line("Try next, with your own agent:", "strong"),
    line(`   ${PROGRAM} init`),
    line(`   ${PROGRAM} run --profile examples/files.yaml --workspace DIR -- CMD`),
    line(`   ${PROGRAM} log show`),
  ]);
}
