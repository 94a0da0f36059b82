import type { LogRecord } from "../protocol/record.ts";
import type { CliEvents, HeldView } from "../protocol/requests.ts";

/** Hears what happens in one instance, or in all (null). */
export interface Watcher {
  readonly instance: string | null;
  send<K extends keyof CliEvents>(name: K, body: CliEvents[K]): void;
}

/** Tells everyone who watches all instances, or just the one that a record is about; and of what it holds for a human. */
export function tellWatchers(
  watchers: Iterable<Watcher>,
  { record, held }: { readonly record: LogRecord; readonly held: HeldView | null },
): void {
  for (const watcher of watchers) {
    if (watcher.instance !== null && !("instance" in record && record.instance === watcher.instance)) continue;
    watcher.send("record", { record });
    if (held !== null) watcher.send("held", { held });
  }
}

/** The end of a connection that can be told events. */
export interface EventPeer {
  event<K extends keyof CliEvents>(name: K, body: CliEvents[K]): boolean;
  drained(): Promise<void>;
}

/** The watch of one connection: at most one, replaced when asked again, gone with the connection. */
export function createWatching(watchers: Set<Watcher>): {
  watch(peer: EventPeer, instance: string | null): void;
  end(): void;
} {
  let current: Watcher | null = null;
  const end = (): void => {
    if (current !== null) watchers.delete(current);
    current = null;
  };
  return {
    end,
    watch(peer, instance) {
      end();
      // A watcher that does not read loses events rather than our memory; the log has them all.
      let congested = false;
      current = {
        instance,
        send(name, body) {
          if (congested || peer.event(name, body)) return;
          congested = true;
          void peer.drained().then(() => {
            congested = false;
          });
        },
      };
      watchers.add(current);
    },
  };
}
