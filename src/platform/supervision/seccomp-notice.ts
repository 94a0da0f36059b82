import { bindFunction, checkCall, errnoOf, lastErrno } from "../libc.ts";

// linux/seccomp.h
const NOTIF_RECV = 0xc050_2100;
const NOTIF_SEND = 0xc018_2101;
const NOTIF_ID_VALID = 0x4008_2102;
const NOTIF_ADDFD = 0x4018_2103;
const ADDFD_FLAG_SEND = 2;
const O_CLOEXEC = 0o2_000_000;
const NOTIF_BYTES = 80;
const RESPONSE_BYTES = 24;
const FLAG_CONTINUE = 1;

const ioctl = bindFunction<[number, number, Buffer]>("int ioctl(int, unsigned long, void *)");

/** A call that waits for an answer (`struct seccomp_notif`). */
export interface PendingCall {
  readonly id: bigint;
  /** Host id of the thread. */
  readonly pid: number;
  readonly number: number;
  /** `AUDIT_ARCH_…` of the door that it came by (`linux/audit.h`). */
  readonly architecture: number;
  /** The first five arguments. */
  readonly arguments: readonly [bigint, bigint, bigint, bigint, bigint];
}

const received = Buffer.alloc(NOTIF_BYTES);
const response = Buffer.alloc(RESPONSE_BYTES);

/** Takes the next call from a listener that poll says is ready; null when its thread was killed meanwhile. */
export function receiveCall(listener: number): PendingCall | null {
  received.fill(0);
  const result = ioctl(listener, NOTIF_RECV, received);
  if (result < 0 && (lastErrno() === errnoOf("ENOENT") || lastErrno() === errnoOf("EINTR"))) return null;
  checkCall("take a call from a listener", result);
  return {
    id: received.readBigUInt64LE(0),
    pid: received.readUInt32LE(8),
    number: received.readInt32LE(16),
    architecture: received.readUInt32LE(20),
    arguments: [
      received.readBigUInt64LE(32),
      received.readBigUInt64LE(40),
      received.readBigUInt64LE(48),
      received.readBigUInt64LE(56),
      received.readBigUInt64LE(64),
    ],
  };
}

/**
 * Answers a call: it goes on in the kernel, with whatever its memory holds by then; or fails with an error number and
 * does nothing; or was done on its behalf, and returns 0 or the value. False when its thread was killed meanwhile: its id may be another process's by now, so what was read under
 * it before is nothing to go by.
 */
export function answerCall(
  listener: number,
  call: PendingCall,
  answer: "continue" | "done" | { readonly errno: number } | { readonly value: number },
): boolean {
  response.fill(0);
  response.writeBigUInt64LE(call.id, 0);
  if (answer === "continue") response.writeUInt32LE(FLAG_CONTINUE, 20);
  else if (answer !== "done" && "errno" in answer) response.writeInt32LE(-answer.errno, 16);
  else if (answer !== "done") response.writeBigInt64LE(BigInt(answer.value), 8);
  const result = ioctl(listener, NOTIF_SEND, response);
  if (result < 0 && lastErrno() === errnoOf("ENOENT")) return false;
  checkCall("answer a call", result);
  return true;
}

/**
 * Answers a call with a descriptor: the caller gets a copy of `fd` under its lowest free number, which the call returns.
 * False when its thread was killed meanwhile. Throws `system-call`; when the caller can have no more descriptors, it is told.
 */
export function answerWithDescriptor(
  listener: number,
  call: PendingCall,
  { fd, closeOnExec }: { readonly fd: number; readonly closeOnExec: boolean },
): boolean {
  const add = Buffer.alloc(24); // struct seccomp_notif_addfd { id, flags, srcfd, newfd, newfd_flags }
  add.writeBigUInt64LE(call.id, 0);
  add.writeUInt32LE(ADDFD_FLAG_SEND, 8);
  add.writeUInt32LE(fd, 12);
  add.writeUInt32LE(closeOnExec ? O_CLOEXEC : 0, 20);
  const result = ioctl(listener, NOTIF_ADDFD, add);
  if (result >= 0) return true;
  if (lastErrno() === errnoOf("ENOENT")) return false;
  if (lastErrno() === errnoOf("EMFILE")) return answerCall(listener, call, { errno: errnoOf("EMFILE") });
  checkCall("answer a call with a descriptor", result);
  return true;
}

/** Whether the thread still waits, so that what was read under its id before was its own. */
export function isPending(listener: number, call: PendingCall): boolean {
  const id = Buffer.alloc(8);
  id.writeBigUInt64LE(call.id);
  return ioctl(listener, NOTIF_ID_VALID, id) >= 0;
}
