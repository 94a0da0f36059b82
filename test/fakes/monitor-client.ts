import { CliFailure } from "../../src/cli/failure.ts";
import type { MonitorClient } from "../../src/cli/powers.ts";
import type { HeldPage, HeldView } from "../../src/protocol/held-view.ts";
import type { CliEvents, CliRequests } from "../../src/protocol/requests.ts";

/** What a test lets the monitor answer; a request without an answer is refused like an unknown one. */
export type Answers = {
  readonly [Name in keyof CliRequests]?: (
    body: CliRequests[Name]["body"],
  ) => CliRequests[Name]["ok"] | Promise<CliRequests[Name]["ok"]>;
};

export interface FakeMonitor {
  readonly client: MonitorClient;
  /** Every request in order. */
  readonly asked: readonly { readonly name: string; readonly body: unknown }[];
  /** How often a connection was closed. */
  closed(): number;
  /** The monitor ends the connection. */
  fall(): void;
  say<Name extends keyof CliEvents>(name: Name, body: CliEvents[Name]): void;
}

/** An answer to `held` that has all of it. */
export function pageOf(held: readonly HeldView[]): HeldPage {
  return { held, next: null, all: held.length };
}

/** A monitor that answers from a table and keeps the contract: errors are `CliFailure`, nothing answers after `close`. */
export function createFakeMonitor(answers: Answers): FakeMonitor {
  const asked: { name: string; body: unknown }[] = [];
  const listeners = new Map<string, (body: never) => void>();
  let closed = 0;
  const ends: ((error: Error) => void)[] = [];
  return {
    asked,
    closed: () => closed,
    fall() {
      for (const hear of ends) hear(CliFailure.of("monitor-lost", "the monitor ended the connection"));
    },
    say(name, body) {
      // The listener under a name was registered for that name's body.
      (listeners.get(name) as ((body: unknown) => void) | undefined)?.(body);
    },
    client: {
      async request(name, body) {
        asked.push({ name, body });
        // To watch is nothing but to be told what the test says.
        const answer = answers[name] ?? (name === "watch" ? () => Promise.resolve({}) : undefined);
        if (answer === undefined)
          throw CliFailure.fromMonitor({
            code: "unexpected",
            message: `The test has no answer to ${name}.`,
            hint: null,
          });
        return await answer(body);
      },
      onEvent(name, listener) {
        listeners.set(name, listener);
      },
      onEnd(listener) {
        ends.push(listener);
      },
      close() {
        closed += 1;
      },
    },
  };
}
