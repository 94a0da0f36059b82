/**
 * Starts another project's server for what OpenTelemetry sends over HTTP, as `scripts/fetch-agent.cjs otlp-server` put it
 * there: otlp-server.cjs PACKAGE_FOLDER STORE PORT. Says "ready" when it listens.
 */
"use strict";

const { createRequire } = require("node:module");
const { join } = require("node:path");

const [packages, store, port] = process.argv.slice(2);
const { startTelemetryServer, LocalFileTraceStore, LocalFileLogStore } = createRequire(join(packages, "package.json"))(
  "@genkit-ai/telemetry-server",
);
const roots = { storeRoot: store, indexRoot: store };
startTelemetryServer({
  port: Number(port),
  traceStore: new LocalFileTraceStore(roots),
  logStore: new LocalFileLogStore(roots),
}).then(() => process.stdout.write("ready\n"));
