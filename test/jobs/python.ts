import type { Job } from "./job.ts";

/** Python of the system, its modules, and a virtual environment. */
export const PYTHON_JOBS: readonly Job[] = [
  {
    name: "python: a virtual environment and a local wheel",
    quick: false,
    needs: ["python3"],
    before: `
      mkdir -p wheel/hello-1.0.dist-info && cd wheel
      echo 'def hi(): return "hello from a wheel"' > hello.py
      printf 'Metadata-Version: 2.1\\nName: hello\\nVersion: 1.0\\n' > hello-1.0.dist-info/METADATA
      printf 'Wheel-Version: 1.0\\nGenerator: hand\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n' > hello-1.0.dist-info/WHEEL
      printf 'hello.py,,\\nhello-1.0.dist-info/METADATA,,\\nhello-1.0.dist-info/WHEEL,,\\nhello-1.0.dist-info/RECORD,,\\n' > hello-1.0.dist-info/RECORD
      /usr/bin/python3 -c 'import zipfile,os
z=zipfile.ZipFile("../hello-1.0-py3-none-any.whl","w")
[z.write(os.path.join(d,f)) for d,_,fs in os.walk(".") for f in fs]
z.close()'`,
    script: `
      python3 -m venv env
      . env/bin/activate
      pip install -q --disable-pip-version-check --no-index ./hello-1.0-py3-none-any.whl
      python -c 'import hello, sys; print(hello.hi()); print(sys.prefix)'`,
    prints: "hello from a wheel\n/workspace/env",
  },
  {
    name: "python: unittest, multiprocessing, threads and a temporary file",
    quick: true,
    needs: ["python3"],
    files: {
      "test_all.py": `
import multiprocessing, tempfile, threading, unittest

def square(n):
    return n * n

class All(unittest.TestCase):
    def test_pool(self):
        with multiprocessing.Pool(2) as pool:
            self.assertEqual(sum(pool.map(square, range(10))), 285)
    def test_threads(self):
        got = []
        threads = [threading.Thread(target=got.append, args=(n,)) for n in range(8)]
        [t.start() for t in threads]; [t.join() for t in threads]
        self.assertEqual(sorted(got), list(range(8)))
    def test_file(self):
        with tempfile.NamedTemporaryFile() as f:
            f.write(b"x"); f.flush()
            self.assertEqual(open(f.name, "rb").read(), b"x")
`,
    },
    script: "python3 -m unittest -q 2>&1 | tail -n1; ls",
    prints: /^OK\n__pycache__\ntest_all\.py$/,
  },
  {
    name: "sqlite: a database in the workspace, with a write-ahead log, by module and by program",
    quick: true,
    needs: ["python3", "sqlite3"],
    files: {
      "db.py": `
import sqlite3, threading
db = sqlite3.connect("data.db"); print(db.execute("pragma journal_mode=wal").fetchone()[0])
db.execute("create table t(n int)"); db.commit()
def write(start):
    c = sqlite3.connect("data.db", timeout=10)
    for n in range(start, start + 50):
        c.execute("insert into t values(?)", (n,)); c.commit()
threads = [threading.Thread(target=write, args=(s,)) for s in (0, 50)]
[t.start() for t in threads]; [t.join() for t in threads]
print(db.execute("select count(*), sum(n) from t").fetchone())
`,
    },
    script: `python3 db.py; sqlite3 data.db "vacuum; select max(n) from t;"`,
    prints: "wal\n(100, 4950)\n99",
    leaves: { "data.db": /^SQLite format 3/ },
  },
  {
    name: "python: pip install from an index that was not granted fails plainly",
    quick: false,
    needs: ["python3"],
    script: `
      python3 -m venv env
      env/bin/pip install -q --disable-pip-version-check --retries 0 requests 2>&1 | grep -c "No matching distribution" || true`,
    prints: "1",
  },
];
