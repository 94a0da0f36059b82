import { afterEach, describe, expect, test, vi } from "vitest";
import type { Client } from "@modelcontextprotocol/client";
import type { JsonObject } from "../../src/kernel/json.ts";
import { connectHttp, connectStdio, REVISIONS, type Revision } from "../fakes/mcp-clients.ts";
import {
  doneText,
  NOTHING_VISIBLE,
  startFace,
  visibleTool,
  type FaceUnderTest,
  type FakeMonitor,
} from "../fakes/monitor-of-face.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

type Way = "stdio" | "http";

async function open(way: Way, revision: Revision, fake: FakeMonitor): Promise<{ face: FaceUnderTest; client: Client }> {
  const face = await startFace(fake);
  cleanups.push(() => face.stop());
  if (way === "http") {
    const http = await connectHttp(face.folder, revision);
    cleanups.push(() => http.close());
    return { face, client: http.client };
  }
  const client = await connectStdio(face.folder, revision);
  cleanups.push(() => client.close());
  return { face, client };
}

const STOPPED: JsonObject = {
  kind: "stopped",
  stage: "validate",
  code: "no-grant",
  message: "no grant allows this",
  proposal: { agents: ["tester"], allow: [{ what: "files/write", where: {} }], lease: false },
};

const ways: [Way, Revision][] = (["stdio", "http"] as const).flatMap((way) =>
  REVISIONS.map((revision): [Way, Revision] => [way, revision]),
);

