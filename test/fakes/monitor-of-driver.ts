import { spawn, type ChildProcess } from "node:child_process";
import type { Duplex } from "node:stream";
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

/** Before it opens a server on standard streams it starts one and joins it to the driver, as the monitor does. */
class Monitor extends FrameEnd {
  readonly #streams: readonly Duplex[];
  server: ChildProcess | null = null;

  constructor(stream: Duplex, streams: readonly Duplex[]) {
    super(stream);
    this.#streams = streams;
  }

  override ask(name: string, body: JsonObject): Promise<JsonObject> {
    const source = body["source"] as { readonly kind?: string; readonly command?: readonly string[] } | undefined;
    if (name === "open" && source?.kind === "stdio") this.server ??= this.#start(source.command ?? []);
    return super.ask(name, body);
  }

  #start([program = "", ...rest]: readonly string[]): ChildProcess {
    const server = spawn(program === "node" ? process.execPath : program, rest, { stdio: ["pipe", "pipe", "pipe"] });
    const [input, output, errors] = this.#streams;
    if (input === undefined || output === undefined || errors === undefined) throw new Error("there are no streams");
    input.pipe(server.stdin);
    server.stdout.pipe(output);
    server.stderr.pipe(errors);
    for (const stream of [input, output, errors, server.stdin]) stream.on("error", () => undefined);
    // As in a sandbox in which its program is not there.
    server.once("error", () => output.end());
    input.once("close", () => server.kill("SIGKILL"));
    return server;
  }
}

/** Starts a driver without opening it. */
export function startDriver(): DriverUnderTest {
  const program = startProgram("driver", { channels: 4 });
  const [stream, ...streams] = program.channels;
  if (stream === undefined) throw new Error("the driver got no channel");
  const monitor = new Monitor(stream, streams);
  let lastToken = 1_000;
  return {
    program,
    monitor,
    call: (name, args, token) => {
      lastToken += 1;
      return monitor.ask("run", { verb: "call", name, arguments: args, token: token ?? lastToken, context: null });
    },
    stop: async () => {
      monitor.server?.kill("SIGKILL");
      await program.stop();
    },
  };
}
