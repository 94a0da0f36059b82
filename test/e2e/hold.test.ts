import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../fakes/busy-instances.ts";
import { scriptSource } from "./sources.ts";
import { startSubstrate, type Ran, type Substrate } from "./substrate.ts";

/* An owner asks that every action of a running instance waits, and lifts that again. */
let aios: Substrate;

beforeAll(async () => {
  aios = await startSubstrate();
  await aios.grant({
    id: "notes",
    agents: ["worker", "helper"],
    drivers: {
      notes: {
        source: scriptSource("test/fakes/notes-server.ts", { args: ["/tmp/notes.txt"], workspace: "none" }),
        tools: { add: { risk: "stage", fields: { text: "string" } } },
      },
    },
    allow: ["notes/add"],
  });
});
afterAll(() => aios.stop());

const add = (text: string) => ({ method: "tools/call", params: { name: "notes__add", arguments: { text } } });

async function instanceOf(agent: string): Promise<string> {
  const find = async (): Promise<string | undefined> =>
    (await aios.client.request("ps", { all: false })).instances.find((view) => view.agent === agent && view.done > 0)
      ?.instance;
  await until(async () => (await find()) !== undefined, `a first action of ${agent}`);
  return (await find()) ?? "";
}

async function answerNext(): Promise<string> {
  await until(async () => (await aios.held()).length > 0, "a held action");
  const [view] = await aios.held();
  await aios.answer(view?.request ?? "", "allow");
  return view?.reasons.join() ?? "";
}

const isDone = ({ answers }: Ran): readonly boolean[] =>
  answers.map(({ result, error }) => error === undefined && result?.isError !== true);

test("what its grants let pass waits from then on, and passes again once an owner signed", async () => {
  const running = aios.follow("worker", [add("one"), { until: 1 }, add("two"), { until: 2 }, add("three")]);
  const instance = await instanceOf("worker");
  await aios.client.request("hold", { instance, stages: ["approve"] });
  aios.release("worker");
  expect(await answerNext()).toBe("owner-asked");
  await aios.sign("lift-hold", { instance });
  aios.release("worker");
  expect(isDone(await running)).toEqual([true, true, true]);
  expect(await aios.held()).toEqual([]);
});

test("it holds for those below it too, and only a signature lifts it", async () => {
  const parent = aios.follow("worker", [add("one"), { wait: 60_000 }]);
  const above = await instanceOf("worker");
  await aios.client.request("hold", { instance: above, stages: ["validate"] });
  const child = aios.follow("helper", [add("below")], { parent: above });
  expect(await answerNext()).toBe("owner-asked");
  expect(isDone(await child)).toEqual([true]);
  await aios.sign("lift-hold", { instance: above });
  await expect(aios.sign("lift-hold", { instance: above })).rejects.toMatchObject({ code: "unknown-instance" });
  // Twin: one below it now passes by itself.
  expect(isDone(await aios.follow("helper", [add("below")], { parent: above }))).toEqual([true]);
  await aios.client.request("kill", { instance: above });
  await parent;
});

test("of what does not run none can be asked for", async () => {
  await expect(
    aios.client.request("hold", { instance: "i-0123456789abcdef", stages: ["approve"] }),
  ).rejects.toMatchObject({ code: "unknown-instance" });
});
