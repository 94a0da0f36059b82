/** Stands in for `showing/visible.ts` where its defence is off: nothing is made visible. */
export function makeVisible(text: string): string {
  return text;
}

/** As it comes. */
export function showCodePoint(character: string): string {
  return character;
}
