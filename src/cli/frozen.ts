import type { LogRecord } from "../protocol/record.ts";
import { confirm } from "./confirm.ts";
import { line, writeLines } from "./line.ts";
import type { CliPowers, MonitorClient } from "./powers.ts";
import { prepareAndSign, type SigningParts } from "./sign.ts";
import { makeVisible } from "./visible.ts";

/** How long a frozen instance waits where there is no terminal: nobody can thaw it from there, and nobody may be coming. */
export const FROZEN_SECONDS = 30;

/** An instance that stands still, and why. */
export interface Freeze {
  readonly instance: string;
  /** Visible text. */
  readonly why: string;
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
 * terminal it is ended when it was not thawed within the bound.
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
  let cancel = (): void => undefined;

  const giveUp = (): void => {
    powers.err.write(`aios: instance ${instance} was not thawed within ${FROZEN_SECONDS} seconds: it is ended\n`);
    // Refused when it has ended meanwhile; a connection that is lost ends the wait as well.
    void client.request("kill", { instance }).catch(() => undefined);
  };
  return {
    hear(record) {
      if (record.kind === "instance-frozen" && record.instance === instance && !frozen) {
        frozen = true;
        listener.onFrozen({ instance, why: explainFreeze(record) });
        if (powers.person !== null) return;
        powers.err.write(`hint: there is no terminal to thaw it at: it is ended in ${FROZEN_SECONDS} seconds\n`);
        cancel = powers.timer.after(FROZEN_SECONDS * 1000, giveUp);
      } else if (record.kind === "instance-thawed" && record.instance === instance && frozen) {
        frozen = false;
        cancel();
        listener.onThawed(instance);
      }
    },
    stop() {
      cancel();
    },
  };
}

function explainFreeze({ code, by }: Extract<LogRecord, { readonly kind: "instance-frozen" }>): string {
  return makeVisible(by.kind === "monitor" && by.why !== code ? `${code}: ${by.why}` : code);
}

/** Asks the person at the terminal what is to become of a frozen instance. Throws `CliFailure` when signing fails. */
export async function answerFrozen(
  parts: SigningParts & { readonly powers: Pick<CliPowers, "person"> },
  { instance, why }: Freeze,
): Promise<void> {
  const { powers, client } = parts;
  writeLines(powers.err, [line(`instance ${instance} is frozen: ${why}`, "wait")]);
  if (await confirm(powers, "Let it go on? You sign for it.")) {
    const seq = await prepareAndSign(parts, { purpose: "thaw-instance", document: { instance } });
    writeLines(powers.err, [line(`it goes on (record ${seq})`)]);
  } else if (await confirm(powers, "End it?")) {
    await client.request("kill", { instance });
  } else {
    writeLines(powers.err, [line("it stays frozen")]);
  }
}
