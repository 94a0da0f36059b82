/**
 * An agent's program that asks models as clients do that know nothing but a base address.
 *
 *     infer-agent.ts PLAN      PLAN: [{ "path": "/v1/messages", "body"?, "method"?, "headers"? }, { "wait": ms }, …]
 *
 * Prints one line of JSON for each step: { "step": n, "status", "headers", "body" } or { "step": n, "error" }. A body that is
 * a text is sent as it is. A step with "cut": true breaks off after the first piece of the answer.
 */
import { readFileSync } from "node:fs";
import { argv, env } from "node:process";

// Not by an import, which compiles much more (src/platform/network/node-http.ts), in each of hundreds of agents.
const { request } = process.getBuiltinModule("node:http");

type Step =
  { path: string; body?: unknown; method?: string; headers?: Record<string, string>; cut?: boolean } | { wait: number };

const plan = JSON.parse(readFileSync(argv[2] ?? "plan.json", "utf8")) as Step[]; // written by the test itself
for (const [step, each] of plan.entries()) {
  if ("wait" in each) await new Promise((resolve) => setTimeout(resolve, each.wait));
  else process.stdout.write(`${JSON.stringify({ step, ...(await ask(each)) })}\n`);
}

function ask({ path, body, method, headers = {}, cut = false }: Extract<Step, { path: string }>): Promise<object> {
  const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  return new Promise((resolve) => {
    const sent = request(
      new URL(path, env["AIOS_INFERENCE_URL"]),
      {
        method: method ?? (body === undefined ? "GET" : "POST"),
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(text), ...headers },
      },
      (response) => {
        let got = "";
        const status = response.statusCode;
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          got += chunk;
          if (cut) sent.destroy();
        });
        response.on("end", () => resolve({ status, headers: response.headers, body: got }));
        response.on("error", (error) => resolve({ status, body: got, error: error.message }));
      },
    );
    sent.on("error", (error) => resolve({ error: error.message }));
    sent.end(text);
  });
}
