import { BENIGN } from "./benign.ts";
import { BENIGN_KINDS } from "./benign-kinds.ts";
import type { MadeExtension } from "./extension.ts";
import { MALICIOUS_CODE } from "./malicious-code.ts";
import { MALICIOUS_KINDS } from "./malicious-kinds.ts";
import { MALICIOUS_WORDS } from "./malicious-words.ts";

/** What to expect of vetting: `flagged` for the malicious, not for the benign. */
export const CORPUS: readonly (MadeExtension & { readonly malicious: boolean })[] = [
  ...[...MALICIOUS_CODE, ...MALICIOUS_WORDS, ...MALICIOUS_KINDS].map((made) => ({ ...made, malicious: true })),
  ...[...BENIGN, ...BENIGN_KINDS].map((made) => ({ ...made, malicious: false })),
];