describe.each(ways)("a face over %s for a client that asks for %s", (way, revision) => {
  test("serves the revision that the client asked for", async () => {
    const { client } = await open(way, revision, {});
    expect(client.getNegotiatedProtocolVersion()).toBe(revision === "auto" ? "2026-07-28" : "2025-11-25");
    expect(client.getServerVersion()?.name).toBe("aios");
  });

  test("lists what the monitor lists, by driver__tool, in pages of 100", async () => {
    const tools = Array.from({ length: 250 }, (_, index) => visibleTool(`t${index}`));
    const { client } = await open(way, revision, { visible: () => ({ ...NOTHING_VISIBLE, tools }) });
    expect((await client.listTools()).tools).toHaveLength(250);
    const { tools: page, nextCursor } = await client.request({ method: "tools/list" });
    expect(page).toHaveLength(100);
    expect(page[0]).toMatchObject({ name: "files__t0", description: "Does t0" });
    const last = await client.request({
      method: "tools/list",
      params: {
        cursor: (await client.request({ method: "tools/list", params: { cursor: nextCursor ?? "" } })).nextCursor ?? "",
      },
    });
    expect(last.tools).toHaveLength(50);
    expect(last.nextCursor).toBeUndefined();
    await expect(client.request({ method: "tools/list", params: { cursor: "1.50" } })).rejects.toThrow(/cursor/);
  });

  test("hands a call to the monitor as one proposal and its result back as it is", async () => {
    const { face, client } = await open(way, revision, {
      propose: (body) => doneText(JSON.stringify(body["arguments"])),
    });
    const result = await client.callTool({ name: "files__read__all", arguments: { path: "a.txt", n: 1.5 } });
    expect(result.content).toEqual([{ type: "text", text: '{"n":1.5,"path":"a.txt"}' }]);
    expect(face.proposals()).toEqual([
      { verb: "call", driver: "files", name: "read__all", arguments: { path: "a.txt", n: 1.5 }, token: 1 },
    ]);
  });

  test("proposes calls of unknown names too, so that the monitor decides and records them", async () => {
    const { face, client } = await open(way, revision, { propose: () => STOPPED });
    for (const name of ["plain", "Bad__name", "files__é", "__x", "aios__approve"]) {
      expect((await client.callTool({ name })).isError).toBe(true);
    }
    expect(face.proposals().map(({ driver, name }) => [driver, name])).toEqual([
      ["unknown", "plain"],
      ["unknown", "Bad__name"],
      ["unknown", "files__\\u{e9}"],
      ["unknown", "__x"],
      ["aios", "approve"],
    ]);
  });

  test("says what stopped a call: as a tool error to the model, as an error for resources and prompts", async () => {
    const { client } = await open(way, revision, { propose: () => STOPPED });
    const { kind: _kind, ...stop } = STOPPED;
    const result = await client.callTool({ name: "files__write", arguments: {} });
    expect(result.isError).toBe(true);
    expect(result.content).toEqual([{ type: "text", text: expect.stringContaining("validate (no-grant)") }]);
    expect(result.structuredContent).toEqual(stop);
    expect(result["_meta"]?.["aios/stopped"]).toEqual(stop);
    await expect(client.readResource({ uri: "demo://x" })).rejects.toMatchObject({ code: -32050, data: stop });
    await expect(client.getPrompt({ name: "files__p" })).rejects.toMatchObject({ code: -32050, data: stop });
  });

  test("reads resources through the driver that offers them, and none when two do", async () => {
    const resource = (driver: string, uri: string): JsonObject => ({
      driver,
      uri,
      name: uri,
      description: null,
      mimeType: null,
    });
    const { face, client } = await open(way, revision, {
      visible: () => ({
        ...NOTHING_VISIBLE,
        resources: [resource("one", "demo://a"), resource("one", "demo://both"), resource("two", "demo://both")],
        resourceTemplates: [
          { driver: "two", uriTemplate: "demo://t/{id}", name: "t", description: null, mimeType: null },
        ],
      }),
      propose: (body) => ({ kind: "done", result: { contents: [{ uri: body["name"] ?? null, text: "hello" }] } }),
    });
    for (const uri of ["demo://a", "demo://both", "demo://t/7", "demo://else"]) {
      expect((await client.readResource({ uri })).contents).toEqual([{ uri, text: "hello" }]);
    }
    expect(face.proposals().map(({ verb, driver }) => [verb, driver])).toEqual([
      ["read", "one"],
      ["read", "unknown"],
      ["read", "two"],
      ["read", "unknown"],
    ]);
    expect((await client.listResourceTemplates()).resourceTemplates).toEqual([
      { uriTemplate: "demo://t/{id}", name: "t", _meta: { "aios/labels": ["untrusted"] } },
    ]);
  });

  test("fetches prompts", async () => {
    const { face, client } = await open(way, revision, {
      visible: () => ({
        ...NOTHING_VISIBLE,
        prompts: [
          {
            driver: "files",
            name: "p",
            description: null,
            arguments: [{ name: "x", description: null, required: true }],
          },
        ],
      }),
      propose: () => ({
        kind: "done",
        result: { messages: [{ role: "user", content: { type: "text", text: "hi" } }] },
      }),
    });
    expect((await client.listPrompts()).prompts).toEqual([
      { name: "files__p", arguments: [{ name: "x", required: true }], _meta: { "aios/labels": ["untrusted"] } },
    ]);
    const prompt = await client.getPrompt({ name: "files__p", arguments: { x: "1" } });
    expect(prompt.messages).toHaveLength(1);
    expect(face.proposals()).toEqual([{ verb: "prompt", driver: "files", name: "p", arguments: { x: "1" }, token: 1 }]);
  });

  test("turns a server's error on a resource into that error", async () => {
    const { client } = await open(way, revision, {
      propose: () => ({
        kind: "done",
        result: { isError: true, _meta: { "aios/server-error": { code: -32602, message: "no such" } } },
      }),
    });
    await expect(client.readResource({ uri: "demo://x" })).rejects.toMatchObject({ code: -32602 });
  });

  test("never lets a driver's result ask the client for input", async () => {
    const { client } = await open(way, revision, {
      propose: () => ({
        kind: "done",
        result: {
          resultType: "input_required",
          inputRequests: { a: { method: "elicitation/create", params: { mode: "url", url: "https://evil.example" } } },
          content: [{ type: "text", text: "ok" }],
        },
      }),
    });
    const result = await client.callTool({ name: "files__read" });
    expect(result.content).toEqual([{ type: "text", text: "ok" }]);
    expect(result).not.toHaveProperty("inputRequests");
  });

  test("passes progress on, always growing, and says that a human is asked", async () => {
    const seen: { progress: number; message?: string | undefined }[] = [];
    const { client } = await open(way, revision, {
      propose: async (body, monitor) => {
        const token = Number(body["token"]);
        monitor.say("held", { token });
        monitor.say("progress", { token, progress: 1, total: 2, message: "half" });
        monitor.say("progress", { token, progress: 0.5, total: 2, message: "back" });
        await vi.waitFor(() => expect(seen).toHaveLength(3), 60_000);
        return doneText("done");
      },
    });
    const onprogress = ({ progress, message }: { progress: number; message?: string | undefined }): void => {
      seen.push({ progress, message });
    };
    const result = await client.callTool({ name: "files__read" }, { onprogress });
    expect(result.content).toEqual([{ type: "text", text: "done" }]);
    expect(seen.map(({ message }) => message)).toEqual([expect.stringContaining("asking a human"), "half", "back"]);
    expect(seen.map(({ progress }) => progress)).toEqual([1e-6, 1, 1.000001]);
  });

  test("takes a call back when the client cancels it", async () => {
    const { face, client } = await open(way, revision, { propose: () => new Promise(() => undefined) });
    const controller = new AbortController();
    const call = client.callTool({ name: "files__read" }, { signal: controller.signal });
    await face.monitor.until(() => face.proposals().length === 1);
    controller.abort("changed my mind");
    await expect(call).rejects.toThrow();
    await face.monitor.until(() => face.monitor.requests.some(({ name }) => name === "cancel"));
    expect(face.monitor.requests.find(({ name }) => name === "cancel")?.body).toEqual({ token: 1 });
  });

  test("says that lists changed, and lists anew", async () => {
    let tools = [visibleTool("one")];
    const { face, client } = await open(way, revision, { visible: () => ({ ...NOTHING_VISIBLE, tools }) });
    expect((await client.request({ method: "tools/list" })).tools.map(({ name }) => name)).toEqual(["files__one"]);
    let heard = (): void => undefined;
    const changed = new Promise<void>((resolve) => {
      heard = resolve;
    });
    client.setNotificationHandler("notifications/tools/list_changed", () => heard());
    if (revision === "auto") await client.listen({ toolsListChanged: true });
    // Over HTTP a 2025 client opens its stream for notifications after the handshake, on its own time.
    else if (way === "http") await new Promise((resolve) => setTimeout(resolve, 300));
    tools = [visibleTool("one"), visibleTool("two")];
    face.monitor.say("changed", {});
    await changed;
    expect((await client.request({ method: "tools/list" })).tools.map(({ name }) => name)).toEqual([
      "files__one",
      "files__two",
    ]);
  });
});
