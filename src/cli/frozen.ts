import type { LogRecord } from "../protocol/record.ts";
import { confirm } from "./confirm.ts";
import { line, writeLines } from "../showing/line.ts";
import type { CliPowers, MonitorClient } from "./powers.ts";
import type { Questions } from "./questions.ts";
import { prepareAndSign, type SigningParts } from "./sign.ts";
import { makeVisible } from "../showing/visible.ts";

/** How long a frozen instance waits where there is no terminal: nobody can thaw it from there, and nobody may be coming. */
export const FROZEN_SECONDS = 30;

/** Code of a freeze of everything. */
const ALL_FROZEN = "all-frozen";

/** Code of a freeze for a log that cannot be written. */
const LOG_UNAVAILABLE = "log-unavailable";

/** How often the monitor is asked whether the instance stands still. */
const LOOK_MS = 10_000;

/** An instance that stands still, and why. */
export interface Freeze {
  readonly instance: string;
  /** Visible text. */
  readonly why: string;
  /** For the log alone: it goes on by itself when that can be written again. */
  readonly forLog: boolean;
}

/** What is told of an instance's freezes and thaws. */
export interface FreezeListener {
  onFrozen(freeze: Freeze): void;
  onThawed(instance: string): void;
}

/** Reads the records of a watch for one instance's freezes. */
export interface FreezeFollower {
  hear(record: LogRecord): void;
  /** Forgets the bound that runs. */
  stop(): void;
}

/**
 * Follows whether an instance is frozen, so that whoever waits for it is told and does not wait for ever: without a
 * terminal it is ended when it was not thawed within the bound. A freeze over a log that cannot be written has no record and
 * no bound, so the monitor is asked now and then as well: it lifts by itself, or gives way to another.
 */
export function followFreezes(
  parts: {
    readonly powers: Pick<CliPowers, "person" | "timer" | "err">;
    readonly client: MonitorClient;
    readonly listener: FreezeListener;
  },
  instance: string,
): FreezeFollower {
  const { powers, client, listener } = parts;
  let frozen = false;
  /** The code of its freeze: one for the log lifts by itself, and one of everything with everything. */
  let since = "";
  let over = false;
  /** Freezes and thaws so far: an answer that is older than one of them says nothing. */
  let changes = 0;
  let cancelBound: (() => void) | null = null;
  let cancelLook: (() => void) | null = null;

  const giveUp = (): void => {
    powers.err.write(`aios: instance ${instance} was not thawed within ${FROZEN_SECONDS} seconds: it is ended\n`);
    // Refused when it has ended meanwhile; a connection that is lost ends the wait as well.
    void client.request("kill", { instance }).catch(() => undefined);
  };
  const freeze = (why: string, code: string): void => {
    frozen = true;
    since = code;
    changes++;
    const forLog = code === LOG_UNAVAILABLE;
    listener.onFrozen({ instance, why: makeVisible(why), forLog });
    if (forLog || powers.person !== null) return;
    powers.err.write(`hint: there is no terminal to thaw it at: it is ended in ${FROZEN_SECONDS} seconds\n`);
    cancelBound = powers.timer.after(FROZEN_SECONDS * 1000, giveUp);
  };
  const thaw = (): void => {
    frozen = false;
    changes++;
    cancelBound?.();
    listener.onThawed(instance);
  };
  const look = async (): Promise<void> => {
    if (frozen && since !== LOG_UNAVAILABLE) return;
    const before = changes;
    const { instances } = await client.request("ps", { all: false });
    const view = instances.find((candidate) => candidate.instance === instance);
    if (before !== changes || over || view?.state !== "frozen" || (frozen && view.why === since)) return;
    freeze(view.why ?? "no reason given", view.why ?? "");
  };
  const lookLater = (): void => {
    if (over) return;
    // A look that fails finds the connection lost, which ends the wait as well.
    cancelLook = powers.timer.after(LOOK_MS, () => void look().then(lookLater, () => undefined));
  };
  lookLater();

  return {
    hear(record) {
      if (over) return;
      const gaveWay = since === LOG_UNAVAILABLE;
      if (record.kind === "instance-frozen" && record.instance === instance) {
        if (!frozen || (gaveWay && record.code !== since)) freeze(explainFreeze(record), record.code);
      } else if (!frozen) return;
      else if (record.kind === "instance-thawed" && record.instance === instance) thaw();
      else if (record.kind === "instance-resumed" && record.instance === instance && gaveWay) thaw();
      else if (record.kind === "all-thawed" && since === ALL_FROZEN) thaw();
    },
    stop() {
      over = true;
      cancelBound?.();
      cancelLook?.();
    },
  };
}

function explainFreeze({ code, by }: Extract<LogRecord, { readonly kind: "instance-frozen" }>): string {
  return by.kind === "monitor" && by.why !== code ? `${code}: ${by.why}` : code;
}

/**
 * Asks the person at the terminal what is to become of a frozen instance; false when they ended it, or the question ended. Throws
 * `CliFailure` when signing fails.
 */
export async function answerFrozen(
  parts: SigningParts & { readonly powers: Pick<CliPowers, "person">; readonly questions: Questions },
  { instance, why }: Freeze,
): Promise<boolean> {
  const { powers, client, questions } = parts;
  const draw = (): void => writeLines(powers.err, [line(`instance ${instance} is frozen: ${why}`, "wait")]);
  const asker = questions.ask([], draw);
  const session = { ...parts.session, unlock: () => parts.session.unlock(asker) };
  draw();
  if (await confirm(powers, "Let it go on? You sign for it.", asker)) {
    const seq = await prepareAndSign({ ...parts, session }, { purpose: "thaw-instance", document: { instance } });
    writeLines(powers.err, [line(`it goes on (record ${seq})`)]);
  } else if (asker.over === null && (await confirm(powers, "End it?", asker))) {
    await client.request("kill", { instance });
    return false;
  } else if (asker.over === null) {
    writeLines(powers.err, [line("it stays frozen")]);
  }
  return asker.over === null;
}
