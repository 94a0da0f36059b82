import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "../../src/kernel/json.ts";
import { FrameEnd } from "./frame-end.ts";
import { startProgram, type OwnProgram } from "./own-program.ts";

/** The real face program with a monitor that does what the test says. */
export interface FaceUnderTest {
  readonly program: OwnProgram;
  readonly monitor: FrameEnd;
  /** Folder of the two sockets. */
  readonly folder: string;
  /** Proposals that came, in order. */
  proposals(): readonly JsonObject[];
  stop(): Promise<void>;
}

export interface FakeMonitor {
  /** What `list` answers; may change between calls. */
  readonly visible?: () => JsonObject;
  /** What `propose` answers. */
  readonly propose?: (body: JsonObject, monitor: FrameEnd) => JsonObject | Promise<JsonObject>;
}

export const NOTHING_VISIBLE: JsonObject = { tools: [], resources: [], resourceTemplates: [], prompts: [] };

/** A visible tool of driver `files`. */
export function visibleTool(name: string, extra: JsonObject = {}): JsonObject {
  return {
    driver: "files",
    name,
    title: null,
    description: `Does ${name}`,
    inputSchema: { type: "object" },
    outputSchema: null,
    annotations: null,
    ...extra,
  };
}

/** A result of a tool that says one text. */
export function doneText(text: string): JsonObject {
  return { kind: "done", result: { content: [{ type: "text", text }] } };
}

/** Starts a face and waits until it is ready. */
export async function startFace(fake: FakeMonitor = {}): Promise<FaceUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), "aios-face-"));
  const program = startProgram("face", { args: [folder], channels: 2 });
  const [stream] = program.channels;
  if (stream === undefined) throw new Error("the face got no channel");
  const monitor: FrameEnd = new FrameEnd(stream, {
    ready: () => ({}),
    list: () => fake.visible?.() ?? NOTHING_VISIBLE,
    propose: (body) => fake.propose?.(body, monitor) ?? doneText("done"),
    cancel: () => ({}),
    route: () => ({ route: "none" }),
    refused: () => ({}),
    method: () => ({}),
  });
  await Promise.race([
    monitor.until(() => monitor.requests.some(({ name }) => name === "ready")),
    program.ended.then(({ errors }) => {
      throw new Error(`the face ended: ${errors}`);
    }),
  ]);
  return {
    program,
    monitor,
    folder,
    proposals: () => monitor.requests.filter(({ name }) => name === "propose").map(({ body }) => body),
    stop: async () => {
      await program.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
