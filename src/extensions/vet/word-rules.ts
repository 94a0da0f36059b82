import { ADVISED_AGAINST, isExample } from "../text-rules.ts";
import type { Seen, VetRule } from "./finding.ts";
import { createLineFinder } from "./line-finder.ts";
import { KEY_PLACE, VAULT_PLACE } from "./places.ts";

interface WordRule {
  readonly rule: VetRule;
  readonly why: string;
  readonly form: RegExp;
  /** A second thing that must stand in the same passage, within `NEAR` characters. */
  readonly and?: RegExp;
  /** Not when one of these stands before it in its sentence: advice against a thing names the thing. */
  readonly unless?: RegExp;
}

const SECRETS = String.raw`(?:api[ -]?keys?|access[ -]?keys?|secret keys?|private keys?|ssh keys?|secrets|credentials|passwords?|tokens?|seed phrases?|mnemonic|wallets?|cookies|environment variables|\.env)`;
const KNOWN = String.raw`(?:conversation|chat history|chat log|history of the user|messages? of the conversation|system prompt|user'?s? (?:messages?|prompts?|files?|data|chat)|every (?:message|prompt|file|task|answer|request)|each (?:message|prompt|task|answer|request)|the summary|all messages)`;
const SEND = String.raw`\b(?:send|sent|post|upload|forward|transmit|submit|exfiltrate|report|copy|copied|mail|email|pass|put|include|append|attach)(?:s|ed|ing)?\b`;
const ADDRESS = /https?:\/\/(?!localhost|127\.|\[::1\])|\b[\w.+-]{1,60}@[\w-]{1,60}\.\w{2,}|\+\d[\d-]{6,}/iu;

