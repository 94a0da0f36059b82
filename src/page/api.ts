import type { ConsoleDoor, ConsoleLook, ConsoleRequests } from "../protocol/console-table.ts";
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

/** What to tell a person about a failure. */
export function why(error: unknown): string {
  if (error instanceof Refused) return error.hint === null ? error.message : `${error.message} ${error.hint}`;
  return error instanceof Error ? error.message : "It failed.";
}

const HALF = "half";
/** What a person does about a limit: strangers on this machine can use it up, and a terminal has none. */
const TOO_MANY = "Too many tries from this machine. Wait a minute, or answer at the terminal: aios approvals.";
/** A console that was started again has another name, and nothing of this one's pages counts for it. */
const MOVED = "The console was started again and has another name now. At a terminal of this machine say aios console.";
let movedAway = false;
/** Id of the key that this browser signed in with. */
const KEY = "key";

/** Whether this browser has come in, as far as it knows. */
export function hasHalf(): boolean {
  return localStorage.getItem(HALF) !== null;
}

/** Whether the console is at another name than this page. */
export function isMoved(): boolean {
  return movedAway;
}

/** Shows a code of `aios console`. @returns why this browser has not come in, or null. */
export async function enter(code: string): Promise<string | null> {
  const response = await post("/enter", code);
  // The code was not looked at then, so it still lets somebody in.
  if (response.status === 429) return `${TOO_MANY} Then open the address of this code again.`;
  if (!response.ok) return "That code is over: it lets one browser in, once, within five minutes.";
  const { half }: { half: string } = await response.json();
  localStorage.setItem(HALF, half);
  localStorage.removeItem(KEY);
  return null;
}

/** Shows what a passkey signed for `sign-in-open`, and comes in. Throws Refused. */
export async function signIn(body: ConsoleRequests["sign-in"]["body"]): Promise<void> {
  const { half, key }: { half: string; key: string } = await answerOf(
    await post("/door/sign-in", JSON.stringify(body)),
  );
  localStorage.setItem(HALF, half);
  localStorage.setItem(KEY, key);
}

/** Id of the key that somebody signed in with here, or null. It names whom to ask, and proves nothing. */
export function signedIn(): string | null {
  return localStorage.getItem(KEY);
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
  return answerOf(await post(`/ask/${name}`, JSON.stringify(body)));
}

/** Asks what needs no session. Throws Refused. */
export async function atDoor<K extends Exclude<ConsoleDoor, "sign-in">>(
  name: K,
  body: ConsoleRequests[K]["body"],
): Promise<ConsoleRequests[K]["ok"]> {
  return answerOf(await post(`/door/${name}`, JSON.stringify(body)));
}

// oxlint-disable-next-line typescript/no-explicit-any -- of any row: whoever asked knows which
async function answerOf(response: Response): Promise<any> {
  // The console has decoded the answer by its table, and a page can trust nobody more than it.
  const answer = await response.json();
  if (response.ok) return answer;
  const { refused, error }: { refused?: string; error?: { code: string; message: string; hint: string | null } } =
    answer;
  if (isOver(response)) localStorage.removeItem(HALF);
  if (error !== undefined) throw new Refused(error.code, error.message, error.hint);
  if (response.status === 421) throw new Refused("host", MOVED, null);
  if (response.status === 401) throw new Refused(refused ?? "no-session", "The session is over.", null);
  if (response.status === 429) throw new Refused(refused ?? "flood", TOO_MANY, null);
  throw new Refused(refused ?? "refused", `The console refused this: ${refused ?? response.status}.`, null);
}

/** Whether nothing is to be had any more by the session that this page has. */
function isOver({ status }: Response): boolean {
  movedAway ||= status === 421;
  return status === 401 || status === 421;
}

/** What a page does with events. */
export type Hearing = { readonly [Name in keyof CliEvents]: (body: CliEvents[Name]) => void };

/** Hears events until the console or the session ends; resolves then. */
export async function watch(hear: Hearing): Promise<void> {
  const response = await post("/watch", "");
  if (isOver(response)) localStorage.removeItem(HALF);
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
