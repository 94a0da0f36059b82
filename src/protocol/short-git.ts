import { GIT_DRIVER, isGitPath, parseGitOrigin, type GitPlace } from "../kernel/git-ssh.ts";
import type { Allow } from "../kernel/grant.ts";
import { boolean, list, names, object, refine, text, transform, type Decoder } from "./decode.ts";

/** One repository, or a folder of them, as people write it. */
export interface ShortRepository {
  /** `ssh://user@host/path`, with `:port` where it is not 22: that path and what is below it. */
  readonly to: string;
  /** Refs that may be pushed: each and what is below it (`refs/heads/agent`); none: it is fetched from only. */
  readonly push: readonly string[];
  /** Whether a push may remove those refs. */
  readonly remove: boolean;
}

const ref = refine(text({ max: 300, pattern: /^refs(?:\/[!-~]+)$/, is: "a ref" }), (written) =>
  isGitPath(`/${written}`) ? null : "is not a ref or a folder of refs in full, such as refs/heads/agent",
);

const written: Decoder<ShortRepository> = object<ShortRepository>(
  {
    to: text({ max: 600, pattern: /^[!-~]+$/, is: "the address of a repository" }),
    push: names(ref, { max: 64 }),
    remove: boolean(),
  },
  { defaults: { push: [], remove: false } },
);

/** Reads the repositories of a short grant. */
export const GIT: Decoder<readonly ShortRepository[]> = list(
  transform(written, (repository, refusal) => {
    if (parseRepository(repository.to) === null)
      return refusal.because("is not ssh://user@host/path, with a port where it is not 22").at("to");
    if (repository.remove && repository.push.length === 0)
      return refusal.because("is for refs that may be pushed").at("remove");
    return repository;
  }),
  { max: 64 },
);

/** What a repository means in a grant. Whoever may push may look what is there before. */
export function gitAllows({ to, push, remove }: ShortRepository): readonly Allow[] {
  const { host, port, user, path } = parseRepository(to) ?? unreadable(to);
  const where = { host: { equals: host }, port: { equals: port }, user: { equals: user }, path: { under: path } };
  const fetch: Allow = { what: `${GIT_DRIVER}/fetch`, where };
  if (push.length === 0) return [fetch];
  const pushes = push.flatMap((each) =>
    (remove ? [false, true] : [false]).map((removes): Allow => {
      const more = { ref: { under: `/${each}` }, removes: { equals: removes } };
      return { what: `${GIT_DRIVER}/push`, where: { ...where, ...more } };
    }),
  );
  return [fetch, { what: `${GIT_DRIVER}/refs`, where }, ...pushes];
}

/** Takes the address of a repository apart; null for every spelling but the one. */
function parseRepository(address: string): (GitPlace & { readonly path: string }) | null {
  const [, origin = "", path = ""] = /^(ssh:\/\/[^/]+)(\/.*)$/.exec(address) ?? [];
  const place = parseGitOrigin(origin);
  return place === null || !isGitPath(path) ? null : { ...place, path };
}

function unreadable(words: string): never {
  throw new TypeError(`not decoded: ${words}`);
}