/** Rules about what a passage tells an agent or a person to do. All of them take time linear in the passage. */
const RULES: readonly WordRule[] = [
  {
    rule: "fake-prerequisite",
    why: "wants a program from a link or an archive with a password",
    form: /\b(?:zip|rar|7z|archive|extract\w*)\b[^\n]{0,80}\bpass(?:word|wd|phrase|code)?\b\s{0,2}[:=`'"]|\bpass(?:word|code)?\b[^\n]{0,40}\b(?:extract|unzip|archive)\b|\b(?:extract|unzip|archive)\b[^\n]{0,40}\b(?:with|using)\b[^\n]{0,20}\bpassword\b/iu,
  },
  {
    rule: "fake-prerequisite",
    why: "has a line from a page pasted into a terminal",
    form: /\b(?:paste|copy|pasting|copying)\b[^\n]{0,100}\b(?:terminal|command prompt|powershell|console|shell)\b|\b(?:script|command|line)s?\b[^\n]{0,80}\bexecute it\b[^\n]{0,40}\bterminal\b/iu,
    and: /https?:\/\//iu,
  },
  {
    rule: "fake-prerequisite",
    why: "has a program fetched from a link and run first",
    form: /https?:\/\/[^\s)>"']{1,200}\.(?:exe|dmg|pkg|msi|zip|scr|bat|jar|appimage|sh)\b/iu,
    and: /\b(?:must|need\w*|require\w*|before|first|without it|prerequisite|important)\b/iu,
  },
  {
    rule: "approvals-off",
    why: "switches questions or the sandbox off",
    form: /--dangerously-skip-permissions|--dangerously-bypass|bypassPermissions|--yolo\b|--full-auto\b|--no-sandbox\b[^\n]{0,40}\b(?:agent|claude|codex)|danger-full-access|\bBash\(\*(?::\*)?\)|exec-approvals|"(?:ask|approval|approvals|confirm)"\s{0,3}:\s{0,3}"(?:off|never|none)"|tools\.exec\.(?:ask|security)\b[^\n]{0,30}\b(?:off|full|never)\b|autoApprove"?\s{0,3}[:=]\s{0,3}(?:true|\["?\*)|enableAllProjectMcpServers/iu,
    unless: ADVISED_AGAINST,
  },
  {
    rule: "approvals-off",
    why: "has the agent switch questions or the sandbox off",
    form: /\b(?:disable|turn(?:ing)? off|switch(?:ing)? off|deactivate|bypass|skip|suppress|remove)\b[^\n.]{0,60}\b(?:sandbox\w*|approvals?|confirmations?(?: prompts?)?|permission (?:prompts?|checks?|requests?)|safety (?:checks?|prompts?)|security (?:checks?|prompts?|warnings?)|guardrails?|antivirus|gatekeeper)\b/iu,
    unless: ADVISED_AGAINST,
  },
  {
    rule: "approvals-off",
    why: "has the agent approve for the person",
    form: /\b(?:approve|confirm|answer yes)\b[^\n.]{0,40}\b(?:yourself|automatically|on behalf of the user|on (?:their|the user'?s) behalf|every(?:thing)? without)\b|\b(?:user|owner|human) has (?:already )?(?:agreed|consented|approved)\b[^\n.]{0,30}\b(?:everything|all|anything)\b|\b(?:auto-?approve|yolo mode)\b/iu,
    unless: ADVISED_AGAINST,
  },
  {
    rule: "skill-hides",
    why: "has something kept from the person",
    form: /\b(?:user|person|human|owner|operator)\b[^\n.]{0,20}\b(?:should|must|may|need|does|do|will)\s?(?:n['’]t| not|not)\b[^\n.]{0,20}\b(?:be aware|know|see|notice|learn|be told|be informed)\b|\b(?:silently|secretly|covertly|quietly|discreetly|invisibly)\b[^\n.]{0,80}\b(?:copy|send|upload|run|execute|call|read|fetch|install|log|forward|post|in the background)\b|\b(?:run|execute|call|install|send|upload)\b[^\n.]{0,60}\b(?:silently|secretly|covertly|quietly|discreetly)\b|\b(?:never|do not|don['’]t)\s(?:show|print|reveal|display|mention|report)\b[^\n.]{0,30}\b(?:its|this|the|their) (?:output|step|upload|result|instructions?|comment|action)\b|\bwithout (?:mentioning|telling|informing|notifying|asking|showing)\b[^\n.]{0,30}\b(?:user|person|human|owner|anyone|them)\b|\bdo not mention that\b|\bleave (?:it|this) out of\b/iu,
    unless:
      /\b(?:do not|don['’]t|never) (?:make|do|run|send|delete|change|write|commit|push|proceed|continue|install|touch|move|edit|create|remove)\b/iu,
  },
  {
    rule: "skill-hides",
    why: "puts itself above what the agent was told",
    form: /\b(?:ignore|disregard|forget|override|overrides|bypass)\b[^\n.]{0,30}\b(?:all |any |every )?(?:previous|prior|earlier|above|other|system|original)\b[^\n.]{0,20}\b(?:instructions?|prompts?|rules|guidelines|directives|restrictions)\b|\b(?:takes?|has|have) (?:precedence|priority) over\b[^\n.]{0,40}\b(?:instructions?|rules|prompts?|tools?)\b|\bagainst the rules of the system\b|\byou are now (?:in |a |an )?(?:maintenance|developer|debug|god|dan|unrestricted|root)\b/iu,
    unless: ADVISED_AGAINST,
  },
  {
    rule: "words-secrets",
    why: "sends the agent to keys",
    form: new RegExp(
      String.raw`\b(?:read|open|cat|get|load|find|collect|gather|harvest|extract|list|copy|include|pass|send|post|upload|print|needs?|content|contents)\b[^\n]{0,80}(?:${KEY_PLACE.source}|${VAULT_PLACE.source})`,
      "iu",
    ),
    unless: ADVISED_AGAINST,
  },
  {
    rule: "words-secrets",
    why: "has the agent gather keys",
    form: new RegExp(
      String.raw`\b(?:collect|gather|harvest|extract|steal|find all|search for|scan for|dump)\b[^\n.]{0,40}\b(?:all |any |every |the user'?s? )[^\n.]{0,20}${SECRETS}`,
      "iu",
    ),
    unless: ADVISED_AGAINST,
  },
  {
    rule: "words-send",
    why: "has the agent send away what it knows",
    form: new RegExp(String.raw`${SEND}[^\n.]{0,80}\b${KNOWN}|\b${KNOWN}[^\n]{0,80}${SEND}`, "iu"),
    and: new RegExp(`${ADDRESS.source}|log_event|bcc\\b|into the (?:message|parameter|field)|\\btool\\b`, "iu"),
    unless: ADVISED_AGAINST,
  },
  {
    rule: "words-send",
    why: "has the agent put what it knows into an address",
    form: /!\[[^\]\n]{0,80}\]\(https?:\/\/[^\s)]{1,200}\?[^\s)]{0,100}=(?:[A-Z_]{4,}|\{|\$|%7B|<)/u,
  },
  {
    rule: "words-send",
    why: "has the recipient of a message changed",
    form: /\b(?:recipient|bcc|cc|destination|address|account(?: number)?|wallet)\b[^\n.]{0,30}\b(?:must|should|has to|needs to) (?:always )?be (?:changed|replaced|set|added|swapped)\b[^\n]{0,20}(?:to|with|by)\b/iu,
    unless: ADVISED_AGAINST,
  },
  {
    rule: "words-send",
    why: "has files or data uploaded",
    form: /\b(?:upload|send|post|transmit|submit)\b[^\n.]{0,30}\b(?:the file|files?|notes?|its content|them|data|everything|results?|a copy|as json)\b[^\n]{0,60}https?:\/\/(?!localhost|127\.)/iu,
    and: /\b(?:do not (?:tell|mention)|after each|always|every|so that the account|check the login|before using|without)\b/iu,
    unless: ADVISED_AGAINST,
  },
  {
    rule: "words-obey",
    why: "has the agent obey what an address says",
    form: /\b(?:fetch|get|load|download|open|visit|read|check)\b[^\n]{0,40}https?:\/\/[^\s)]{3,200}[^\n]{0,60}\b(?:follow|obey|carry out|execute|do what|run (?:what|it|them|the))\b/iu,
    unless: ADVISED_AGAINST,
  },
  {
    rule: "words-obey",
    why: "has the agent obey a text that is encoded",
    form: /\b(?:decode|rot13|base64|deobfuscate|decrypt)\b[^\n.]{0,60}\b(?:obey|do what it says|follow (?:it|its|the)|execute it|run it)\b/iu,
    unless: ADVISED_AGAINST,
  },
  {
    rule: "words-memory",
    why: "has the agent change what it is and remembers",
    form: /\b(?:add|append|save|write|store|put|insert|copy|persist|remember|include)\b[^\n]{0,100}\b(?:SOUL|MEMORY|HEARTBEAT|IDENTITY)\.md\b|\b(?:SOUL|MEMORY|HEARTBEAT|IDENTITY)\.md\b[^\n]{0,60}\b(?:permanently|always|so that it stays|every hour)\b/u,
    unless: ADVISED_AGAINST,
  },
];

