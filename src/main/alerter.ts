/**
 * Sends one alert: a POST of a few words of JSON to one address.
 *
 *     alerter.ts SCHEME HOST PORT PATH REACH BODY
 *
 * REACH is the class of addresses that the host may lead to, `loopback` or `public`. It follows no redirect and reads no
 * more of the answer than its status; anything but a 2xx is a failure, said on standard error.
 */
import { lookup } from "node:dns/promises";
import { DestinationAgent } from "../platform/broker-connect.ts";
import { request } from "../platform/node-http.ts";

const [, , scheme, host = "", port, path = "/", reach, body = ""] = process.argv;

function end(why: string): never {
  process.stderr.write(`aios alerter: ${why}\n`);
  process.exit(1);
}

if ((scheme !== "http" && scheme !== "https") || (reach !== "loopback" && reach !== "public")) end("wrong arguments");
const agent = new DestinationAgent(
  { scheme, host, port: Number(port), reach },
  { resolve: (name) => lookup(name.replace(/^\[(.*)\]$/, "$1"), { all: true, verbatim: true }), authorities: null },
);
const headers = {
  host: `${host}:${port}`,
  "content-type": "application/json",
  "content-length": Buffer.byteLength(body),
};
const sent = request({ agent, method: "POST", path, headers, setHost: false }, (response) => {
  const { statusCode = 0 } = response;
  response.destroy();
  if (statusCode >= 200 && statusCode < 300) process.exit(0);
  end(`the receiver answered ${statusCode}`);
});
sent.on("error", (error) => end(error.message));
sent.end(body);
