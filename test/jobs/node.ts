import { type Job, WAIT_FOR } from "./job.ts";

const TS_PROJECT = {
  "package.json": '{ "name": "project", "version": "1.0.0", "type": "module" }\n',
  "tsconfig.json":
    '{ "compilerOptions": { "strict": true, "outDir": "dist", "rootDir": "src", "module": "nodenext", "target": "es2022", "types": [], "declaration": true }, "include": ["src"] }\n',
  "src/add.ts": "export function add(a: number, b: number): number {\n  return a + b;\n}\n",
};

/** Node, npm and what comes from it. The substrate's own Node runs them, as `aios run -- node` would. */
export const NODE_JOBS: readonly Job[] = [
  {
    name: "npm: install from a registry through the broker, with a scope and a dependency",
    quick: true,
    needs: ["npm"],
    files: { "package.json": '{ "name": "project", "version": "1.0.0", "dependencies": { "left": "^1.0.0" } }\n' },
    network: [
      { service: "registry", methods: ["GET", "HEAD"] },
      { service: "registry", methods: ["POST"] },
    ],
    script: `
      npm install --registry "$REGISTRY" > "$HOME/said" 2>&1 || cat "$HOME/said" "$HOME"/.npm/_logs/*
      grep -c "added 2 packages" "$HOME/said"
      node -e 'console.log(require("left")("x"))'
      test -f package-lock.json && npm ci --registry "$REGISTRY" --no-audit --no-fund | head -n 3 | grep -c "added 2"`,
    prints: "1\nleft of right of x\n1",
    leaves: { "node_modules/@scope/right/package.json": /"name": ?"@scope\/right"/, "package-lock.json": /sha512-/ },
  },
  {
    name: "npm: scripts, with before and after",
    quick: true,
    needs: ["npm"],
    files: {
      "package.json":
        '{ "name": "p", "version": "1.0.0", "scripts": { "prebuild": "echo pre", "build": "node build.js", "postbuild": "echo post", "all": "npm run -s build && echo all" } }\n',
      "build.js":
        'require("node:fs").writeFileSync("out.txt", "built\\n"); console.log("build", process.env.npm_lifecycle_event);\n',
    },
    script: "npm run -s all",
    prints: "pre\nbuild build\npost\nall",
    leaves: { "out.txt": "built\n" },
  },
  {
    name: "npm: pack and install the tarball",
    quick: false,
    needs: ["npm"],
    files: {
      "lib/package.json": '{ "name": "lib", "version": "1.2.3", "main": "i.js" }\n',
      "lib/i.js": "module.exports = 'lib';\n",
      "package.json": '{ "name": "p", "version": "1.0.0" }\n',
    },
    script: `
      (cd lib && npm pack -s)
      npm install -s --offline --no-audit ./lib/lib-1.2.3.tgz
      node -e 'console.log(require("lib"))'`,
    prints: "lib-1.2.3.tgz\nlib",
  },
  {
    name: "tsc: build a project, and say what is wrong with another",
    quick: true,
    packages: ["typescript"],
    files: { ...TS_PROJECT, "bad/bad.ts": "export const n: number = 'text';\n" },
    script: `
      tsc -p . && node -e 'import("./dist/add.js").then((m) => console.log(m.add(1, 2)))'
      tsc --noEmit --strict --ignoreConfig bad/bad.ts | grep -o 'error TS[0-9]*'`,
    prints: "3\nerror TS2322",
    leaves: { "dist/add.d.ts": /add\(a: number/ },
  },
  {
    name: "vitest: a suite that passes and one that fails",
    quick: true,
    packages: ["vitest", "vite"],
    files: {
      ...TS_PROJECT,
      "src/add.test.ts":
        'import { expect, test } from "vitest";\nimport { add } from "./add.ts";\ntest("adds", () => expect(add(1, 2)).toBe(3));\n',
      "other/fails.test.ts": 'import { expect, test } from "vitest";\ntest("fails", () => expect(1).toBe(2));\n',
    },
    script: `
      NO_COLOR=1 vitest run src > /tmp/out || cat /tmp/out
      grep -o 'Tests  1 passed' /tmp/out
      vitest run other > /tmp/out 2>&1 || echo "failed as it must"`,
    prints: "Tests  1 passed\nfailed as it must",
  },
  {
    name: "oxlint and prettier: find a fault and format",
    quick: true,
    packages: ["oxlint", "prettier"],
    files: { "bad.js": "var  x=1\nif (x = 2) { debugger }\n" },
    script: `
      oxlint bad.js > /tmp/out || true; grep -c debugger /tmp/out
      prettier --write bad.js > /dev/null && cat bad.js`,
    prints: /^\d+\nvar x = 1;\nif \(\(x = 2\)\) \{\n {2}debugger;\n\}$/,
  },
  {
    name: "node: watch mode starts a program again",
    quick: true,
    files: { "w.js": 'console.log("run", 1);\n' },
    script: `
      ${WAIT_FOR}
      node --watch w.js > /tmp/log 2>&1 & watcher=$!
      wait_for /tmp/log "run 1"
      sleep 0.3; echo 'console.log("run", 2);' > w.js
      wait_for /tmp/log "run 2"
      kill $watcher; echo again`,
    prints: "again",
  },
  {
    name: "node: a dev server and its client, both inside",
    quick: true,
    files: {
      "server.js":
        'require("node:http").createServer((q, s) => s.end("hello " + q.url)).listen(5173, "127.0.0.1", () => require("node:fs").writeFileSync("/tmp/up", "up"));\n',
    },
    script: `
      ${WAIT_FOR}
      node server.js & server=$!
      wait_for /tmp/up up
      curl -s http://127.0.0.1:5173/curl; echo
      curl -s http://localhost:5173/name; echo
      node -e 'fetch("http://localhost:5173/fetch").then((r) => r.text()).then(console.log)'
      kill $server`,
    prints: "hello /curl\nhello /name\nhello /fetch",
  },
  {
    name: "node: a dev server beside a granted service of this machine",
    quick: true,
    files: {
      "server.js":
        'require("node:http").createServer((q, s) => s.end("own " + q.url)).listen(5174, "127.0.0.1", () => require("node:fs").writeFileSync("/tmp/up", "up"));\n',
    },
    network: [{ service: "api", methods: ["GET"] }],
    script: `
      ${WAIT_FOR}
      node server.js & server=$!
      wait_for /tmp/up up
      curl -s http://127.0.0.1:5174/a; echo
      curl -s "$API/b"; echo
      kill $server`,
    prints: "own /a\napi GET /b",
  },
  {
    name: "node: cluster, worker threads and child processes",
    quick: true,
    files: {
      "cluster.js": `
        const cluster = require("node:cluster"), http = require("node:http");
        if (cluster.isPrimary) {
          let up = 0, seen = new Set();
          for (let i = 0; i < 3; i++) cluster.fork();
          cluster.on("listening", async () => {
            if (++up < 3) return;
            for (let i = 0; i < 30; i++) seen.add(await (await fetch("http://127.0.0.1:5175", { headers: { connection: "close" } })).text());
            console.log("workers", seen.size);
            for (const w of Object.values(cluster.workers)) w.kill();
          });
        } else http.createServer((q, s) => s.end(String(process.pid))).listen(5175, "127.0.0.1");
      `,
      "threads.js": `
        const { Worker, isMainThread, parentPort, workerData } = require("node:worker_threads");
        if (isMainThread) Promise.all([1, 2, 3, 4].map((n) => new Promise((done) => new Worker(__filename, { workerData: n }).once("message", done)))).then((all) => console.log("threads", all.reduce((a, b) => a + b)));
        else parentPort.postMessage(workerData * workerData);
      `,
      "children.js": `
        const { execFile, fork, spawnSync } = require("node:child_process");
        if (process.argv[2] === "child") process.send("from child", () => process.exit());
        else {
          console.log(spawnSync("sh", ["-c", "echo $((6*7))"], { encoding: "utf8" }).stdout.trim());
          fork(__filename, ["child"]).on("message", (text) => console.log(text));
        }
      `,
    },
    script: "node cluster.js; node threads.js; node children.js",
    prints: "workers 3\nthreads 30\n42\nfrom child",
  },
];
