/** A ticket that nobody named within this is void. */
const TICKET_MS = 10_000;
/** A face may be faster than the monitor's word to us; it waits this long for it, and no stranger learns which it was. */
const EARLY_MS = 1000;

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
  order(ticket: string, ordered: T): void;
  /** Gives what a ticket stands for to the first who names it; null to everybody else. */
  claim(ticket: string): Promise<T | null>;
  cancel(ticket: string): void;
  /** Ends everything that has not ended. */
  cutAll(): void;
}

/** Makes a desk. */
export function createTicketDesk<T extends Ordered>(): TicketDesk<T> {
  /** Ordered and not yet claimed. */
  const allowed = new Map<string, T>();
  /** Not yet ended, claimed or not. */
  const open = new Map<string, T>();
  const early = new Map<string, (ordered: T | null) => void>();

  return Object.freeze<TicketDesk<T>>({
    order: (ticket, ordered) => {
      open.set(ticket, ordered);
      const waiting = early.get(ticket);
      if (waiting === undefined) {
        allowed.set(ticket, ordered);
        const timer = setTimeout(() => {
          if (allowed.delete(ticket)) ordered.expire();
        }, TICKET_MS);
        void ordered.ended.then(() => clearTimeout(timer));
      } else waiting(ordered);
      void ordered.ended.then(() => {
        allowed.delete(ticket);
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
    cancel: (ticket) => open.get(ticket)?.cut(),
    cutAll: () => {
      for (const ordered of open.values()) ordered.cut();
    },
  });
}
