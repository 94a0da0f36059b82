/** Longest pause between two looks, milliseconds. */
const LONGEST = 20;

/** Looks again and again, at first without a pause and then ever more seldom, until it finds something that is not null. */
export async function askUntilFound<T>(look: () => T | null): Promise<T> {
  for (let wait = 0; ; wait = Math.min(wait + 1, LONGEST)) {
    const found = look();
    if (found !== null) return found;
    await pause(wait);
  }
}

/** Resolves after so many milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
