import { readlinkSync } from "node:fs";
import { READING_EVENTS } from "../../sandbox/seccomp.ts";
import { closeAll } from "../channels/fd-passing.ts";
import { descriptorOf, toInt } from "./foreign-descriptor.ts";
import { readForeignPath } from "./foreign-memory.ts";
import { bindFunction, errnoOf, lastErrno } from "../libc.ts";
import { answerCall, isPending, type PendingCall } from "./seccomp-notice.ts";
import { openBeneath } from "../channels/socket-path.ts";

// sys/inotify.h
const IN_ALL_EVENTS = 0xfff;
const IN_DONT_FOLLOW = 0x0200_0000;

const addWatch = bindFunction<[number, string, number]>("int inotify_add_watch(int, const char *, uint32_t)");

/**
 * Makes a watch on files (inotify(7)) on behalf of a caller that asked to hear of opening and reading too, without these:
 * folders of the host would tell it which programs and files people use. What changes it hears of as it asked.
 * False: it wanted nothing else, and is not answered.
 */
export function takeWatch(listener: number, call: PendingCall): boolean {
  const { pid } = call;
  const fail = (errno: number): true => {
    answerCall(listener, call, { errno });
    return true;
  };
  const [descriptor, at, events] = call.arguments;
  const mask = Number(BigInt.asUintN(32, events)) & ~READING_EVENTS;
  if ((mask & IN_ALL_EVENTS) === 0) return false;
  const path = readForeignPath(pid, at);
  if (path === "fault") return fail(errnoOf("EFAULT"));
  if (path === "long") return fail(errnoOf("ENAMETOOLONG"));
  if (path.path === "") return fail(errnoOf("ENOENT"));
  const opened: number[] = [];
  try {
    const from = path.path.startsWith("/") ? path.path : `${readlinkSync(`/proc/${pid}/cwd`, "latin1")}/${path.path}`;
    const place = openBeneath(pid, from, (mask & IN_DONT_FOLLOW) !== 0);
    if ("errno" in place) return fail(place.errno);
    opened.push(place.fd);
    const queue = descriptorOf(pid, toInt(descriptor));
    if (queue < 0) return fail(-queue);
    opened.push(queue);
    // Only now is it certain that what was read and copied was the caller's, and of no process that has its id since.
    if (!isPending(listener, call)) return true;
    const watch = addWatch(queue, `/proc/self/fd/${place.fd}`, (mask & ~IN_DONT_FOLLOW) >>> 0);
    answerCall(listener, call, watch < 0 ? { errno: lastErrno() } : { value: watch });
    return true;
  } catch {
    return fail(errnoOf("EACCES")); // it is gone, or closed to us
  } finally {
    closeAll(opened);
  }
}
