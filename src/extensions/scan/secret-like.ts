/** Words in a name that say that its value opens something. */
const SECRET_NAME =
  /(?:^|[_.-])(?:api[_-]?key|apikey|key|token|secret|password|passwd|pwd|credentials?|auth|authorization|bearer|cookie|session|pat|private[_-]?key|access[_-]?key|client[_-]?secret|connection[_-]?string|dsn)(?:$|[_.-])/iu;
/** Names that contain such words and hold no secret. */
const HARMLESS_NAME =
  /(?:^(?:OLD)?PWD$|public|ssh_auth_sock|keyboard|author(?!i[sz])|key[_-]?file|path|timeout|max[_-]?tokens?|tokens?_limit|endpoint|_url$|session_?(?:id|manager|type|desktop))/iu;

/** Values that are keys wherever they stand: forms that providers document for their keys. */
const SECRET_FORMS: readonly (readonly [form: RegExp, of: string])[] = [
  [/\bsk-ant-[A-Za-z0-9_-]{16,}/u, "Anthropic"],
  [/\bsk-(?:proj-|svcacct-|or-)?[A-Za-z0-9_-]{20,}/u, "OpenAI or like it"],
  [/\bgh[opsur]_[A-Za-z0-9]{30,}/u, "GitHub"],
  [/\bgithub_pat_[A-Za-z0-9_]{40,}/u, "GitHub"],
  [/\bglpat-[A-Za-z0-9_-]{16,}/u, "GitLab"],
  [/\bxox[abeoprs]-[A-Za-z0-9-]{10,}/u, "Slack"],
  [/\bAKIA[A-Z0-9]{16}\b/u, "AWS"],
  [/\bAIza[A-Za-z0-9_-]{30,}/u, "Google"],
  [/\bnpm_[A-Za-z0-9]{30,}/u, "npm"],
  [/\b[rs]k_live_[A-Za-z0-9]{16,}/u, "Stripe"],
  [/\bhf_[A-Za-z0-9]{30,}/u, "Hugging Face"],
  [/\b\d{8,10}:[A-Za-z0-9_-]{35}\b/u, "Telegram"],
  [/\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/u, "a signed token"],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----/u, "a private key"],
  [
    /\b(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|redis|amqps?):\/\/[^\s:@/]+:[^\s:@/]+@/u,
    "a database, in its address",
  ],
  [/\bhttps?:\/\/[^\s:@/]+:[^\s:@/]+@/u, "a user, in an address"],
];

/** Stand-ins that programs replace: `${NAME}`, `$NAME`, `{env:NAME}`, `{file:…}`, `${input:id}`, `op://…`. */
const REFERENCE =
  /^(?:Bearer |Basic |token )?(?:\$\{?[A-Za-z_][A-Za-z0-9_:.-]*\}?|\{(?:env|file):[^}]+\}|op:\/\/.+|<[^>]*>|YOUR[_ -].*|x{3,}|\.{3}|)$/iu;

/** Whether a name says that its value is a secret. */
export function isSecretName(name: string): boolean {
  const words = name.replaceAll(/([a-z0-9])([A-Z])/gu, "$1_$2");
  return SECRET_NAME.test(words) && !HARMLESS_NAME.test(words);
}

/** Whose key a value is by its form, or null. The value itself is never part of an answer. */
export function secretForm(value: string): string | null {
  return SECRET_FORMS.find(([form]) => form.test(value))?.[1] ?? null;
}

/** Whether a named value is a secret in clear text, and not a reference to one. */
export function isSecretInClear(name: string, value: string): boolean {
  if (REFERENCE.test(value.trim())) return false;
  return secretForm(value) !== null || (isSecretName(name) && value.trim().length >= 6);
}

/** What is shown in the place of a secret. */
export const HIDDEN = "...";

const NAME = "[A-Za-z][A-Za-z0-9_.-]*";
/** A name with what it is given: `--name value`, `--name=value`, `NAME=value`, `Name: value`, quoted or with a word before it. */
const NAMED = new RegExp(
  `(?<![A-Za-z0-9_.-])(?:(-{1,2}${NAME})(\\s+)(?![-=:])|(-{0,2}${NAME})(\\s*[=:]\\s*))` +
    `("[^"]*"|'[^']*'|(?:(?:Bearer|Basic|Bot|token) )?[^\\s"'&;|)]+)`,
  "gu",
);

/** A text as it may be shown: values that are secrets by their name or their form hidden, and what they were given to. */
export function hideSecrets(text: string): { readonly shown: string; readonly names: readonly string[] } {
  const names: string[] = [];
  let shown = "";
  let from = 0;
  NAMED.lastIndex = 0;
  for (let found = NAMED.exec(text); found !== null; found = NAMED.exec(text)) {
    const [whole, flag, gap = "", other = "", mark = "", value = ""] = found;
    const name = flag ?? other;
    const given = found.index + name.length + gap.length + mark.length;
    if (isSecretInClear(name.replace(/^-+/u, ""), value.replaceAll(/^["']|["']$/gu, ""))) {
      names.push(name);
      shown += `${text.slice(from, given)}${HIDDEN}`;
      from = found.index + whole.length;
    } else NAMED.lastIndex = given; // a name of its own may stand in what this one is given
  }
  shown += text.slice(from);
  const of = secretForm(shown);
  return of === null ? { shown, names } : { shown: HIDDEN, names: [...names, `a text (${of})`] };
}

/** The words of a command in the same way; a flag may be given the next word. */
export function hideInCommand(command: readonly string[]): {
  readonly shown: readonly string[];
  readonly names: readonly string[];
} {
  const words = command.map((word, at): ReturnType<typeof hideSecrets> => {
    const flag = /^-{1,2}([A-Za-z][A-Za-z0-9_.-]*)$/u.exec(command[at - 1] ?? "")?.[1];
    const isGiven = flag !== undefined && !word.startsWith("-") && isSecretInClear(flag, word);
    return isGiven ? { shown: HIDDEN, names: [command[at - 1] ?? ""] } : hideSecrets(word);
  });
  return { shown: words.map(({ shown }) => shown), names: words.flatMap(({ names }) => names) };
}
