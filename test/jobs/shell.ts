import { type Job, WAIT_FOR } from "./job.ts";

/** The shell and the small programs around it. */
export const SHELL_JOBS: readonly Job[] = [
  {
    name: "grep, find and xargs over a tree",
    quick: true,
    before: `for d in a b c; do mkdir -p $d/deep; for n in 1 2 3; do echo "TODO $d $n" > $d/deep/$n.txt; done; done`,
    script: `
      grep -rn TODO . | wc -l
      find . -name '*.txt' -newermt 2000-01-01 -print0 | xargs -0 -n2 -P2 grep -l "TODO b" | sort
      find . -type f -exec sed -i 's/TODO/DONE/' {} +
      grep -rc DONE a/deep/1.txt`,
    prints: /^9\s+\.\/b\/deep\/1\.txt\n\.\/b\/deep\/2\.txt\n\.\/b\/deep\/3\.txt\n1$/,
  },
  {
    name: "ripgrep over a tree, with what .gitignore leaves out",
    quick: false,
    needs: ["rg"],
    before: `mkdir -p a/deep .git && echo "TODO one" > a/deep/1.txt && echo "TODO two" > a/out.log && echo '*.log' > .gitignore`,
    script: "rg -n TODO .",
    prints: "./a/deep/1.txt:1:TODO one",
  },
  {
    name: "tar, gzip, xz and zip: round trips that keep modes, links and times",
    quick: true,
    needs: ["zip", "unzip", "xz"],
    before: `mkdir src && echo hello > src/a && chmod 750 src/a && ln -s a src/link && ln src/a src/hard && touch -d 2020-02-02T02:02:02Z src/a`,
    script: `
      for how in z J; do
        tar -c$how -f out.tar src && mkdir x && tar -x -f out.tar -C x
        stat -c '%a %h %Y' x/src/a; readlink x/src/link; rm -r x out.tar
      done
      zip -qry out.zip src && mkdir x && unzip -q out.zip -d x && cat x/src/a && readlink x/src/link`,
    prints: "750 2 1580608922\na\n750 2 1580608922\na\nhello\na",
  },
  {
    name: "many small files: made, listed, moved and removed",
    quick: true,
    script: `
      mkdir many && cd many
      seq 1 500 | xargs touch
      ls | wc -l
      mkdir sub && mv 4?? sub/ && ls sub | wc -l
      cd .. && cp -r many copy && rm -r many && find copy -type f | wc -l`,
    prints: /^500\s+100\s+500$/,
  },
  {
    name: "a farm of symbolic links, in and out of the folder",
    quick: true,
    before: `mkdir store && for n in 1 2 3; do mkdir -p store/p$n/bin && echo "echo p$n" > store/p$n/bin/p$n && chmod +x store/p$n/bin/p$n; done`,
    script: `
      mkdir -p links/bin && for n in 1 2 3; do ln -s ../../store/p$n/bin/p$n links/bin/p$n; done
      PATH="$PWD/links/bin:$PATH" sh -c 'p1; p2; p3'
      ln -sfn p2 links/bin/p1 && links/bin/p1
      ln -s /etc/shadow links/out && { cat links/out 2>/dev/null || echo "nothing behind it"; }
      readlink -f links/bin/p3`,
    prints: "p1\np2\np3\np2\nnothing behind it\n/workspace/store/p3/bin/p3",
  },
  {
    name: "file locks: flock and fcntl keep others out",
    quick: true,
    needs: ["flock", "python3"],
    files: {
      "lock.py": `
import fcntl, os
f = open("f.lock", "w"); fcntl.lockf(f, fcntl.LOCK_EX)
if os.fork() == 0:
    try:
        fcntl.lockf(open("f.lock", "w"), fcntl.LOCK_EX | fcntl.LOCK_NB); print("taken twice", flush=True)
    except OSError: print("kept out", flush=True)
    os._exit(0)
os.wait()
`,
    },
    script: `
      flock s.lock sh -c 'flock -n s.lock true || echo busy'
      flock -n s.lock echo free
      for n in 1 2 3 4; do (for i in 1 2 3 4 5; do flock c.lock sh -c 'echo $(( $(cat count 2>/dev/null || echo 0) + 1 )) > count.new && mv count.new count'; done) & done; wait
      cat count
      python3 lock.py`,
    prints: "busy\nfree\n20\nkept out",
  },
  {
    name: "pipelines, traps, job control and signals",
    quick: true,
    needs: ["bash"],
    script: `
      bash -euc '
        set -o pipefail -m
        seq 1 100000 | sort -rn | head -n1 || true
        sleep 30 & job=$!
        kill -STOP $job; until jobs -l | grep -q Stopped; do sleep 0.02; done; kill -CONT $job; kill -TERM $job; while kill -0 $job 2> /dev/null; do sleep 0.02; done; echo ended
        (trap "echo caught" USR1; kill -USR1 $BASHPID)
        cat <(echo from a pipe) <<< ignored
        coproc tr a-z A-Z; echo shout >&\${COPROC[1]}; exec {COPROC[1]}>&-; cat <&\${COPROC[0]}
        mkfifo /tmp/fifo; echo through > /tmp/fifo & cat /tmp/fifo
        timeout 0.2 sleep 5 || echo timeout $?'`,
    prints: "100000\nended\ncaught\nfrom a pipe\nSHOUT\nthrough\ntimeout 124",
  },
  {
    name: "long output: ten megabytes arrive whole",
    quick: true,
    script: `yes 'a line of some length that is printed very often' | head -c 10000000 | tee long.txt | cksum; wc -c < long.txt`,
    prints: /^\d+ 10000000\n10000000$/,
  },
  {
    name: "editors: a save by rename, a backup, a lock file, and a mapped write",
    quick: true,
    needs: ["python3"],
    files: {
      "a.txt": "old\n",
      "save.py": `
import mmap, os
os.link("a.txt", "a.txt~")
os.symlink("agent@aios.1", ".#a.txt")
fd = os.open("a.txt.tmp", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
os.write(fd, b"new text\\n"); os.fsync(fd); os.close(fd)
os.replace("a.txt.tmp", "a.txt"); os.unlink(".#a.txt")
with open("a.txt", "r+b") as f:
    m = mmap.mmap(f.fileno(), 0); m[0:3] = b"NEW"; m.flush(); m.close()
os.truncate("a.txt", 4)
d = os.open(".", os.O_RDONLY | os.O_DIRECTORY); os.fsync(d)
`,
    },
    script: `python3 save.py && cat a.txt a.txt~ && stat -c %a a.txt`,
    prints: "NEW old\n640",
    leaves: { "a.txt": "NEW ", "a.txt~": "old\n" },
  },
  {
    name: "curl: a granted service through the proxy, with methods, a body and a download",
    quick: true,
    needs: ["curl"],
    network: [
      { service: "api", methods: ["GET", "HEAD"] },
      { service: "api", methods: ["POST"] },
    ],
    script: `
      curl -sS "$API/list?a=b"; echo
      curl -sSI "$API/" | head -n1 | tr -d '\\r'
      curl -sS -d name=value "$API/form"; echo
      curl -sS -o big.bin "$API/big" && wc -c < big.bin
      curl -sS -o /dev/null -w '%{http_code}\\n' http://localhost:9/other`,
    denied: 1,
    prints: "api GET /list?a=b\nHTTP/1.1 200 OK\napi POST /form name=value\n3000000\n403",
  },
  {
    name: "watching a folder with inotify sees what another process does",
    quick: true,
    script: `
      ${WAIT_FOR}
      node -e 'const fs = require("node:fs"); fs.watch(".", { recursive: true }, (e, f) => { if (f && f.endsWith("new.txt")) { console.log("saw", f); process.exit(); } }); fs.writeFileSync("/tmp/ready", "ready"); setTimeout(() => process.exit(3), 8000)' > /tmp/out & watcher=$!
      wait_for /tmp/ready ready
      mkdir -p deep && sleep 0.2 && echo x > deep/new.txt
      wait $watcher && cat /tmp/out`,
    prints: "saw deep/new.txt",
  },
  {
    name: "text tools: sed, awk, sort, cut, diff and patch",
    quick: true,
    needs: ["patch"],
    files: { "t.csv": "b,2\na,1\nc,3\n" },
    script: `
      sort t.csv | awk -F, '{ s += $2; printf "%s=%s ", $1, $2 } END { print s }'
      sed 's/a/A/' t.csv > u.csv; diff -u t.csv u.csv > p.diff || true
      patch -s t.csv < p.diff && cut -d, -f1 t.csv | tr '\\n' ' '`,
    prints: "a=1 b=2 c=3 6\nb A c",
  },
];
