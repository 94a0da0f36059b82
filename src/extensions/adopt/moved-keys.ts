import { isArray, isObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { isSecretInClear } from "../scan/secret-like.ts";

/** A key that stood in clear text in a configuration. Its value goes into a file of its own and is shown nowhere. */
export interface MovedKey {
  /** Names from the top of the configuration to it; positions in lists as digits. */
  readonly place: readonly string[];
  /** Variable that stands for it in the copy, and that an agent's placeholder is under. */
  readonly variable: string;
  /** Name under which the substrate would keep it. */
  readonly secret: string;
  /** Never printed. Without the word before it (`Bearer`), which stays where it was. */
  readonly value: string;
}

export interface KeysTaken {
  /** The same configuration with `${VARIABLE}` in the place of each key. */
  readonly table: JsonObject;
  readonly keys: readonly MovedKey[];
}

const SCHEME = /^((?:Bearer|Bot|Basic|token) )(.+)$/u;
const MOST_LETTERS = { variable: 60, secret: 26 } as const;

/**
 * Takes every text out of a configuration that is a key by its form or its name, in tables and lists, at any depth. One
 * value that stands in several places is several keys: each goes somewhere else. Pure.
 */
export function takeKeys(table: JsonObject, prefix: string): KeysTaken {
  const keys: MovedKey[] = [];
  const variables = new Set<string>();
  const secrets = new Set<string>();
  const take = (place: readonly string[], text: string): string => {
    const [, scheme = "", rest = text] = SCHEME.exec(text) ?? [];
    const variable = free(variableOf(place, prefix), { taken: variables, mark: "_" });
    const secret = free(secretOf(variable, prefix), { taken: secrets, mark: "-" });
    keys.push({ place, variable, secret, value: rest });
    return `${scheme}\${${variable}}`;
  };
  const walk = (value: JsonValue, place: readonly string[], name: string): JsonValue => {
    if (typeof value === "string") return isSecretInClear(name, value) ? take(place, value) : value;
    if (isArray(value)) return value.map((each, index) => walk(each, [...place, String(index)], name));
    return isObject(value) ? walkTable(value, place) : value;
  };
  // fromEntries defines own properties, so that `__proto__` is a name like any other.
  const walkTable = (each: JsonObject, place: readonly string[]): JsonObject =>
    Object.fromEntries(Object.entries(each).map(([name, value]) => [name, walk(value, [...place, name], name)]));
  return { table: walkTable(table, []), keys };
}

/** `channels.slack.botToken` becomes `OPENCLAW_CHANNELS_SLACK_BOT_TOKEN`; a variable that the configuration sets keeps its name. */
function variableOf(place: readonly string[], prefix: string): string {
  const last = place.at(-1) ?? "";
  if (place[0] === "env" && /^[A-Z][A-Z0-9_]{0,59}$/u.test(last)) return last;
  const words = place.map((name) => name.replaceAll(/([a-z0-9])([A-Z])/gu, "$1_$2")).join("_");
  return `${prefix}_${words}`
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/gu, "_")
    .slice(0, MOST_LETTERS.variable);
}

/** The end of a variable's name says most, and the prefix nothing: `channels-slack-bot-token`. */
function secretOf(variable: string, prefix: string): string {
  const own = variable.startsWith(`${prefix}_`) ? variable.slice(prefix.length + 1) : variable;
  const words = own.toLowerCase().split("_").filter(Boolean);
  let name = words.at(-1) ?? "key";
  for (const word of words.slice(0, -1).toReversed()) {
    if (name.length + word.length + 1 > MOST_LETTERS.secret) break;
    name = `${word}-${name}`;
  }
  return (/^[a-z]/u.test(name) ? name : `key-${name}`).slice(0, MOST_LETTERS.secret);
}

function free(name: string, { taken, mark }: { readonly taken: Set<string>; readonly mark: string }): string {
  let found = name;
  for (let count = 2; taken.has(found); count++) found = `${name}${mark}${count}`;
  taken.add(found);
  return found;
}
