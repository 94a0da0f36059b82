/**
 * An agent's program that uses the network as programs do that know their proxy: over the face's socket, by plan.
 *
 *     network-agent.ts PLAN      PLAN: [{ "url": "http://…", "method"?, "headers"?, "body"? }, { "wait": ms }, …]
 *
 * Prints one line of JSON for each step: { "step": n, "status", "body" | "error" }. A step { "url", "stream": true } prints a
 * line when the response begins and one when it ends; with "tell" it asks for that address, with the same headers, when it begins. With "all": true the line has headers and reason too. A step { "direct": "host:port" } tries a connection without the proxy. ${NAME} anywhere
 * in a plan stands for the variable of that name.
 */
import { readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { argv, env } from "node:process";

// Not by an import, which compiles much more (src/platform/network/node-http.ts), in each of hundreds of agents.
const { request } = process.getBuiltinModule("node:http");

type Step =
  | {
      url: string;
      method?: string;
      headers?: Record<string, string>;
      body?: string;
      stream?: boolean;
      tell?: string;
      all?: boolean;
    }
  | { wait: number }
  | { direct: string };

// Written by the test itself; what it cannot know stands in it as ${NAME}.
const written = readFileSync(argv[2] ?? "plan.json", "utf8").replace(
  /\$\{([A-Z_]+)\}/g,
  (_, name: string) => env[name] ?? "",
);
const plan = JSON.parse(written) as Step[];
const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

for (const [step, each] of plan.entries()) {
  if ("wait" in each) await new Promise((resolve) => setTimeout(resolve, each.wait));
  else if ("direct" in each) print({ step, ...(await reach(each.direct)) });
  else print({ step, ...(await ask(step, each)) });
}

function ask(
  step: number,
  { url, method = "GET", headers = {}, body, stream = false, tell, all = false }: Extract<Step, { url: string }>,
): Promise<object> {
  return new Promise((resolve) => {
    const sent = request(
      {
        socketPath: env["AIOS_PROXY_SOCKET"] ?? "/run/aios/proxy.sock",
        method,
        path: url,
        headers: { host: new URL(url).host, ...headers },
      },
      (response) => {
        let text = "";
        const status = response.statusCode;
        if (stream) print({ step, status, begun: true });
        if (tell !== undefined) void ask(step, { url: tell, headers });
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () =>
          resolve({
            status,
            body: text,
            ...(all ? { reason: response.statusMessage, headers: response.headers } : {}),
          }),
        );
        response.on("error", (error) => resolve({ status, body: text, error: error.message }));
      },
    );
    sent.on("error", (error) => resolve({ error: error.message }));
    sent.end(body);
  });
}

function reach(to: string): Promise<object> {
  const [host = "", port = ""] = to.split(":");
  return new Promise((resolve) => {
    const socket = createConnection({ host, port: Number(port) });
    socket.on("connect", () => resolve({ error: null }));
    socket.on("error", (error) => resolve({ error: error.message }));
  });
}