const NEAR = 500;
/** Longest passage that is judged at once; longer ones are cut with an overlap, so that nothing falls between. */
const PASSAGE = 2000;
const OVERLAP = 400;

/** What speaks against the words of a text. Lines of a passage are joined: a sentence that is wrapped is one sentence. */
export function judgeWords(text: string): readonly Seen[] {
  const seen: Seen[] = [];
  for (const passage of passagesOf(text)) {
    for (const { rule, why, form, and, unless } of RULES) {
      const found = form.exec(passage.text);
      if (found === null || isExample(found[0])) continue;
      const from = Math.max(0, found.index - NEAR);
      if (and !== undefined && !and.test(passage.text.slice(from, found.index + found[0].length + NEAR))) continue;
      if (unless !== undefined && unless.test(passage.text.slice(Math.max(0, found.index - 200), found.index)))
        continue;
      seen.push({ rule, why, line: lineIn(passage, found.index) });
    }
  }
  return seen;
}

interface Passage {
  readonly text: string;
  readonly starts: readonly { readonly at: number; readonly line: number }[];
}

/** Joins lines until one is empty, and cuts what is long. */
export function* passagesOf(text: string): Generator<Passage> {
  let parts: string[] = [];
  let starts: { at: number; line: number }[] = [];
  let length = 0;
  const lines = text.split(/\r?\n/u);
  for (let at = 0; at <= lines.length; at++) {
    const line = (lines[at] ?? "").replaceAll(/\s{1,200}/gu, " ").trim();
    const ends = line === "" || length > PASSAGE;
    if (ends && length > 0) {
      yield* cut({ text: parts.join(" "), starts });
      parts = [];
      starts = [];
      length = 0;
    }
    if (line === "") continue;
    starts.push({ at: length, line: at + 1 });
    parts.push(line);
    length += line.length + 1;
  }
}

