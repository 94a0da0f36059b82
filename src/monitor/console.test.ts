import { duplexPair } from "node:stream";
import { describe, expect, test } from "vitest";
import { FrameEnd } from "../../test/fakes/frame-end.ts";
import type { Channel } from "../platform/powers.ts";
import type { RecordBody } from "../protocol/record.ts";
import type { CliHandlers } from "./cli-requests.ts";
import { createConsoleName, type ConsoleName } from "./console-name.ts";
import { createConsoleDesk, type ConsoleDesk, type ConsolePorts } from "./console.ts";
import { NO_RECOVERY } from "./state.ts";
import { tellWatchers, type Watcher } from "./watching.ts";

/* What the monitor makes of a console that is not the one of this code: every page of it, the signing page too. */

const HOME = "aios-0123456789abcdef.localhost";
const RIGHT = `sha256:${"1".repeat(64)}`;
const OTHER = `sha256:${"2".repeat(64)}`;

/** A desk whose console says that it serves pages of this digest, and code that has this one. */
function stage({
  served,
  code,
  taken = null,
}: {
  readonly served: string;
  readonly code: string;
  /** Why its port cannot be had. */
  readonly taken?: string | null;
}): {
  readonly desk: ConsoleDesk;
  readonly name: ConsoleName;
  readonly written: RecordBody[];
  readonly watchers: ReadonlySet<Watcher>;
  /** The console's end of the channel, once it was opened. */
  console(): FrameEnd;
  killed(): boolean;
} {
  const written: RecordBody[] = [];
  const watchers = new Set<Watcher>();
  let end: FrameEnd | null = null;
  const [near, far] = duplexPair();
  const ended = Promise.withResolvers<{ code: null; signal: string }>();
  let killed = false;
  const process = {
    channels: [channelOf(near)],
    ended: ended.promise,
    errors: () => "",
    kill() {
      killed = true;
      far.destroy();
      ended.resolve({ code: null, signal: "SIGKILL" });
    },
  };
  const ports = {
    powers: {
      pages: { code: ["src"], digest: () => RIGHT },
      codeDigest: async () => code,
      holdLoopback() {
        if (taken !== null) throw new Error(taken);
        return [{ fd: 9, close: () => {} }];
      },
      timer: { after: () => () => {} },
      random: { hex: (bytes: number) => "a".repeat(2 * bytes) },
      crypto: { digest: () => RIGHT },
      async startSandbox() {
        const asked = new FrameEnd(far);
        end = asked;
        void asked
          .ask("ready", { pages: served })
          .then(() => asked.ask("watch", { instance: null }))
          .catch(() => {});
        return process;
      },
    },
    journal: {
      state: { recovery: NO_RECOVERY, owners: new Map() },
      write: async (body: RecordBody) => written.push(body),
    },
    code: { node: "/node", root: "/root" },
    identity: RIGHT,
    relyingParty: { port: 20_000 },
    consoleName: createConsoleName(
      { rpId: HOME, origin: `http://${HOME}:20000`, port: 20_000 },
      { hex: countingHex() },
    ),
    watchers,
    refused: () => {},
    failed: () => {},
  };
  // Only what opening a console takes is there.
  const desk = createConsoleDesk(ports as unknown as ConsolePorts);
  return {
    desk,
    name: ports.consoleName,
    written,
    watchers,
    console: () => end ?? expect.fail("it was not opened"),
    killed: () => killed,
  };
}

/** 1, 2, 3 …, each as so many bytes in hex. */
function countingHex(): (bytes: number) => string {
  let count = 0;
  return (bytes) => String((count += 1)).padStart(2 * bytes, "0");
}

function channelOf(stream: ReturnType<typeof duplexPair>[0]): Channel {
  return {
    onData: (listener) => void stream.on("data", listener),
    onClose: (listener) => void stream.on("close", listener),
    onDrain: (listener) => void stream.on("drain", listener),
    write: (bytes) => stream.write(bytes),
    destroy: () => void stream.destroy(),
  };
}

describe("a console", () => {
  const looks = {} as CliHandlers; // nobody asks for any
  test("that serves the pages of this code is opened, and they are recorded", async () => {
    const { desk, written } = stage({ served: RIGHT, code: RIGHT });
    expect(await desk.open(looks)).toMatchObject({ code: "a".repeat(32) });
    expect(written).toMatchObject([{ kind: "console-opened", pages: RIGHT }]);
  });

  test("attack: has a name that nobody was found under before, and none that anybody is found under once it ended", async () => {
    const { desk, written, name } = stage({ served: RIGHT, code: RIGHT });
    const before = name.origin();
    const { origin } = await desk.open(looks);
    expect(origin).toBe(`http://${"2".padStart(16, "0")}.${HOME}:20000`);
    expect(written).toMatchObject([{ kind: "console-opened", host: new URL(origin).hostname }]);
    expect((await desk.open(looks)).origin).toBe(origin); // it runs
    expect(desk.origin()).toBe(origin);
    await desk.close();
    expect(desk.origin()).toBeNull();
    expect([before, origin]).not.toContain(name.origin());
  });

  test("attack: is told of every owner who leaves, and lets in nobody who left meanwhile", async () => {
    const { desk, console, watchers } = stage({ served: RIGHT, code: RIGHT });
    await desk.open(looks);
    const key = "passkey:0123456789abcdef";
    const tell = (body: RecordBody): void => {
      const record = { v: 1 as const, seq: 1, at: 1, start: "0".repeat(32), payload: null, ...body };
      tellWatchers(watchers, { record, held: null });
    };
    tell({ kind: "owner-removed", owner: key, key: "ed25519:0123456789abcdef" });
    tell({ kind: "owner-removed", owner: "passkey:1111111111111111", key: "ed25519:0123456789abcdef" });
    const end = console();
    const left = (): readonly object[] => end.events.filter(({ name }) => name === "left").map(({ body }) => body);
    await end.until(() => left().length === 2);
    expect(left()).toEqual([{ key }, { key: "passkey:1111111111111111" }]);
    await expect(end.ask("entered", { by: "passkey", key })).rejects.toThrow(/any more/);
    // Twin: a code is nobody's.
    await end.ask("entered", { by: "code", key: null });
  });

  test("whose port is taken says where it is taken, and writes it down", async () => {
    const free = "Cannot listen at ::1, port 20000, although 127.0.0.1 is free";
    const { desk, written } = stage({ served: RIGHT, code: RIGHT, taken: free });
    await expect(desk.open(looks)).rejects.toMatchObject({
      code: "port-taken",
      message: `Port 20000, where the console is to listen, is taken by another program of this machine: ${free}.`,
    });
    expect(written).toEqual([{ kind: "refused", peer: "console", code: "port-taken", what: free }]);
  });

  test("attack: one whose pages were changed on the way is ended, and lets nobody in", async () => {
    const { desk, killed } = stage({ served: OTHER, code: RIGHT });
    await expect(desk.open(looks)).rejects.toMatchObject({ code: "confinement" });
    expect(killed()).toBe(true);
  });

  test("attack: one of code that was changed since the monitor began is not started", async () => {
    const { desk, written } = stage({ served: RIGHT, code: OTHER });
    await expect(desk.open(looks)).rejects.toMatchObject({ code: "code-changed" });
    expect(written).toEqual([]);
  });
});
