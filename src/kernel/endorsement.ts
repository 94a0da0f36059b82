import type { RecipientKind, ToolClass } from "./grant.ts";
import { isHostName, isLoopback, parseHttpUrl } from "./hosts.ts";
import { isArray, type JsonObject, type JsonValue } from "./json.ts";
import { argumentOf, isGiven } from "./risk.ts";

/** What separates words: ASCII white space, and the marks that stand between items of a list. */
const BREAK = /[\t\n\v\f\r ,;|]+/;
/** Marks around a word that are not part of it. Invisible characters are not among them: they spoil the word. */
const OPENING = /^[("'`<[{*“”„‚‘’«»‹›¿¡]+/;
const CLOSING = /(?:['’]s)?[)"'`>\]}*“”‘’«»‹›.!?:…]+$/;
const POSSESSIVE = /['’]s$/;

const EMAIL_LOCAL = /^[a-z0-9](?:[a-z0-9._%+-]{0,62}[a-z0-9_%+-])?$/;
/** ISO 13616: country, check digits, and the account. At least 14 characters, so no word and no bare number is one. */
const ACCOUNT = /^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$/;
/** At least three characters after the sign. */
const HANDLE = /^@[A-Za-z0-9_][A-Za-z0-9_.-]{1,62}[A-Za-z0-9_]$/;

/**
 * Top labels that in a human's words are the end of a file's name. `notes.md` is a file, and also a name that anyone can
 * register: written like that it endorses nothing. As a URL it is a host without a doubt.
 */
const FILE_SUFFIXES: ReadonlySet<string> = new Set(
  (
    "bat bin bz c cab cc cfg cgi conf cpp cs css csv dat db doc docx exe gif go gz h html htm ics ini " +
    "ipynb java jpeg jpg js json jsx key lock log lua md mdx mov mp mp3 mp4 odp ods odt old pages pdf php pl png ppt " +
    "pptx ps py rar rb rs rtf sh so sql srt svg swift tar tex tgz toml ts tsx txt vcf wav webm xls xlsx xml yaml yml zip"
  ).split(" "),
);

/**
 * The recipients that a human named: whole words that are an address, an account, a host or a handle, as `kind:value`.
 *
 * `words` must be words that AIOS itself took from the human, never what an agent says the human said. Nothing is taken
 * from inside a word, and neither bare numbers nor short words count: matching those let `delete_file("13")` through
 * because a date said 13. A word with invisible or look-alike characters is no ASCII and gives nothing. An address does
 * not endorse its host.
 */
export function endorsedTokens(words: string): ReadonlySet<string> {
  const tokens = new Set<string>();
  for (const piece of words.split(BREAK)) {
    const word = piece.replace(OPENING, "").replace(CLOSING, "").replace(POSSESSIVE, "");
    for (const token of tokensOf(word)) tokens.add(token);
  }
  return tokens;
}

/** The token of one recipient argument, or null when the text is no well-formed one of its kind. */
export function recipientToken(kind: RecipientKind, value: string): string | null {
  const normal = SPELLING[kind](value);
  return normal === null ? null : `${kind}:${normal}`;
}

/**
 * Recipients of a call, as given, that the human did not name. One that is no well-formed token of its kind is always
 * among them; what is neither a text nor a list of texts is there as its JSON.
 */
export function unendorsed(tool: ToolClass, args: JsonObject, endorsed: ReadonlySet<string>): readonly string[] {
  return Object.entries(tool.recipients).flatMap(([argument, kind]) =>
    recipientsIn(argumentOf(args, argument)).filter((recipient) => {
      const token = recipientToken(kind, recipient);
      return token === null || !endorsed.has(token);
    }),
  );
}

function recipientsIn(value: JsonValue | undefined): readonly string[] {
  if (value === undefined || !isGiven(value)) return [];
  const items = isArray(value) ? value : [value];
  return items.map((item) => (typeof item === "string" ? item : JSON.stringify(item)));
}

function tokensOf(word: string): readonly string[] {
  const tokens = (["email", "account", "handle"] as const).map((kind) => recipientToken(kind, word));
  const bareHost = isHostName(word.toLowerCase()) && !FILE_SUFFIXES.has(topLabel(word));
  if (bareHost || word.includes("://")) tokens.push(recipientToken("host", word));
  return tokens.filter((token) => token !== null);
}

function topLabel(host: string): string {
  return host.slice(host.lastIndexOf(".") + 1).toLowerCase();
}

/** The one spelling of each kind, or null for what is none. */
const SPELLING: { readonly [kind in RecipientKind]: (value: string) => string | null } = {
  email: (value) => emailOf(asciiLower(value)),
  account: (value) => {
    const account = value.replace(/[a-z]/g, (letter) => letter.toUpperCase());
    return ACCOUNT.test(account) ? account : null;
  },
  host: hostOf,
  // Case is kept: on some networks @Bob and @bob are two people.
  handle: (value) => (HANDLE.test(value) ? value : null),
};

function emailOf(value: string): string | null {
  const at = value.indexOf("@");
  const local = value.slice(0, at);
  if (at < 1 || local.includes("..") || !EMAIL_LOCAL.test(local)) return null;
  return isHostName(value.slice(at + 1)) ? value : null;
}

/** A bare host name, or the host of a URL without a port of its own. Loopback is this machine, not a third party. */
function hostOf(value: string): string | null {
  const lower = asciiLower(value);
  if (isHostName(lower)) return lower;
  const [origin = ""] = /^[^/]*\/\/[^/]*/.exec(value) ?? [];
  const url = parseHttpUrl(lower.slice(0, origin.length) + value.slice(origin.length));
  return url === null || url.port !== null || isLoopback(url.host) ? null : url.host;
}

/** Lower case for ASCII only: `toLowerCase` turns the Kelvin sign into a k. */
function asciiLower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