function* cut(passage: Passage): Generator<Passage> {
  const { text, starts } = passage;
  for (let from = 0; from === 0 || from + OVERLAP < text.length; from += PASSAGE) {
    const piece = text.slice(from, from + PASSAGE + OVERLAP);
    yield { text: piece, starts: starts.map(({ at, line }) => ({ at: at - from, line })) };
  }
}

export function lineIn({ starts }: Passage, index: number): number {
  return starts.findLast(({ at }) => at <= index)?.line ?? starts[0]?.line ?? 1;
}

/** A definition of a link that nothing refers to: Markdown's other way to write what is not shown. */
const LINK_COMMENT = /^\[(?:\/\/|comment)\]:\s{0,4}#\s{0,4}[("'](.{0,4000})/gimu;
const LONGEST_COMMENT = 20_000;
const HARMLESS_COMMENT =
  /^\s{0,20}(?:markdownlint|prettier-ignore|eslint|toc\b|textlint|vale\b|cspell|omit in toc|TODO|FIXME|copyright|licen[cs]e|#?region|#?endregion|\/?[\w-]{1,40}\s{0,4}$)/iu;
const ORDER =
  /\b(?:system|assistant|agent|agents|ai|llm|claude|gpt|model|important|you must|you should|always|never|ignore|before (?:every|each|any)|when this (?:file|skill) is)\b/iu;
const DEED =
  /\b(?:run|execute|read|fetch|send|post|upload|install|call|open|follow|obey|ignore|copy|write|add|download|include|append|delete)\b/iu;

/** Comments that a person does not see when the text is shown, and an agent does. */
export function judgeComments(text: string): readonly Seen[] {
  const lineAt = createLineFinder(text);
  return [...htmlComments(text), ...linkComments(text)]
    .filter(({ inner }) => !HARMLESS_COMMENT.test(inner) && ORDER.test(inner) && DEED.test(inner))
    .slice(0, 20)
    .map(({ at }) => ({
      rule: "comment-orders",
      line: lineAt(at),
      why: "gives orders in a comment that is not shown",
    }));
}

interface Comment {
  readonly at: number;
  readonly inner: string;
}

/** One that never ends holds all that follows. */
function htmlComments(text: string): readonly Comment[] {
  const found: Comment[] = [];
  for (let at = text.indexOf("<!--"); at !== -1 && found.length < 10_000;) {
    const close = text.indexOf("-->", at + 4);
    const end = close === -1 ? text.length : close;
    found.push({ at, inner: text.slice(at + 4, Math.min(end, at + LONGEST_COMMENT)).trim() });
    at = text.indexOf("<!--", end);
  }
  return found;
}

function linkComments(text: string): readonly Comment[] {
  return Array.from(text.matchAll(LINK_COMMENT), (match) => ({ at: match.index, inner: (match[1] ?? "").trim() }));
}
