import { fileURLToPath } from "node:url";
import type { JsonObject } from "../../src/kernel/json.ts";
import { FrameEnd } from "./frame-end.ts";
import { startProgram, type OwnProgram } from "./own-program.ts";

/** The real driver program with a monitor that the test drives. */
export interface DriverUnderTest {
  readonly program: OwnProgram;
  readonly monitor: FrameEnd;
  call(name: string, args: JsonObject, token?: number): Promise<JsonObject>;
  stop(): Promise<void>;
}

const SCRIPT_ROOT = fileURLToPath(new URL("../../node_modules/@modelcontextprotocol/", import.meta.url));

/** Entry file of one of the npm reference servers. */
export function npmServer(name: "server-everything" | "server-filesystem"): string {
  return `${SCRIPT_ROOT}${name}/dist/index.js`;
}

export function stdioSource(command: readonly string[]): JsonObject {
  return { kind: "stdio", command, code: [], workspace: "none" };
}

/** Starts a driver without opening it. */
export function startDriver(): DriverUnderTest {
  const program = startProgram("driver", { channels: 2 });
  const [stream] = program.channels;
  if (stream === undefined) throw new Error("the driver got no channel");
  const monitor = new FrameEnd(stream);
  let lastToken = 1_000;
  return {
    program,
    monitor,
    call: (name, args, token) => {
      lastToken += 1;
      return monitor.ask("run", { verb: "call", name, arguments: args, token: token ?? lastToken, context: null });
    },
    stop: () => program.stop(),
  };
}
