import { Client, LATEST_PROTOCOL_VERSION, type JSONRPCMessage, type Transport } from "@modelcontextprotocol/client";
import { describe, expect, it } from "vitest";
import { askOlderWay, SILENCE_MS } from "../../src/drivers/older-way.ts";

/** A server that answers when the test says so, and a clock that the test moves. */
function setStage(): {
  readonly connected: Promise<Client>;
  /** Methods that the server was asked, in order; notifications too. */
  readonly asked: readonly string[];
  pass(ms: number): void;
  /** Answers the latest question of that method. */
  answer(method: string, answer: { readonly result: object } | { readonly error: object }): void;
  say(message: object): void;
} {
  const seen: { readonly method: string; readonly id: unknown }[] = [];
  let timer: { readonly ms: number; readonly call: () => void } | null = null;
  const inner: Transport = {
    start: () => Promise.resolve(),
    close: () => Promise.resolve(),
    send(message) {
      if ("method" in message) seen.push({ method: message.method, id: "id" in message ? message.id : null });
      return Promise.resolve();
    },
  };
  const after = (ms: number, call: () => void): (() => void) => {
    const mine = { ms, call };
    timer = mine;
    return () => {
      if (timer === mine) timer = null;
    };
  };
  const client = new Client({ name: "asks", version: "1" }, { versionNegotiation: { mode: "auto" } });
  const connected = client.connect(askOlderWay(inner, after)).then(() => client);
  const say = (message: object): void =>
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a server may say anything
    inner.onmessage?.({ jsonrpc: "2.0", ...message } as JSONRPCMessage);
  return {
    connected,
    get asked() {
      return seen.map(({ method }) => method);
    },
    pass(ms) {
      if (timer === null || timer.ms > ms) return;
      const { call } = timer;
      timer = null;
      call();
    },
    say,
    answer: (method, answer) => say({ id: seen.findLast((each) => each.method === method)?.id, ...answer }),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const OLDER = {
  result: {
    protocolVersion: LATEST_PROTOCOL_VERSION,
    capabilities: { tools: {} },
    serverInfo: { name: "older", version: "1" },
  },
};
const NEWER = {
  result: {
    resultType: "complete",
    supportedVersions: ["2026-07-28"],
    capabilities: { tools: {} },
    serverInfo: { name: "newer", version: "1" },
    ttlMs: 0,
    cacheScope: "private",
  },
};
const UNKNOWN = { error: { code: -32_601, message: "Method not found" } };

describe("a server", () => {
  it("that leaves the newer question unanswered is asked in the older way, once; a late answer does no harm", async () => {
    const stage = setStage();
    await turn();
    expect(stage.asked).toEqual(["server/discover"]);
    stage.pass(SILENCE_MS - 1);
    expect(stage.asked).toHaveLength(1);
    stage.pass(SILENCE_MS);
    stage.answer("initialize", OLDER);
    const client = await stage.connected;
    expect([client.getProtocolEra(), client.getServerVersion()?.name]).toEqual(["legacy", "older"]);
    for (const late of [NEWER, UNKNOWN]) stage.answer("server/discover", late);
    stage.answer("initialize", UNKNOWN);
    await turn();
    expect(client.getProtocolEra()).toBe("legacy");
    expect(stage.asked).toEqual(["server/discover", "initialize", "notifications/initialized"]);
    const pinged = client.ping();
    await turn();
    stage.answer("ping", { result: {} });
    await expect(pinged).resolves.toEqual({});
  });

  it("that starts slowly and knows both ways is spoken to in the one that it was asked last", async () => {
    const stage = setStage();
    await turn();
    stage.pass(SILENCE_MS);
    stage.answer("server/discover", NEWER);
    await turn();
    stage.answer("initialize", OLDER);
    expect((await stage.connected).getProtocolEra()).toBe("legacy");
    expect(stage.asked).toEqual(["server/discover", "initialize", "notifications/initialized"]);
  });

  it.each(["refuses", "ignores"])("that starts slowly and %s the older way is spoken to in the newer", async (does) => {
    const stage = setStage();
    await turn();
    stage.pass(SILENCE_MS);
    stage.answer("server/discover", NEWER);
    if (does === "refuses") stage.answer("initialize", UNKNOWN);
    else stage.pass(SILENCE_MS);
    expect((await stage.connected).getProtocolEra()).toBe("modern");
    stage.answer("initialize", OLDER);
    expect(stage.asked).toEqual(["server/discover", "initialize"]);
  });

  it("that starts slowly and refuses the newer question is not asked the older one twice", async () => {
    const stage = setStage();
    await turn();
    stage.pass(SILENCE_MS);
    stage.answer("server/discover", UNKNOWN);
    await turn();
    stage.answer("initialize", OLDER);
    expect((await stage.connected).getProtocolEra()).toBe("legacy");
    expect(stage.asked).toEqual(["server/discover", "initialize", "notifications/initialized"]);
  });

  it("that answers at once is asked nothing more, and an answer that nobody asked for counts nothing", async () => {
    const stage = setStage();
    await turn();
    stage.say({ id: "aios-initialize", ...OLDER });
    await turn();
    expect(stage.asked).toEqual(["server/discover"]);
    stage.answer("server/discover", NEWER);
    stage.pass(SILENCE_MS);
    expect((await stage.connected).getProtocolEra()).toBe("modern");
    expect(stage.asked).toEqual(["server/discover"]);
  });
});
