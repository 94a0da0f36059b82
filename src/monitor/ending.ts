import type { Timer } from "../platform/powers.ts";

/** From the answer to who asks for the end until it begins, milliseconds: the answer goes out first. */
const ANSWER_MS = 50;

/** The end of a monitor, which comes once however often it is asked for. */
export interface Ending {
  /** Ends it; resolves when it has ended, whoever began that. */
  stop(why: string): Promise<void>;
  /** Ends it after the answer has gone out. Whether it was ending already. */
  asked(): boolean;
}

/** Makes it of what ends everything. */
export function createEnding(timer: Timer, end: (why: string) => Promise<void>): Ending {
  let ending: Promise<void> | null = null;
  return {
    stop: (why) => (ending ??= end(why)),
    asked() {
      const already = ending !== null;
      ending ??= new Promise<void>((answered) => void timer.after(ANSWER_MS, answered)).then(() => end("asked"));
      return already;
    },
  };
}
