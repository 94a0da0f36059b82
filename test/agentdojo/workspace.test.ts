import { proveSuite } from "./pairs.ts";

proveSuite("workspace");
