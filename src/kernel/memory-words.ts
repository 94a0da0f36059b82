/** Words of one text that are searched for at most; what lies behind them in a longer one is not found. */
const MOST_WORDS = 2000;
/** UTF-16 units of a word; of a longer one the beginning counts. */
const LONGEST = 64;
const WORD = /[\p{L}\p{N}\p{M}]+/gu;

/**
 * The words by which a text is found, each once: runs of letters and digits in one spelling (NFKC, lower case). A query
 * finds a text that has all of its words, whole and in any order.
 */
export function wordsOf(text: string): readonly string[] {
  const words = new Set<string>();
  for (const [word] of text.normalize("NFKC").toLowerCase().matchAll(WORD)) {
    words.add(word.slice(0, LONGEST));
    if (words.size === MOST_WORDS) break;
  }
  return [...words];
}
