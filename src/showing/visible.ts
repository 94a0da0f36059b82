/**
 * Text as a human can trust it: what would be invisible, would move the cursor, would reverse the order or would pass
 * for another character is shown as its code point, `‹U+202E›` (SHOWN-SIGNED-RUN; Boucher and Anderson, "Trojan Source", 2021;
 * Unicode TR36, TR39). Plain text comes out as it is.
 */

/** Controls, formats, separators, surrogates, private use, unassigned, and whatever a font may draw as nothing. */
const INVISIBLE = /^[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]$/u;
/** Every space but U+0020. */
const ODD_SPACE = /^(?! )\p{Zs}$/u;
const MARK = /^\p{M}$/u;
const LETTER = /^\p{L}$/u;
/** Scripts with letters that pass for Latin ones. */
const LATIN_LIKE = /^[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Georgian}]$/u;
/** Letters of those scripts that are drawn like a Latin letter or digit. A word made of them alone is a disguise. */
const TWINS = new Set("аеорсухіјѕԁһӏԛԝвкмнтАВЕКМНОРСТУХІЈЅԌԚԜЗοΑΒΕΖΗΙΚΜΝΟΡΤΥΧνρυιոսօքցհնՍՏՕ");
/** Scripts in everyday use (Unicode UAX 31, table 5). Letters of others spell Latin words in Cherokee, Lisu or Coptic, and few readers know them. */
const EVERYDAY =
  /^[\p{scx=Latin}\p{scx=Cyrillic}\p{scx=Greek}\p{scx=Armenian}\p{scx=Georgian}\p{scx=Hebrew}\p{scx=Arabic}\p{scx=Thaana}\p{scx=Deva}\p{scx=Beng}\p{scx=Guru}\p{scx=Gujr}\p{scx=Orya}\p{scx=Taml}\p{scx=Telu}\p{scx=Knda}\p{scx=Mlym}\p{scx=Sinh}\p{scx=Thai}\p{scx=Laoo}\p{scx=Tibt}\p{scx=Mymr}\p{scx=Khmr}\p{scx=Ethi}\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Hang}\p{scx=Common}\p{scx=Inherited}]$/u;
/** Scripts whose letters stand among Latin ones in everyday text. */
const AMONG_LATIN = /^[\p{Script=Latin}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}ー々]$/u;
/** Of those, strokes that are drawn like ASCII punctuation or a letter. */
const STROKES = new Set("ノ丿丶丨亅一〇ㅣㅡㅇ口ロ工エ二ニ");
/** Signs that stand among ASCII and pass for nothing in it. Pictures do too, but for parts that join with their neighbours. */
const SIGNS = /^(?![\p{Regional_Indicator}\p{Emoji_Modifier}])[¡¿«»§©®°±€£¥¢→←↑↓✓\p{Emoji_Presentation}]$/u;
/** Parts of pictures and of Korean syllables that turn their neighbour into another one. */
const JOINING = /^[\p{Regional_Indicator}\p{Emoji_Modifier}\u1160-\u11ff\ud7b0-\ud7fb]$/u;
/** Punctuation drawn like ASCII punctuation, our own code point brackets, and our newline and gutter signs. */
const DISGUISED = new Set("⁄∕⧸╱⼃〳∖⧵﹨꞉∶˸։׃‐‑‒–—―−˗‘’‚‛′ʹʻʼ“”„‟″ǃ‼⁎∗٭۔․。｡，‚‹›│┊␠");
/** Latin letters without an ASCII base that are ordinary in a language's own words. */
const ORDINARY_LATIN = new Set("ßẞøØæÆœŒłŁđĐþÞðÐŋŊħĦŧŦ");

/** One code point as `‹U+202E›`, at least four hex digits. */
export function showCodePoint(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `‹U+${code.toString(16).toUpperCase().padStart(4, "0")}›`;
}

