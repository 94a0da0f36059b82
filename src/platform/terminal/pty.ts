import { closeSync, constants } from "node:fs";
import { bindFunction, checkCall } from "../libc.ts";

// asm-generic/ioctls.h, asm-generic/termbits.h
const TCGETS = 0x5401;
const LOCAL_FLAGS_AT = 12;
const TERMIOS_BYTES = 64;
const ICANON = 2;
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
const TIOCGPTPEER = 0x5441;
const TCFLSH = 0x540b;
const TCIFLUSH = 0;
const O_CLOEXEC = 0o2000000;
const FLAGS = constants.O_RDWR | constants.O_NOCTTY | O_CLOEXEC;

const openMaster = bindFunction<[number]>("int posix_openpt(int)");
const grantSlave = bindFunction<[number]>("int grantpt(int)");
const unlockSlave = bindFunction<[number]>("int unlockpt(int)");
const controlNumber = bindFunction<[number, number, number]>("int ioctl(int, unsigned long, long)");
const controlBuffer = bindFunction<[number, number, Buffer]>("int ioctl(int, unsigned long, void *)");

/** A fresh pseudo-terminal. Its user closes both descriptors. */
export interface Pty {
  readonly master: number;
  readonly slave: number;
  /** Sets the size that programs on the slave see; they get SIGWINCH. Sizes are taken modulo 65536. */
  resize(columns: number, rows: number): void;
  /** Whether a program on the slave takes every key as it is, with no line discipline between. */
  isRaw(): boolean;
}

/**
 * Opens a pseudo-terminal (pty(7)). The slave is opened through the master (TIOCGPTPEER, Linux 4.13), never by a name
 * that another mount namespace could give a different meaning. Throws `system-call`.
 */
export function openPty(): Pty {
  const master = checkCall("open a pseudo-terminal", openMaster(FLAGS));
  try {
    checkCall("own a pseudo-terminal", grantSlave(master));
    checkCall("unlock a pseudo-terminal", unlockSlave(master));
    const slave = checkCall("open the far end of a pseudo-terminal", controlNumber(master, TIOCGPTPEER, FLAGS));
    return Object.freeze({
      master,
      slave,
      resize: (columns: number, rows: number) => resize(master, { columns, rows }),
      isRaw: () => {
        const termios = Buffer.alloc(TERMIOS_BYTES);
        checkCall("read the mode of a pseudo-terminal", controlBuffer(master, TCGETS, termios));
        return (termios.readUInt32LE(LOCAL_FLAGS_AT) & ICANON) === 0;
      },
    });
  } catch (error) {
    closeSync(master);
    throw error;
  }
}

/** Reads the size of a terminal as columns and rows, from the terminal itself. Throws `system-call`. */
export function readTerminalSize(fd: number): readonly [columns: number, rows: number] {
  const winsize = Buffer.alloc(8);
  checkCall("read the size of a terminal", controlBuffer(fd, TIOCGWINSZ, winsize));
  return [winsize.readUInt16LE(2), winsize.readUInt16LE(0)];
}

/** Drops what was typed at a terminal and not read yet. Throws `system-call`. */
export function dropTyped(fd: number): void {
  checkCall("drop what was typed at a terminal", controlNumber(fd, TCFLSH, TCIFLUSH));
}

function resize(master: number, size: { readonly columns: number; readonly rows: number }): void {
  const winsize = Buffer.alloc(8);
  winsize.writeUInt16LE(size.rows & 0xffff, 0);
  winsize.writeUInt16LE(size.columns & 0xffff, 2);
  checkCall("size a pseudo-terminal", controlBuffer(master, TIOCSWINSZ, winsize));
}
