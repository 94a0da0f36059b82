/**
 * Runs inside the agent's sandbox and joins its own standard streams to the face's socket, so that an agent's MCP
 * configuration can name a command. It is mounted there alone: it imports nothing but Node, holds nothing and decides
 * nothing. It holds no types either: there its name ends in .js.
 */
import { createConnection } from "node:net";
import { argv, exit, stderr, stdin, stdout } from "node:process";

const path = argv[2] ?? "/run/aios/mcp-stdio.sock";
const socket = createConnection(path);

socket.once("error", (error) => {
  stderr.write(`aios: cannot reach the substrate at ${path}: ${error.message}\n`);
  exit(1);
});
socket.once("close", () => exit(0));
// The agent closed its end: MCP's stdio transport says that the session is over.
stdin.once("end", () => socket.destroy());
stdout.once("error", () => socket.destroy());
stdin.pipe(socket, { end: false });
socket.pipe(stdout);
