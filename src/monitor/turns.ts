/** Does one piece of work after the other, in the order in which they came; one that fails keeps none back. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

/** Makes a queue of its own. */
export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };
}
