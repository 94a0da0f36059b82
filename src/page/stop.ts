import type { StopReport } from "../protocol/stop-report.ts";
import { ask } from "./api.ts";
import { h, theirs } from "./dom.ts";

/** Says what happened to a person, politely or, for what is bad, at once. */
export type Say = (words: (string | HTMLElement)[], tone?: "good" | "bad") => void;

/** The stop that is on every page: freezes everything at once and asks nothing. */
export function stopButton({ say, refresh }: { readonly say: Say; refresh(): void }): HTMLElement {
  return h(
    "button",
    {
      type: "button",
      class: "stop",
      title: "Freezes every agent at once (key: Shift+S)",
      onclick: () => void stopAll({ say, refresh }),
    },
    "Stop everything",
  );
}

export async function stopAll({ say, refresh }: { readonly say: Say; refresh(): void }): Promise<void> {
  await stop("freeze", { instance: null, say, refresh });
}

/** Freezes or ends one instance, or all, and says what was confirmed. */
export async function stop(
  how: "freeze" | "kill",
  { instance, say, refresh }: { readonly instance: string | null; readonly say: Say; refresh(): void },
): Promise<void> {
  const word = how === "freeze" ? "frozen" : "ended";
  say([`${how === "freeze" ? "Freezing" : "Ending"} …`]);
  try {
    const report = await ask(how, { instance });
    const open = unconfirmed(report);
    // A freeze ends what only started: nobody is to wait for it to go on.
    const young = how === "freeze" ? report.instances.filter(({ life }) => life === "ended").length : 0;
    const ended = young === 0 ? "" : `; ${young} that only started were ended`;
    if (open.length === 0 && (how === "kill" || instance !== null || report.all !== null))
      say([`${word}: ${report.instances.length} of ${report.instances.length}, every part confirmed${ended}`], "good");
    else if (open.length === 0)
      say(["Everything is frozen, but the log cannot be written: a crash would forget it."], "bad");
    else
      say([`NOT CONFIRMED ${word}: `, ...open.map((id) => theirs(id)), " — aios kill, then aios serve --stop"], "bad");
  } catch (error) {
    say(
      [
        "NOT STOPPED: ",
        theirs(error instanceof Error ? error.message : "it failed"),
        " — stop at the terminal: aios freeze --all",
      ],
      "bad",
    );
  }
  refresh();
}

function unconfirmed({ instances }: StopReport): readonly string[] {
  return instances.filter(({ confirmed }) => !confirmed).map(({ agent, instance }) => `${agent} ${instance} `);
}
