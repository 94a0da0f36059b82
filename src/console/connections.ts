import type { Session } from "./sessions.ts";

/** One connection, as far as making room needs it. */
export interface Connection {
  /** Ends it from this side. Ending twice is no fault. */
  close(): void;
}

export interface Connections {
  /** A connection is there; it may cost another its place, and is never kept out by those that are there already. */
  came(connection: Connection): void;
  /** A request on it was judged; `session` is what it showed, null without one. */
  asked(connection: Connection, session: Session | null): void;
  /** It has ended. */
  went(connection: Connection): void;
}

/** Places of those whose last request showed a session, and of all others. A browser takes six. */
const PEOPLE = 128;
const NEWCOMERS = 128;
/** Connections at a time, by which each listener is bounded. */
export const CONNECTIONS: number = PEOPLE + NEWCOMERS;

/**
 * Which connections there is room for. Whoever holds places and uses them for nothing loses them to whoever comes, the one
 * that has asked for nothing the longest first: so no program on this machine keeps anybody out by being there. Those who
 * have shown a session have places of their own, which no newcomer takes; the session that has the most gives one up.
 * @param crowded one was ended to make room.
 */
export function createConnections(crowded: () => void): Connections {
  // Each in the order in which they came or asked last.
  const newcomers = new Set<Connection>();
  const people = new Map<Connection, Session>();

  function forget(connection: Connection): boolean {
    return newcomers.delete(connection) || people.delete(connection);
  }
  function drop(connection: Connection): void {
    forget(connection);
    connection.close();
    crowded();
  }
  function makeRoom(): void {
    const [silent] = newcomers;
    if (newcomers.size > NEWCOMERS && silent !== undefined) drop(silent);
    if (people.size > PEOPLE) drop(silentOfMost(people));
  }
  return {
    came(connection) {
      newcomers.add(connection);
      makeRoom();
    },
    asked(connection, session) {
      // One that was ended meanwhile has no place any more.
      if (!forget(connection)) return;
      if (session === null) newcomers.add(connection);
      else people.set(connection, session);
      makeRoom();
    },
    went: (connection) => void forget(connection),
  };
}

/** Of the session that has the most, the one that has asked for nothing the longest. There is one. */
function silentOfMost(people: ReadonlyMap<Connection, Session>): Connection {
  const bySession = Map.groupBy(people.keys(), (connection) => people.get(connection));
  const [[silent] = []] = [...bySession.values()].toSorted((one, other) => other.length - one.length);
  if (silent === undefined) throw new RangeError("Cannot make room where nobody is");
  return silent;
}
