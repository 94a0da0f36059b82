/** Something in a line that is not drawn, or that turns the order of what is drawn round. */
export interface Hidden {
  readonly why: string;
  /** What it spells, when it spells something. */
  readonly text: string | null;
}

const OVERRIDE = /[\u202d\u202e]/u;
const DIRECTION = /[\u202a-\u202c\u2066-\u2069]/u;
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
/** Without width and without use in any script that is written without spaces. */
const NO_WIDTH = /[\u200b\u2060-\u2064\u180e\u206a-\u206f\u3164\u115f\u1160\uffa0]/u;
const SPACELESS = /[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const JOINER = /[\u200c\u200d]/u;
/** After what a joiner joins: pictures, and letters of scripts that join. */
const JOINS =
  /[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f\p{Script=Arabic}\p{Script=Deva}\p{Script=Beng}\p{Script=Guru}\p{Script=Gujr}\p{Script=Orya}\p{Script=Taml}\p{Script=Telu}\p{Script=Knda}\p{Script=Mlym}\p{Script=Sinh}\p{Script=Syriac}\p{Script=Mongolian}\p{M}]/u;
const VARIATION = /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/u;
const TAG = /[\u{e0000}-\u{e007f}]/u;
/** A flag of a part of a country: a black flag, tags, the end tag (Unicode UTS 51). Six at most: none spells a sentence. */
const FLAG = /\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{1,6}\u{e007f}/gu;
const ANY =
  // oxlint-disable-next-line no-misleading-character-class -- each of them alone is what is looked for
  /[\u200b-\u200d\u2060-\u2064\u180e\u202a-\u202e\u2066-\u206f\u3164\u115f\u1160\uffa0\ufe00-\ufe0f\u{e0000}-\u{e01ef}]/u;

/**
 * Finds text that people do not see: bidirectional controls (Boucher and Anderson, "Trojan Source", 2021), characters without
 * width, Unicode tags and rows of variation selectors, in which whole sentences hide. Joiners in scripts and pictures that
 * need them, flags, and one selector after a sign are ordinary.
 */
export function findHidden(line: string): Hidden | null {
  if (!ANY.test(line)) return null;
  const text = line.replaceAll(FLAG, "");
  if (TAG.test(text)) return { why: "holds tag characters, which are not drawn", text: spellTags(text) };
  if (OVERRIDE.test(text) || (DIRECTION.test(text) && !RIGHT_TO_LEFT.test(text)))
    return { why: "turns the order of its characters round", text: null };
  const characters = Array.from(text);
  let loose = 0;
  for (const [at, character] of characters.entries()) {
    const before = characters[at - 1] ?? "";
    if (NO_WIDTH.test(character) && !SPACELESS.test(text)) loose += 2;
    else if (JOINER.test(character) && !JOINS.test(before)) loose += 1;
    else if (VARIATION.test(character) && VARIATION.test(before)) loose += 1;
  }
  return loose > 1 ? { why: "holds characters that are not drawn", text: spellSelectors(characters) } : null;
}

function spellTags(text: string): string {
  return Array.from(text, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code >= 0xe0020 && code < 0xe007f ? String.fromCharCode(code - 0xe0000) : "";
  }).join("");
}

/** Bytes that rows of variation selectors stand for (Butler, 2025), as Latin text; null when there are none. */
function spellSelectors(characters: readonly string[]): string | null {
  const bytes = characters.flatMap((character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xfe00 && code <= 0xfe0f) return [code - 0xfe00];
    return code >= 0xe0100 && code <= 0xe01ef ? [code - 0xe0100 + 16] : [];
  });
  return bytes.length > 3 ? String.fromCharCode(...bytes.slice(0, 4096)) : null;
}
