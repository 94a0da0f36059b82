/**
 * What an agent prints, less what acts on the person's terminal instead of showing something: window titles, clipboard
 * writes (OSC 52), links (OSC 8), device strings, reports that a terminal answers as if typed, C1 controls.
 * ECMA-48; the grammar is that of Paul Williams' parser. Text, colours, cursor movement and screen modes pass.
 */
export interface OutputFilter {
  /** Bytes that may go to the screen. A sequence cut by the end of a piece goes on in the next one. */
  pass(bytes: Uint8Array): Uint8Array;
  /** What puts back the modes, margins and style that the agent has set and not taken back; empty when there are none. */
  undo(): string;
}

const ESC = 0x1b;
const BEL = 0x07;
const CAN = 0x18;
const SUB = 0x1a;
/** A control sequence that nobody ends is not kept for ever. */
const MAXIMUM_SEQUENCE = 64;
/** C0 controls that only move within the screen: backspace, tab, line feed, carriage return. And the bell. */
const SIMPLE: ReadonlySet<number> = new Set([BEL, 0x08, 0x09, 0x0a, 0x0d]);
/** Final bytes of control sequences that show or move: cursor, erase, insert, delete, scroll, style, repeat. */
const FINALS: ReadonlySet<number> = new Set(Array.from("@ABCDEFGHIJKLMPSTXZ`abdefmr", (final) => final.charCodeAt(0)));
/** DEC private modes that a full-screen program needs. 1004 (focus reports) and 9001 are not among them. */
const MODES: ReadonlySet<string> = new Set([
  "1",
  "6",
  "7",
  "12",
  "25",
  "1000",
  "1002",
  "1003",
  "1006",
  "1047",
  "1048",
  "1049",
  "2004",
  "2026",
]);
/** Escape sequences of two bytes: save and restore cursor, index, next line, reverse index, keypad modes. */
const SHORT: ReadonlySet<number> = new Set(Array.from("78DEM=>", (final) => final.charCodeAt(0)));

const APPLICATION_KEYS = 0x3d;
const NUMERIC_KEYS = 0x3e;

/** Modes that are on when nobody has touched them; all others are off. */
const ON: ReadonlySet<string> = new Set(["7", "25"]);

type State = "text" | "escape" | "charset" | "control" | "string" | "string-escape";

export function createOutputFilter(): OutputFilter {
  let state: State = "text";
  let sequence: number[] = [];
  /** Continuation bytes still due of a UTF-8 character; within one, 0x80 to 0x9f are no C1 controls. */
  let due = 0;
  let lead = 0;
  /** Modes that are not as they were, and whether lines scroll within margins. */
  const changed = new Set<string>();
  let margins = false;
  /** What a style, the keys of the number pad and the shape of the cursor are put back with, where they are not as they were. */
  const left = new Set<string>();

  function note(passed: readonly number[]): void {
    const written = String.fromCharCode(...passed);
    if (written.endsWith("r")) margins = written !== "r";
    if (written.endsWith("m")) putBackBy("\u001b[0m", !/^0*m$/u.test(written));
    if (written.endsWith(" q")) putBackBy("\u001b[0 q", !/^0* q$/u.test(written));
    const { modes, final } = /^\?(?<modes>[0-9;]+)(?<final>[hl])$/u.exec(written)?.groups ?? {};
    for (const mode of modes?.split(";") ?? []) {
      if ((final === "h") === ON.has(mode)) changed.delete(mode);
      else changed.add(mode);
    }
  }

  function putBackBy(back: string, isNeeded: boolean): void {
    if (isNeeded) left.add(back);
    else left.delete(back);
  }

  function text(byte: number, out: number[]): void {
    if (due > 0 && byte >= 0x80 && byte <= 0xbf) {
      due -= 1;
      // U+0080 to U+009F are C1 controls in UTF-8 too: CSI, OSC and DCS without an escape.
      if (lead === 0xc2 && byte < 0xa0) return;
      if (lead === 0xc2) out.push(0xc2);
      lead = 0;
      out.push(byte);
      return;
    }
    due = 0;
    if (byte === ESC) {
      state = "escape";
    } else if (byte >= 0xc2 && byte <= 0xf4) {
      due = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      lead = byte;
      if (byte !== 0xc2) out.push(byte);
    } else if ((byte >= 0x20 && byte < 0x7f) || SIMPLE.has(byte)) {
      out.push(byte);
    }
  }

  function control(byte: number, out: number[]): void {
    sequence.push(byte);
    if (byte >= 0x40 && byte <= 0x7e) {
      if (mayPass(sequence)) {
        out.push(ESC, 0x5b, ...sequence);
        note(sequence);
      }
      state = "text";
    } else if (byte < 0x20 || byte > 0x7e || sequence.length > MAXIMUM_SEQUENCE) {
      state = byte === ESC ? "escape" : "text";
    }
  }

  function step(byte: number, out: number[]): void {
    switch (state) {
      case "text":
        return text(byte, out);
      case "escape":
        if (byte === 0x5b) {
          state = "control";
          sequence = [];
        } else if (byte === 0x5d || byte === 0x50 || byte === 0x5e || byte === 0x5f || byte === 0x58) {
          state = "string"; // OSC, DCS, PM, APC, SOS: nothing of them passes
        } else if (byte === 0x28 || byte === 0x29) {
          state = "charset";
        } else {
          state = byte === ESC ? "escape" : "text";
          if (SHORT.has(byte)) out.push(ESC, byte);
          if (byte === APPLICATION_KEYS || byte === NUMERIC_KEYS) putBackBy("\u001b>", byte === APPLICATION_KEYS);
        }
        return undefined;
      case "charset":
        // Line drawing would let letters show as other signs; plain ASCII is all that may be chosen.
        if (byte === 0x42) out.push(ESC, 0x28, byte);
        state = byte === ESC ? "escape" : "text";
        return undefined;
      case "control":
        return control(byte, out);
      case "string":
        if (byte === BEL || byte === CAN || byte === SUB) state = "text";
        else if (byte === ESC) state = "string-escape";
        return undefined;
      case "string-escape":
        state = byte === 0x5c ? "text" : byte === ESC ? "string-escape" : "string";
        return undefined;
      default:
        return state satisfies never;
    }
  }

  return {
    pass(bytes) {
      const out: number[] = [];
      for (const byte of bytes) step(byte, out);
      return Uint8Array.from(out);
    },
    undo() {
      const modes = [...changed].map((mode) => `\u001b[?${mode}${ON.has(mode) ? "h" : "l"}`).join("");
      // Both of these put the cursor in a corner, so it is led to the last line.
      const moved = margins || changed.has("6") ? "\u001b[r\u001b[999;1H\r\n" : "";
      return modes + moved + [...left].join("");
    },
  };
}

function mayPass(sequence: readonly number[]): boolean {
  const written = String.fromCharCode(...sequence);
  const final = sequence.at(-1) ?? 0;
  if (/^[0-9;:]*.$/u.test(written) && FINALS.has(final)) return true;
  // Cursor shape.
  if (/^[0-9]* q$/u.test(written)) return true;
  const modes = /^\?(?<modes>[0-9;]+)[hl]$/u.exec(written)?.groups?.["modes"];
  return modes !== undefined && modes.split(";").every((mode) => MODES.has(mode));
}
