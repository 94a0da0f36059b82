import { beforeEach, describe, expect, test } from "vitest";
import { CONNECTIONS, createConnections, type Connection, type Connections } from "./connections.ts";
import type { Session } from "./sessions.ts";

const MANY = 2 * CONNECTIONS;
let connections: Connections;
let closed: Set<Connection>;
let crowded: number;
const session = (): Session => ({ uses: new Set() });

beforeEach(() => {
  closed = new Set();
  crowded = 0;
  connections = createConnections(() => (crowded += 1));
});

function come(showing: Session | null = null): Connection {
  const connection: Connection = { close: () => closed.add(connection) };
  connections.came(connection);
  if (showing !== null) connections.asked(connection, showing);
  return connection;
}
const comeMany = (count: number, showing: Session | null = null): readonly Connection[] =>
  Array.from({ length: count }, () => come(showing));
const open = (list: readonly Connection[]): number => list.filter((connection) => !closed.has(connection)).length;

describe("attack: a program that holds as many connections as it can", () => {
  test("keeps no newcomer out: they have its oldest place", () => {
    const held = comeMany(MANY);
    const person = come();
    expect(closed.has(person)).toBe(false);
    expect(open(held)).toBe(CONNECTIONS / 2 - 1);
    expect(closed.has(held.at(-1) ?? person)).toBe(false);
    expect(crowded).toBe(closed.size);
  });

  test("takes no place of a session, however silent that is", () => {
    const person = come(session());
    comeMany(MANY);
    expect(closed.has(person)).toBe(false);
  });

  test("loses its silent ones before a newcomer who has just asked", () => {
    const newcomer = come();
    const held = comeMany(CONNECTIONS / 2 - 1);
    connections.asked(newcomer, null);
    come();
    expect([closed.has(newcomer), closed.has(held[0] ?? newcomer)]).toEqual([false, true]);
  });

  test("with a session of its own takes places from nobody who has fewer, and newcomers come in", () => {
    const mine = session();
    const people = comeMany(6, mine);
    const held = comeMany(MANY, session());
    expect(open(people)).toBe(6);
    expect(open(held)).toBe(CONNECTIONS / 2 - 6);
    expect(closed.has(come())).toBe(false);
    expect(closed.has(come(mine))).toBe(false);
  });
});

test("twin: as many as there are places are all kept", () => {
  comeMany(CONNECTIONS / 2, session());
  comeMany(CONNECTIONS / 2);
  expect([closed.size, crowded]).toEqual([0, 0]);
});

test("one that has ended has no place, and is given none by what it asked before", () => {
  const gone = come();
  connections.went(gone);
  connections.asked(gone, session());
  comeMany(CONNECTIONS / 2);
  expect(closed.size).toBe(0);
});

test("a session that is over has the places of newcomers", () => {
  const person = come(session());
  connections.asked(person, null);
  comeMany(CONNECTIONS / 2);
  expect(closed.has(person)).toBe(true);
});
