import { parseJson, type JsonObject } from "../kernel/json.ts";
import type { Signer } from "../platform/powers.ts";
import { encodeUtf8, toBase64 } from "../protocol/bytes.ts";
import { decode, object, text, type Decoder } from "../protocol/decode.ts";
import { CHALLENGE, entryText, GATE_DOORS, LINK_TOKEN, linkAddress, type OpenPort } from "../protocol/port-entry.ts";
import { CliFailure } from "./failure.ts";
import type { CliPowers } from "./powers.ts";

const ASKED = object<{ readonly challenge: string }>({ challenge: text({ max: 64, pattern: CHALLENGE }) });
const MADE = object<{ readonly token: string }>({ token: text({ max: 64, pattern: LINK_TOKEN }) });

/** An owner's key as a grant names a client's. */
export function clientKey({ publicKey }: Pick<Signer, "publicKey">): string {
  return toBase64(publicKey).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Where an open port is found. */
export function originOf({ host, outside }: Pick<OpenPort, "host" | "outside">): string {
  return `http://${host}:${outside}`;
}

/**
 * Proves a key to the gate of a port and gets a link that lets one browser in, once, within a minute. What is signed begins
 * as no statement does, and is for this origin alone. Throws `CliFailure` `port-refused`.
 */
export async function askForLink(
  powers: Pick<CliPowers, "doors">,
  { port, signer }: { readonly port: OpenPort; readonly signer: Signer },
): Promise<string> {
  const origin = originOf(port);
  const { challenge } = await ask(powers, { port, path: GATE_DOORS.challenge, body: {}, answer: ASKED });
  const signature = toBase64(signer.sign(encodeUtf8(entryText(origin, challenge))));
  const body = { key: clientKey(signer), challenge, signature };
  const { token } = await ask(powers, { port, path: GATE_DOORS.link, body, answer: MADE });
  return linkAddress(origin, token);
}

interface Asking<Answer> {
  readonly port: OpenPort;
  readonly path: string;
  readonly body: JsonObject;
  readonly answer: Decoder<Answer>;
}

async function ask<Answer>(
  { doors }: Pick<CliPowers, "doors">,
  { port, path, body, answer }: Asking<Answer>,
): Promise<Answer> {
  const said = await doors.post(port, { path, body });
  const parsed = parseJson(said.body, { maxLength: 4096, maxDepth: 2, maxValues: 8 });
  const decoded = said.status === 200 && parsed.kind === "ok" ? decode(answer, parsed.value) : null;
  if (decoded?.kind === "ok") return decoded.value;
  const what = `Cannot come in: the gate of ${port.port} of ${port.agent}`;
  if (said.status === 429)
    throw CliFailure.of("port-refused", `${what} takes no more tries in this minute`, "wait a minute");
  throw CliFailure.of(
    "port-refused",
    `${what} refused with ${said.status}`,
    "aios ports show says whose keys may come",
  );
}
