/** The log holds something that no honest monitor writes; the monitor must not start on it. */
export class StateFault extends Error {
  readonly code = "log-inconsistent";
  constructor(seq: number, why: string) {
    super(`Cannot take record ${seq} into the state: ${why}`);
  }
}
