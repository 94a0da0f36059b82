/**
 * An agent's program that speaks plain TCP, by plan.
 *
 *     tcp-agent.ts PLAN      PLAN: [{ "ask": PORT, "say": "text" }, { "hold": PORT }, { "crowd": PORT, "of": n }, { "wait": ms }, …]
 *
 * Prints one line of JSON for each step. `ask` says its text, ends its side and waits for the end of the answer; `hold` prints
 * what it is greeted with at once, says "here", and waits for the end; `crowd` connects so many times at once and counts who was greeted.
 * "end" is how a connection ended: "end" in order, else the code of its error.
 */
import { readFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { argv } from "node:process";

type Step =
  | { readonly ask: number; readonly say: string }
  | { readonly hold: number }
  | { readonly crowd: number; readonly of: number }
  | { readonly wait: number };

const plan = JSON.parse(readFileSync(argv[2] ?? "plan.json", "utf8")) as readonly Step[];
const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

for (const [step, each] of plan.entries()) {
  if ("wait" in each) await new Promise((resolve) => setTimeout(resolve, each.wait));
  else if ("ask" in each) print({ step, ...(await talk(open(each.ask), (socket) => socket.end(each.say))) });
  else if ("hold" in each) print({ step, ...(await hold(open(each.hold), (text) => print({ step, text }))) });
  else print({ step, ...(await crowd(each.crowd, each.of)) });
}

function open(port: number): Socket {
  return createConnection({ host: "127.0.0.1", port, allowHalfOpen: true });
}

function hold(socket: Socket, onText: (text: string) => void): Promise<object> {
  let greeted = false;
  return talk(socket, null, (text) => {
    if (greeted) return; // one that is spoken to without end would else print all of it again each time
    greeted = true;
    onText(text);
    socket.write("here");
  });
}

/** Collects what is heard until the connection is over. */
function talk(
  socket: Socket,
  onOpen: ((socket: Socket) => void) | null,
  onText: ((text: string) => void) | null = null,
): Promise<object> {
  return new Promise((resolve) => {
    let text = "";
    let end = "end";
    socket.on("connect", () => onOpen?.(socket));
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      onText?.(text);
    });
    socket.on("end", () => socket.end());
    socket.on("error", (error: Error & { readonly code?: string }) => (end = error.code ?? error.message));
    socket.on("close", () => resolve({ text, end }));
  });
}

async function crowd(port: number, count: number): Promise<object> {
  const sockets = Array.from({ length: count }, () => open(port));
  const greeted = await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<boolean>((resolve) => {
          socket.once("data", () => resolve(true));
          socket.on("error", () => undefined);
          socket.once("end", () => resolve(false));
          socket.once("close", () => resolve(false));
        }),
    ),
  );
  for (const socket of sockets) socket.destroy();
  return { greeted: greeted.filter(Boolean).length, of: count };
}
