/** A ticket that nobody named within this is void. */
const TICKET_MS = 10_000;
/** A face may be faster than the monitor's word to us; it waits this long for it, and no stranger learns which it was. */
const EARLY_MS = 1000;
/** Streams that left before anything was ordered for them: so many numbers are remembered, since an order may be under way. */
const LEFT = 1024;

/** Something that was ordered under a ticket. */
export interface Ordered {
  /** Resolves with its end. */
  readonly ended: Promise<unknown>;
  /** Nobody named its ticket in time. */
  expire(): void;
  /** Ends it at once. */
  cut(): void;
}

/** What is ordered by one channel and asked for over another, once for each ticket. */
export interface TicketDesk<T extends Ordered> {
  /** With the number of a stream it is for that one, whether it waits already or is still to come, and for no ticket. */
  order(ticket: string, ordered: T, stream?: number | null): void;
  /** Gives what a ticket stands for to the first who names it; null to everybody else. */
  claim(ticket: string): Promise<T | null>;
  /**
   * Waits, however long, for what is ordered for the stream of this number. Null: another waits under it, or `leave` was called;
   * what is ordered for it after that is cut.
   */
  wait(stream: number): { readonly claimed: Promise<T | null>; leave(): void };
  cancel(ticket: string): void;
  /** Ends everything that has not ended. */
  cutAll(): void;
}

/** Makes a desk. */
export function createTicketDesk<T extends Ordered>(): TicketDesk<T> {
  /** Ordered and not yet claimed, by ticket or by the name of a stream. */
  const allowed = new Map<string, T>();
  /** Not yet ended, claimed or not. */
  const open = new Map<string, T>();
  const early = new Map<string, (ordered: T | null) => void>();
  const left = new Set<string>();

  return Object.freeze<TicketDesk<T>>({
    order: (ticket, ordered, stream = null) => {
      open.set(ticket, ordered);
      const name = stream === null ? ticket : nameOf(stream);
      const waiting = early.get(name);
      if (left.delete(name)) ordered.cut();
      else if (waiting === undefined) {
        allowed.set(name, ordered);
        const timer = setTimeout(() => {
          if (allowed.delete(name)) ordered.expire();
        }, TICKET_MS);
        void ordered.ended.then(() => clearTimeout(timer));
      } else waiting(ordered);
      void ordered.ended.then(() => {
        allowed.delete(name);
        open.delete(ticket);
      });
    },
    claim: (ticket) => {
      const ordered = allowed.get(ticket);
      if (ordered !== undefined) {
        allowed.delete(ticket);
        return Promise.resolve(ordered);
      }
      if (early.has(ticket) || open.has(ticket)) return Promise.resolve(null);
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          early.delete(ticket);
          resolve(null);
        }, EARLY_MS);
        early.set(ticket, (found) => {
          clearTimeout(timer);
          early.delete(ticket);
          resolve(found);
        });
      });
    },
    wait: (stream) => {
      const name = nameOf(stream);
      const ordered = allowed.get(name) ?? null;
      if (allowed.delete(name) || early.has(name)) return { claimed: Promise.resolve(ordered), leave: () => {} };
      const { promise, resolve } = Promise.withResolvers<T | null>();
      const settle = (found: T | null): void => {
        early.delete(name);
        resolve(found);
      };
      const leave = (): void => {
        if (early.get(name) !== settle) return;
        settle(null);
        left.add(name);
        const [oldest] = left;
        if (left.size > LEFT && oldest !== undefined) left.delete(oldest);
      };
      early.set(name, settle);
      return { claimed: promise, leave };
    },
    cancel: (ticket) => open.get(ticket)?.cut(),
    cutAll: () => {
      for (const ordered of open.values()) ordered.cut();
    },
  });
}

/** No ticket has this form. */
function nameOf(stream: number): string {
  return `stream ${stream}`;
}
