/** Why a log is refused, on its way to whoever asked; `at` is the first record that is wrong where one can be named. */
export class VerifyRefusal extends Error {
  readonly at: number | null;
  constructor(why: string, at: number | null = null) {
    super(why);
    this.at = at;
  }
}
