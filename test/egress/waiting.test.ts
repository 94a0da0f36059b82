import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startEgressStage, type EgressStage, type StageVerdict } from "../fakes/egress-stage.ts";
import { ask } from "../fakes/proxy-clients.ts";

/*
 * Where the last request was carried, the stream of the next is opened before anybody decides about it. What an agent's program sees
 * is what it saw without that, and the server sees nothing that was not ordered.
 */
let origin: Server;
let port: number;
let handle: (request: IncomingMessage, response: ServerResponse) => void;
let seen: string[];
let stage: EgressStage;
let decide: (path: string) => StageVerdict;
const url = (path: string): string => `http://localhost:${port}${path}`;

beforeAll(async () => {
  origin = createServer((request, response) => {
    seen.push(request.url ?? "");
    handle(request, response);
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  port = (origin.address() as AddressInfo).port;
});
afterAll(() => origin.close());
afterEach(() => stage.stop());

/** A stage on which one request was carried. */
async function begin(): Promise<void> {
  seen = [];
  handle = (_, response) => response.end("answer");
  decide = () => "grant";
  stage = await startEgressStage({ decide: (call) => decide("path" in call ? call.path : "") });
  expect(await ask(stage.socket, url("/first"))).toMatchObject({ status: 200, body: "answer" });
  expect(stage.streams).toEqual([]);
}

/** Resolves when so many things were proposed. */
const proposed = (count: number): Promise<void> =>
  expect.poll(() => stage.proposed.length, { timeout: 10_000, interval: 5 }).toBe(count);

test("the next request to that place is taken up by its stream, with its body, and told of no ticket", async () => {
  await begin();
  expect(await ask(stage.socket, url("/second"))).toMatchObject({ status: 200, body: "answer" });
  expect(stage.streams.length).toBe(1);
  let got = "";
  handle = (request, response) => {
    request.on("data", (chunk: Buffer) => (got += chunk.toString()));
    request.on("end", () => response.end("taken"));
  };
  const post = (body: string): ReturnType<typeof ask> => ask(stage.socket, url("/post"), { method: "POST", body });
  expect((await post("one")).body).toBe("taken");
  // Another method is another thing to be decided, and was not granted before.
  expect(stage.streams.length).toBe(1);
  expect((await post("two")).body).toBe("taken");
  expect(stage.streams.length).toBe(2);
  expect(got).toBe("onetwo");
  // The bytes of a body that is streamed wait for a ticket.
  expect((await post("x".repeat(2_000_000))).body).toBe("taken");
  expect(stage.streams.length).toBe(2);
  expect(stage.results.every(({ end }) => end === "done")).toBe(true);
});

test("one that is denied is told so and reaches nobody, and the place is a new one again", async () => {
  await begin();
  decide = (path) => (path === "/no" ? "deny" : "grant");
  const denied = await ask(stage.socket, url("/no"));
  expect(denied.status).toBe(403);
  expect(JSON.parse(denied.body)).toEqual({ stage: "validate", code: "no-grant", message: "no", proposal: null });
  expect(seen).toEqual(["/first"]);
  await ask(stage.socket, url("/again"));
  expect(stage.streams).toEqual([]);
});

test("one that waits for its word does nothing before, however long", async () => {
  await begin();
  const word = Promise.withResolvers<void>();
  decide = (path) => (path === "/waits" ? { grantAfter: word.promise } : "grant");
  const waiting = ask(stage.socket, url("/waits"));
  await proposed(2);
  // Another from its beginning to its end.
  await ask(stage.socket, url("/other"));
  expect(seen).toEqual(["/first", "/other"]);
  word.resolve();
  expect(await waiting).toMatchObject({ status: 200, body: "answer" });
  expect(seen).toEqual(["/first", "/other", "/waits"]);
  expect(stage.streams.length).toBe(2);
});

test("one that gets a ticket after all goes out once, under that", async () => {
  await begin();
  const word = Promise.withResolvers<void>();
  decide = (path) => (path === "/held" ? { grantAfter: word.promise, ticket: true } : "grant");
  const held = ask(stage.socket, url("/held"));
  await proposed(2);
  word.resolve();
  expect(await held).toMatchObject({ status: 200, body: "answer" });
  expect(seen).toEqual(["/first", "/held"]);
  expect(stage.streams).toEqual([]);
});

test("one whose client goes away while it waits goes out no more", async () => {
  await begin();
  const word = Promise.withResolvers<void>();
  decide = (path) => (path === "/left" ? { grantAfter: word.promise } : "grant");
  const socket = stage.connect();
  socket.write(`GET ${url("/left")} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
  await proposed(2);
  socket.destroy();
  await expect.poll(() => stage.withdrawn.length, { timeout: 10_000, interval: 5 }).toBe(1);
  // The face's stream is closed in the turn in which it takes the request back; another request is carried behind that.
  await ask(stage.socket, url("/other"));
  word.resolve();
  await expect.poll(() => stage.results.length, { timeout: 10_000, interval: 5 }).toBe(3);
  expect(stage.results[2]).toMatchObject({ end: "cut", status: null });
  expect(seen).toEqual(["/first", "/other"]);
});

test("one that is cut before its answer begins is told so, as without a stream that waited", async () => {
  await begin();
  const silent = Promise.withResolvers<void>();
  handle = () => silent.resolve();
  const running = ask(stage.socket, url("/silent"));
  await silent.promise;
  expect(stage.streams.length).toBe(1);
  stage.cut();
  const answer = await running;
  expect(answer.status).toBe(502);
  expect(JSON.parse(answer.body)).toMatchObject({ stage: "execute", code: "cut" });
});

test("one that a server does not answer gets 502 and why", async () => {
  await begin();
  handle = (request) => request.socket.destroy();
  const answer = await ask(stage.socket, url("/broken"));
  expect(stage.streams.length).toBe(1);
  expect(answer.status).toBe(502);
  expect(JSON.parse(answer.body)).toMatchObject({ stage: "execute", code: "unreachable" });
});
