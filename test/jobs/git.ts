import type { Job } from "./job.ts";

const WHO = "git config user.name dev && git config user.email dev@example.com";
const WHO_ENV =
  "export GIT_AUTHOR_NAME=dev GIT_AUTHOR_EMAIL=dev@example.com GIT_COMMITTER_NAME=dev GIT_COMMITTER_EMAIL=dev@example.com";
/** A repository that the person had already, with one commit on `main`. */
const REPOSITORY = `git init -q -b main . && ${WHO} && echo one > a.txt && git add . && git commit -qm first`;

/** Git in a repository that was there before, and in ones that the agent makes. */
export const GIT_JOBS: readonly Job[] = [
  {
    name: "git: branch, commit and merge in an existing repository",
    quick: true,
    before: REPOSITORY,
    script: `
      git switch -qc feature
      echo two >> a.txt; mkdir -p src; echo three > src/b.txt
      git add -A && git commit -qm second
      git switch -q main && echo four > c.txt && git add c.txt && git commit -qm third
      git merge -q --no-edit feature
      git branch -d -q feature
      git log --oneline | wc -l; git status --porcelain | wc -l`,
    prints: /^4\s+0$/,
    leaves: { "src/b.txt": "three\n", "a.txt": "one\ntwo\n" },
  },
  {
    name: "git: rebase, amend and stash",
    quick: true,
    open: [".git"],
    before: REPOSITORY,
    script: `
      git switch -qc feature && echo f > f.txt && git add . && git commit -qm feature
      git switch -q main && echo m > m.txt && git add . && git commit -qm main
      git switch -q feature && git rebase -q main
      git commit -q --amend -m "feature, amended"
      echo dirty >> a.txt && git stash -q && cat a.txt && git stash pop -q && tail -n1 a.txt
      git log --format=%s | head -n2`,
    prints: "one\ndirty\nfeature, amended\nmain",
  },
  {
    name: "git: tags, diff, blame, grep, gc and a bisect",
    quick: false,
    before: REPOSITORY,
    script: `
      for n in 1 2 3 4 5 6; do echo $n > n.txt; git add . ; git commit -qm "n $n"; done
      git tag -a v1 -m v1 && git describe
      git diff --stat HEAD~1 | tail -n1
      git blame -s n.txt | wc -l
      git grep -c 6
      git bisect start HEAD HEAD~6 > /dev/null && git bisect run sh -c '[ "$(cat n.txt)" -lt 4 ]' | grep -c "is the first bad commit"
      git bisect reset > /dev/null 2>&1 && git gc -q && git fsck 2>&1 | wc -l`,
    prints: "v1\n 1 file changed, 1 insertion(+), 1 deletion(-)\n1\nn.txt:1\n1\n0",
  },
  {
    name: "git: clone of a local repository, push back to it",
    quick: true,
    open: [".git"],
    before: `mkdir up && cd up && ${REPOSITORY} && git config receive.denyCurrentBranch updateInstead`,
    script: `
      ${WHO_ENV}
      git clone -q up copy && cd copy
      echo two > b.txt && git add . && git commit -qm second && git push -q origin main
      cd ../up && git log --format=%s && cat b.txt`,
    prints: "second\nfirst\ntwo",
    leaves: { "copy/b.txt": "two\n", "up/b.txt": "two\n" },
  },
  {
    name: "git: clone into a private folder, fetch and pull",
    quick: true,
    before: REPOSITORY,
    script: `
      git clone -q /workspace /tmp/copy
      echo two > a.txt && git commit -qam second
      cd /tmp/copy && git pull -q && git log --format=%s`,
    prints: "second\nfirst",
  },
  {
    name: "git: worktrees",
    quick: true,
    open: [".git"],
    before: `mkdir main && cd main && ${REPOSITORY}`,
    script: `
      cd main && git worktree add -q ../side -b side && cd ../side
      echo side > s.txt && git add . && git commit -qm side
      cd ../main && git merge -q --ff-only side && cat s.txt
      git worktree list | wc -l
      git worktree remove ../side && git worktree list | wc -l`,
    prints: /^side\s+2\s+1$/,
    leaves: { "main/s.txt": "side\n" },
  },
  {
    name: "git: no new repository where .git is not opened",
    quick: true,
    script: `git init -q . 2>&1 | grep -c denied; ls -a | grep -c git || true`,
    prints: /^1\s+0$/,
  },
  {
    name: "git: a new repository",
    quick: true,
    open: [".git"],
    script: `${WHO_ENV}; git init -q -b main . && echo x > x && git add x && git commit -qm first && git log --format=%s`,
    prints: "first",
  },
];
