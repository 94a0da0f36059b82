/** Number of single-character insertions, deletions and substitutions between two short words (Levenshtein 1965). */
function countEdits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substituted));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

/** The candidate that a mistyped word most likely meant, or null when none is close (more than a third of it differs). */
export function findNearest(word: string, candidates: readonly string[]): string | null {
  const bounded = word.slice(0, 64);
  let best: string | null = null;
  let bestEdits = Math.max(1, Math.floor(bounded.length / 3)) + 1;
  for (const candidate of candidates) {
    const edits = countEdits(bounded, candidate);
    if (edits < bestEdits) {
      best = candidate;
      bestEdits = edits;
    }
  }
  return best;
}
