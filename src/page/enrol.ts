import { ownerKeyText } from "../protocol/owner-key.ts";
import { shortCode } from "../showing/statement-code.ts";
import { atDoor, why } from "./api.ts";
import { fill, h, theirs } from "./dom.ts";
import { makePasskey } from "./passkeys.ts";
import { digestOf } from "./sha256.ts";

/*
 * Where somebody who was invited makes a passkey and offers it. It enrols nothing: an owner does that at the terminal, who
 * sees the same code.
 */

const message = h("p", { role: "alert", class: "bad" });
const input = h("input", { id: "code", autocomplete: "off", spellcheck: "false", required: true });
const content = h(
  "div",
  {},
  h("p", {}, "You were invited to sign for this home. The code is beside the address, at the terminal."),
  h(
    "form",
    {
      class: "row",
      onsubmit: (event) => {
        event.preventDefault();
        void enrol();
      },
    },
    h("label", { for: "code" }, "Code"),
    input,
    h("button", { type: "submit" }, "Make a passkey"),
  ),
);

async function enrol(): Promise<void> {
  const code = input.value.trim();
  fill(message);
  try {
    const opened = await atDoor("enrolment-open", { code });
    const { key } = await atDoor("enrolment-offer", { code, ...(await makePasskey(opened)) });
    const { name, roles } = opened;
    const shown = shortCode(await digestOf(ownerKeyText(key)));
    fill(
      content,
      h("p", {}, "A passkey for ", theirs(name), `, who may ${roles.join(", ")}, was offered.`),
      h("p", {}, "Its code:"),
      h("pre", { id: "key-code" }, shown),
      h("p", {}, "Compare it with the code at the terminal. It signs nothing before somebody says yes there."),
      h("p", {}, h("a", { href: "/sign" }, "Then sign in with it")),
    );
  } catch (error) {
    fill(message, theirs(why(error), 2000));
  }
}

fill(document.body, h("main", { class: "outside" }, h("h1", {}, "Make a passkey"), message, content));
input.focus();
