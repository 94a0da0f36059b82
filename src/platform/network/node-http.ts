import type http from "node:http";

/**
 * Node's HTTP, without all of it. An `import` from "node:http" reads each export, `WebSocket` among them, and so has a
 * whole second client compiled: 65 ms of processor time at the start of every process that speaks HTTP.
 */
const lazy: typeof http = process.getBuiltinModule("node:http");

export const Agent: typeof http.Agent = lazy.Agent;
export const createServer: typeof http.createServer = lazy.createServer;
export const request: typeof http.request = lazy.request;
