import { nullable, number, object, type Decoder } from "./decode.ts";
import { count, words } from "./fields.ts";
import type { FaceEvents } from "./requests.ts";

/** How far an open action is: what a driver says, and a face is told. */
export const PROGRESS: Decoder<FaceEvents["progress"]> = object<FaceEvents["progress"]>({
  token: count,
  progress: number(),
  total: nullable(number()),
  message: nullable(words),
});
