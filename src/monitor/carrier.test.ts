import { expect, test } from "vitest";
import { newBreaker } from "../kernel/breaker.ts";
import type { Injection } from "../kernel/secrets.ts";
import type { SshBinding } from "../kernel/ssh-binding.ts";
import type { SandboxedProcess } from "../platform/powers.ts";
import { createCarrier, keyOf, type CarrierPorts } from "./carrier.ts";
import { createGitCarrier, type GitCarrierPorts } from "./git-carrier.ts";
import { type LiveInstance, newLive } from "./live.ts";
import { createSeen } from "./provenance.ts";
import type { InstanceState } from "./state.ts";

/*
 * Nothing that carries the network begins for an instance that was frozen meanwhile, and what leads to it is not used up by
 * that: once the instance goes on, its network works as before.
 */
const SECRET = {
  secret: "token",
  to: "https://example.org",
} as unknown as Injection & SshBinding;

function stage() {
  const state = {
    instance: "i-0123456789abcdef",
    agent: "worker",
    life: "running",
    why: null,
  } as InstanceState;
  const live = newLive(state, {
    breaker: newBreaker(false),
    seen: createSeen([]),
  });
  const end = { close: () => {} } as unknown as NonNullable<LiveInstance["netEnd"]>;
  live.netEnd = end;
  const ends = [end];
  live.secretEnds.set(keyOf(SECRET), {
    via: 1,
    take: () => ends.pop() ?? null,
  });
  let begun = 0;
  const process = {
    channels: [{}],
    ended: new Promise(() => {}),
    kill: () => {},
  } as unknown as SandboxedProcess;
  const asked: { readonly name: string }[] = [];
  const told: object[] = [];
  const peer = {
    request: (name: string, body: object) => {
      asked.push({ name, ...body });
      return Promise.resolve({ status: 200 });
    },
    close: () => {},
  };
  live.face = {
    port: { granted: (event: object) => told.push(event) },
  } as unknown as LiveInstance["face"];
  const ports = {
    powers: {
      startSandbox: () => (begun++, Promise.resolve(process)),
      random: {
        bytes: (count: number) => new Uint8Array(count),
        hex: () => "00",
      },
    },
    code: { root: "/code", node: "/node" },
    connectBroker: () => peer,
    connectInjector: () => peer,
    connectCourier: () => peer,
    logins: {
      ready: () => Promise.resolve("c"),
      valueOf: () => Promise.resolve({ commitment: "c", value: "v", others: [] }),
      answered: () => {},
    },
  } as unknown as CarrierPorts & GitCarrierPorts;
  return { live, ports, asked, told, begun: () => begun };
}

test.each(["a broker", "an injector", "a courier"])("%s", async (what) => {
  const { live, ports, begun } = stage();
  const [carrier, git] = [createCarrier(live, ports), createGitCarrier(live, ports)];
  const call = { token: 1, waits: false, most: null };
  const carry = (): Promise<unknown> =>
    what === "a courier"
      ? git.session({} as never, { ...call, binding: SECRET })
      : carrier.exchange({} as never, {
          ...call,
          injection: what === "a broker" ? null : SECRET,
        });
  live.state.life = "frozen";
  await expect(carry()).rejects.toThrow("the instance was stopped meanwhile");
  expect(begun()).toBe(0);
  live.state.life = "running";
  expect(await carry()).toMatchObject({ status: 200 });
  expect(begun()).toBe(1);
  live.over = true;
  await expect(
    createCarrier(live, ports).exchange({} as never, {
      ...call,
      injection: null,
    }),
  ).rejects.toThrow(/stopped/);
});

test("is told of by no ticket where a stream of the face waits at the broker, and by one where an injector has the secret", async () => {
  const { live, ports, asked, told } = stage();
  const carrier = createCarrier(live, ports);
  const call = { token: 7, waits: true, most: null };
  await carrier.exchange({} as never, { ...call, injection: null });
  expect(asked).toMatchObject([{ name: "exchange", stream: 7 }]);
  expect(told).toEqual([]);
  await carrier.exchange({} as never, { ...call, injection: SECRET });
  expect(asked.at(-1)).toMatchObject({ name: "exchange", stream: null });
  expect(told).toMatchObject([{ token: 7, via: 1 }]);
  await carrier.exchange({} as never, {
    ...call,
    waits: false,
    injection: null,
  });
  expect(asked.at(-1)).toMatchObject({ name: "exchange", stream: null });
  expect(told.at(-1)).toMatchObject({ token: 7, via: 0 });
});

// A grant that is revoked takes back what runs under it, once: what was only about to be ordered then must not go out after it.
test.each(["a broker", "an injector", "a courier"])(
  "what is taken back while %s is being started is ordered no more, and what comes after it is",
  async (what) => {
    const { live, ports, asked, told } = stage();
    const slow = Promise.withResolvers<void>();
    const { startSandbox } = ports.powers;
    const starting = Promise.withResolvers<void>();
    const held = async (...order: Parameters<typeof startSandbox>): ReturnType<typeof startSandbox> => {
      starting.resolve();
      await slow.promise;
      return startSandbox(...order);
    };
    const powers = { ...ports.powers, startSandbox: held };
    const late = { ...ports, powers } as typeof ports;
    const [carrier, git] = [createCarrier(live, late), createGitCarrier(live, late)];
    const carry = (token: number): Promise<unknown> =>
      what === "a courier"
        ? git.session({} as never, { token, most: null, binding: SECRET })
        : carrier.exchange({} as never, {
            token,
            waits: false,
            most: null,
            injection: what === "a broker" ? null : SECRET,
          });
    const taken = carry(1);
    const kept = carry(2);
    await starting.promise;
    await (what === "a courier" ? git : carrier).cancel(1);
    slow.resolve();
    await expect(taken).rejects.toThrow("taken back");
    expect(await kept).toMatchObject({ status: 200 });
    expect(told).toMatchObject([{ token: 2 }]);
    expect(asked.filter(({ name }) => name === "exchange" || name === "session")).toHaveLength(1);
    expect(await carry(1)).toMatchObject({ status: 200 });
  },
);
