import type { ConsoleLook, ConsoleRequests } from "../protocol/console-table.ts";
import type { CliEvents } from "../protocol/requests.ts";

/** A request that was not granted; `hint` says what to do next. */
export class Refused extends Error {
  readonly code: string;
  readonly hint: string | null;
  constructor(code: string, message: string, hint: string | null) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

const HALF = "half";

/** Whether this browser has come in, as far as it knows. */
export function hasHalf(): boolean {
  return localStorage.getItem(HALF) !== null;
}

/** Shows a code of `aios console`. False when it is none, or was used. */
export async function enter(code: string): Promise<boolean> {
  const response = await post("/enter", code);
  if (!response.ok) return false;
  const { half }: { half: string } = await response.json();
  localStorage.setItem(HALF, half);
  return true;
}

/** Ends this browser's session. */
export async function leave(): Promise<void> {
  await post("/leave", "");
  localStorage.removeItem(HALF);
}

/** Asks the monitor through the console. Throws Refused; `no-session` when the session is over. */
export async function ask<K extends ConsoleLook>(
  name: K,
  body: ConsoleRequests[K]["body"],
): Promise<ConsoleRequests[K]["ok"]> {
  const response = await post(`/ask/${name}`, JSON.stringify(body));
  // The console has decoded the answer by its table, and a page can trust nobody more than it.
  const answer = await response.json();
  if (response.ok) return answer;
  const { refused, error }: { refused?: string; error?: { code: string; message: string; hint: string | null } } =
    answer;
  if (response.status === 401) localStorage.removeItem(HALF);
  if (error !== undefined) throw new Refused(error.code, error.message, error.hint);
  throw new Refused(refused ?? "refused", `The console refused this: ${refused ?? response.status}.`, null);
}

/** What a page does with events. */
export type Hearing = { readonly [Name in keyof CliEvents]: (body: CliEvents[Name]) => void };

/** Hears events until the console or the session ends; resolves then. */
export async function watch(hear: Hearing): Promise<void> {
  const response = await post("/watch", "");
  if (response.status === 401) localStorage.removeItem(HALF);
  if (!response.ok || response.body === null) throw new Refused("no-session", "The session is over.", null);
  let rest = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const { event, body } = JSON.parse(line);
      if (event === "held") hear.held(body);
      if (event === "record") hear.record(body);
      if (event === "stage") hear.stage(body);
      if (event === "recovering") hear.recovering(body);
    }
  }
}

function post(path: string, body: string): Promise<Response> {
  const half = localStorage.getItem(HALF);
  return fetch(path, { method: "POST", body, headers: half === null ? {} : { "x-aios-half": half } });
}
