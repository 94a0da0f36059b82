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
/** Scripts with letters that pass for Latin ones. */
const LATIN_LIKE =
  /^[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Coptic}\p{Script=Lisu}\p{Script=Deseret}\p{Script=Georgian}]$/u;
/** Letters of those scripts that are drawn like a Latin letter or digit. A word made of them alone is a disguise. */
const TWINS = new Set("аеорсухіјѕԁһӏԛԝвкмнтАВЕКМНОРСТУХІЈЅԌԚԜЗοΑΒΕΖΗΙΚΜΝΟΡΤΥΧνρυι");
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
  return text
    .split(/(\s+)/u)
    .map((token, index) => (index % 2 === 0 ? showToken(token) : showSpaces(token)))
    .join("")
    .replace(/ +$/u, (spaces) => "‹U+0020›".repeat(spaces.length));
}

function showSpaces(spaces: string): string {
  return Array.from(spaces, (space) => (space === " " ? space : showCodePoint(space))).join("");
}

/** A token is what stands between spaces: an address or a path is judged as a whole. */
function showToken(token: string): string {
  if (/^[\x21-\x7e]*$/u.test(token)) return token;
  const characters = Array.from(token);
  const letters = characters.filter((character) => /^\p{L}$/u.test(character));
  const mixed = characters.some((character) => /^[A-Za-z0-9]$/u.test(character));
  const disguise = letters.length > 0 && letters.every((letter) => TWINS.has(letter));
  let marks = 0;
  return characters
    .map((character) => {
      marks = MARK.test(character) ? marks + 1 : 0;
      const hidden =
        INVISIBLE.test(character) ||
        ODD_SPACE.test(character) ||
        DISGUISED.has(character) ||
        // A mark with nothing under it, or a stack of them, draws over its neighbours.
        (marks > 0 && (marks > 2 || mixed || token.startsWith(character))) ||
        isCompatibilityForm(character) ||
        ((mixed || disguise) && (LATIN_LIKE.test(character) || TWINS.has(character))) ||
        (mixed && isOddLatin(character));
      return hidden ? showCodePoint(character) : character;
    })
    .join("");
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