/**
 * Shows one line or many; newlines become `‹U+000A›` without a break. Never returns a character that moves a cursor.
 * Longer than its input at most by a factor of nine.
 */
export function makeVisible(text: string): string {
  const shown = text
    .split(/(\s+)/u)
    .map((token, index) => (index % 2 === 0 ? showToken(token) : showSpaces(token)))
    .join("");
  // Counted, since an expression for them takes the square of the length of any other run of spaces.
  let end = shown.length;
  while (shown[end - 1] === " ") end -= 1;
  return shown.slice(0, end) + "‹U+0020›".repeat(shown.length - end);
}

function showSpaces(spaces: string): string {
  return Array.from(spaces, (space) => (space === " " ? space : showCodePoint(space))).join("");
}

/** A token is what stands between spaces: an address or a path is judged as a whole. */
function showToken(token: string): string {
  if (/^[\x21-\x7e]*$/u.test(token)) return token;
  const characters = Array.from(token);
  const letters = characters.filter((character) => LETTER.test(character));
  const around = {
    // Without a letter it is signs and digits, which are read as ASCII as soon as they look like it.
    ascii: letters.length === 0 || characters.some((character) => /^[A-Za-z0-9]$/u.test(character)),
    disguise: letters.length > 0 && letters.every((letter) => TWINS.has(letter)),
  };
  let before = { cluster: "", marks: 0, hidden: true };
  return characters
    .map((character) => {
      const marks = MARK.test(character) ? before.marks + 1 : 0;
      // A mark draws over what is before it: over one letter, at most two of them.
      const loose = marks > 0 && (marks > 2 || before.hidden || !/^\p{L}/u.test(before.cluster));
      const hidden = loose || joins(before.cluster, character) || isHidden(character, around);
      before = { cluster: marks > 0 ? before.cluster + character : character, marks, hidden };
      return hidden ? showCodePoint(character) : character;
    })
    .join("");
}

function isHidden(character: string, token: { readonly ascii: boolean; readonly disguise: boolean }): boolean {
  if (character > "\x20" && character < "\x7f") return false;
  return (
    INVISIBLE.test(character) ||
    ODD_SPACE.test(character) ||
    DISGUISED.has(character) ||
    JOINING.test(character) ||
    !EVERYDAY.test(character) ||
    isCompatibilityForm(character) ||
    (token.disguise && LATIN_LIKE.test(character)) ||
    (token.ascii && !isAtHomeInAscii(character))
  );
}

/**
 * Whether a character and what is before it, a letter with its marks, have another spelling (Unicode TR15), as a letter and the
 * accent over it: both are drawn alike, and a file of each name can lie in one folder.
 */
function joins(before: string, character: string): boolean {
  const both = before + character;
  return character > "\x7e" && both.normalize("NFC") !== both;
}

/** Whether a character may stand beside ASCII letters and digits, or beside no letter at all, and be taken for itself. */
function isAtHomeInAscii(character: string): boolean {
  if (!LETTER.test(character)) return SIGNS.test(character);
  return AMONG_LATIN.test(character) && !STROKES.has(character) && !isOddLatin(character);
}

/** Full-width, mathematical, circled, ligature: a character whose compatibility form (NFKC) is another with ASCII in it. */
function isCompatibilityForm(character: string): boolean {
  if (character <= "\x7e") return false;
  const plain = character.normalize("NFKC");
  return plain !== character && /[\x21-\x7e]/u.test(plain) && plain.normalize("NFD") !== character.normalize("NFD");
}

/** A Latin letter that is neither ASCII, nor an accented ASCII letter, nor ordinary: dotless i, script g, small capitals. */
function isOddLatin(character: string): boolean {
  return (
    /^\p{Script=Latin}$/u.test(character) &&
    character > "\x7e" &&
    !ORDINARY_LATIN.has(character) &&
    !/^[A-Za-z]/u.test(character.normalize("NFD"))
  );
}
