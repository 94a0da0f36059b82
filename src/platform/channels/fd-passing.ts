import { closeSync } from "node:fs";
import { addressOf, bindFunction, checkCall, errnoOf, lastErrno } from "../libc.ts";
import { PlatformError } from "../platform-error.ts";

// asm-generic/socket.h, linux/socket.h
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CTRUNC = 0x8;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;

// struct msghdr, iovec and cmsghdr of 64-bit Linux.
const MSGHDR_BYTES = 56;
const IOVEC_BYTES = 16;
const CMSGHDR_BYTES = 16;
const FD_BYTES = 4;

const sendmsg = bindFunction<[number, Buffer, number]>("long sendmsg(int, void *, int)");
const recvmsg = bindFunction<[number, Buffer, number]>("long recvmsg(int, void *, int)");

/** Bytes and descriptors that came in one message. Whoever gets them closes the descriptors. */
export interface DescriptorMessage {
  readonly bytes: Buffer;
  readonly fds: readonly number[];
}

/**
 * Sends bytes with descriptors attached over a connected unix socket (unix(7), SCM_RIGHTS). The sender keeps its own.
 * Throws `system-call`, also when not all bytes went.
 */
export function sendMessage(socketFd: number, message: DescriptorMessage): void {
  const control = Buffer.alloc(CMSGHDR_BYTES + align(message.fds.length * FD_BYTES));
  control.writeBigUInt64LE(BigInt(CMSGHDR_BYTES + message.fds.length * FD_BYTES), 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  for (const [place, fd] of message.fds.entries()) control.writeInt32LE(fd, CMSGHDR_BYTES + place * FD_BYTES);
  const { header, iovec } = makeHeader(message.bytes, control);
  const sent = checkCall("send descriptors", sendmsg(socketFd, header, MSG_NOSIGNAL | MSG_DONTWAIT));
  keepAlive(iovec, control);
  if (sent !== message.bytes.length)
    throw new PlatformError("system-call", "Cannot send descriptors: they went in part");
}

/**
 * Receives at most `bytes` bytes and `fds` descriptors in one message, without waiting; null when nothing is there yet, no
 * bytes when the other end is closed, whether it had read what it was sent or not.
 * Received descriptors are closed on execve. More descriptors than asked for are closed at once and the message is
 * refused. Throws `system-call`.
 */
export function receiveMessage(socketFd: number, most: { bytes: number; fds: number }): DescriptorMessage | null {
  const bytes = Buffer.alloc(most.bytes);
  // Room for one descriptor too many, so that a flood shows; the kernel closes what does not fit (MSG_CTRUNC).
  const control = Buffer.alloc(CMSGHDR_BYTES + align((most.fds + 1) * FD_BYTES));
  const { header, iovec } = makeHeader(bytes, control);
  const got = recvmsg(socketFd, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0 && lastErrno() === errnoOf("EAGAIN")) return null;
  // What this end sent and nobody read is no fault of what this end is sent.
  if (got < 0 && lastErrno() === errnoOf("ECONNRESET")) return { bytes: Buffer.alloc(0), fds: [] };
  checkCall("receive descriptors", got);
  keepAlive(iovec, bytes);
  const fds = readDescriptors(control.subarray(0, Number(header.readBigUInt64LE(40))));
  if (fds.length > most.fds || (header.readInt32LE(48) & MSG_CTRUNC) !== 0) {
    closeAll(fds);
    return { bytes: Buffer.alloc(0), fds: [] };
  }
  return { bytes: bytes.subarray(0, got), fds };
}

/** Closes descriptors; one that is closed already is no fault. */
export function closeAll(fds: readonly number[]): void {
  for (const fd of fds) {
    try {
      closeSync(fd);
    } catch {
      // EBADF: what was wanted has happened
    }
  }
}

/** A msghdr over the two buffers. It holds their addresses only: they and `iovec` must outlive the call. */
function makeHeader(bytes: Buffer, control: Buffer): { readonly header: Buffer; readonly iovec: Buffer } {
  const iovec = Buffer.alloc(IOVEC_BYTES);
  iovec.writeBigUInt64LE(addressOf(bytes), 0);
  iovec.writeBigUInt64LE(BigInt(bytes.length), 8);
  const header = Buffer.alloc(MSGHDR_BYTES);
  header.writeBigUInt64LE(addressOf(iovec), 16);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(addressOf(control), 32);
  header.writeBigUInt64LE(BigInt(control.length), 40);
  return { header, iovec };
}

/** A use after the call, without which the collector may take a buffer of which C has only the address. */
function keepAlive(...buffers: readonly Buffer[]): void {
  for (const buffer of buffers) buffer.at(0);
}

function readDescriptors(control: Buffer): number[] {
  const fds: number[] = [];
  let offset = 0;
  while (offset + CMSGHDR_BYTES <= control.length) {
    const length = Number(control.readBigUInt64LE(offset));
    if (length < CMSGHDR_BYTES || offset + length > control.length) break;
    if (control.readInt32LE(offset + 8) === SOL_SOCKET && control.readInt32LE(offset + 12) === SCM_RIGHTS) {
      for (let at = offset + CMSGHDR_BYTES; at + FD_BYTES <= offset + length; at += FD_BYTES)
        fds.push(control.readInt32LE(at));
    }
    offset += align(length);
  }
  return fds;
}

function align(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
