import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A real browser without a window, driven over its own protocol; it resolves names of this machine only. */
export interface Browser {
  /** Goes to an address as if a person had typed it. */
  open(url: string): Promise<void>;
  /** What an expression is in the page, awaited; undefined while the page changes. */
  evaluate(expression: string): Promise<unknown>;
  close(): Promise<void>;
}

const CHROMIUM = "/usr/bin/chromium";
const START_MS = 60_000;
const FLAGS = [
  "--headless",
  // It runs as root here, and opens pages of this test only.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-port=0",
  "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
];

/** Whether Debian's Chromium is installed. */
export function hasBrowser(): boolean {
  return existsSync(CHROMIUM);
}

export async function startBrowser(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), "aios-browser-"));
  const child = spawn(CHROMIUM, [...FLAGS, `--user-data-dir=${profile}`], { stdio: "ignore", env: { HOME: profile } });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const port = await readPort(join(profile, "DevToolsActivePort"), child);
  const made = await fetch(`http://127.0.0.1:${port}/json/new?about:blank`, { method: "PUT" });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the browser's own protocol
  const { webSocketDebuggerUrl } = (await made.json()) as { webSocketDebuggerUrl: string };
  const socket = new WebSocket(webSocketDebuggerUrl);
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  const asked = new Map<number, (answer: { result?: { result?: { value?: unknown } } }) => void>();
  socket.addEventListener("message", ({ data }) => {
    const answer = JSON.parse(String(data));
    asked.get(answer.id)?.(answer);
  });
  let count = 0;
  const call = (method: string, params: object): Promise<{ result?: { result?: { value?: unknown } } }> => {
    const id = ++count;
    socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve) => asked.set(id, resolve));
  };
  return {
    open: async (url) => void (await call("Page.navigate", { url })),
    evaluate: async (expression) => {
      const answer = await call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
      return answer.result?.result?.value;
    },
    async close() {
      socket.close();
      child.kill("SIGKILL");
      await gone;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function readPort(path: string, child: ChildProcess): Promise<string> {
  for (const end = Date.now() + START_MS; Date.now() < end && child.exitCode === null;) {
    if (existsSync(path)) {
      const [port = ""] = readFileSync(path, "utf8").split("\n");
      if (port !== "") return port;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill("SIGKILL");
  throw new Error("the browser did not start");
}
