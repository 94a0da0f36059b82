import { proveSuite } from "./pairs.ts";

proveSuite("banking");
