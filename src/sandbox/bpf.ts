/**
 * A small assembler for classic BPF, the language of seccomp filters (Linux `Documentation/userspace-api/seccomp_filter`).
 * Jumps name labels and only go forward; the assembler turns them into offsets and refuses what does not fit.
 */
export type Instruction =
  /** A = the 32-bit word at this offset of `struct seccomp_data`. */
  | { readonly op: "load"; readonly offset: number }
  /** A = A & value. */
  | { readonly op: "and"; readonly value: number }
  /** Goes to `yes` or `no`; a label left out is the next instruction. */
  | {
      readonly op: "equal" | "at-least" | "any-bit";
      readonly value: number;
      readonly yes?: string;
      readonly no?: string;
    }
  | { readonly op: "return"; readonly value: number }
  /** Names the next instruction. Takes no space. */
  | { readonly op: "label"; readonly name: string };

/** Conditional jumps have one byte for each distance. */
const FARTHEST_JUMP = 255;
/** BPF_MAXINSNS. */
const MOST_INSTRUCTIONS = 4096;

const LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K
const JUMPS = { equal: 0x15, "at-least": 0x35, "any-bit": 0x45 } as const; // BPF_JMP | BPF_JEQ/JGE/JSET | BPF_K

/**
 * Bytes of the program, 8 for each instruction (`struct sock_filter`, little-endian like both architectures served).
 * Throws RangeError for an unknown or doubled label, a jump backwards or over 255 instructions, or a program without end.
 */
export function assemble(program: readonly Instruction[]): Uint8Array {
  const places = placeLabels(program);
  const code = program.filter((instruction) => instruction.op !== "label");
  if (code.length > MOST_INSTRUCTIONS) throw new RangeError(`Cannot assemble ${code.length} instructions`);
  if (code.at(-1)?.op !== "return") throw new RangeError("Cannot assemble a program that runs past its end");
  const bytes = new Uint8Array(code.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [place, instruction] of code.entries()) {
    const distance = (label: string | undefined): number => measureJump(places, { place, label });
    const at = place * 8;
    switch (instruction.op) {
      case "load":
        view.setUint16(at, LOAD_WORD, true);
        view.setUint32(at + 4, instruction.offset, true);
        break;
      case "and":
        view.setUint16(at, AND, true);
        view.setUint32(at + 4, instruction.value, true);
        break;
      case "return":
        view.setUint16(at, RETURN, true);
        view.setUint32(at + 4, instruction.value, true);
        break;
      case "equal":
      case "at-least":
      case "any-bit":
        view.setUint16(at, JUMPS[instruction.op], true);
        view.setUint8(at + 2, distance(instruction.yes));
        view.setUint8(at + 3, distance(instruction.no));
        view.setUint32(at + 4, instruction.value, true);
        break;
    }
  }
  return bytes;
}

/** The same instructions with every label put under a name, so that pieces can use the same short labels. */
export function scopeLabels(scope: string, program: readonly Instruction[]): readonly Instruction[] {
  const own = (label: string): string => `${scope} ${label}`;
  return program.map((instruction): Instruction => {
    switch (instruction.op) {
      case "label":
        return { op: "label", name: own(instruction.name) };
      case "equal":
      case "at-least":
      case "any-bit": {
        const { yes, no } = instruction;
        return {
          ...instruction,
          ...(yes !== undefined && { yes: own(yes) }),
          ...(no !== undefined && { no: own(no) }),
        };
      }
      case "load":
      case "and":
      case "return":
        return instruction;
    }
  });
}

function placeLabels(program: readonly Instruction[]): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  let place = 0;
  for (const instruction of program) {
    if (instruction.op !== "label") place++;
    else if (places.has(instruction.name)) throw new RangeError(`Cannot place label "${instruction.name}" twice`);
    else places.set(instruction.name, place);
  }
  return places;
}

function measureJump(
  places: ReadonlyMap<string, number>,
  jump: { readonly place: number; readonly label: string | undefined },
): number {
  if (jump.label === undefined) return 0;
  const target = places.get(jump.label);
  if (target === undefined) throw new RangeError(`Cannot jump to unknown label "${jump.label}"`);
  const distance = target - jump.place - 1;
  if (distance < 0 || distance > FARTHEST_JUMP) throw new RangeError(`Cannot jump ${distance} to "${jump.label}"`);
  return distance;
}
