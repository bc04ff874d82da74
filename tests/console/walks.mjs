// Each system's documentation, in its order, on the screen. `scripts` says whether the browser runs any.
import { readFileSync } from "node:fs";

const is = (what, got, wanted) => {
  if (JSON.stringify(got) !== JSON.stringify(wanted)) throw new Error(`${what}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`);
};

/** The heads of the table's columns but those of boxes and actions. */
const columns = async (page) => (await page.locator("thead th").allInnerTexts()).map((text) => text.trim()).slice(1, -1);

/** Presses a button or link that is named. */
const press = (page, name) => page.getByRole("button", { name }).or(page.getByRole("link", { name })).first().click();

/** Takes the secret from the page that shows it once; copied and saved where there are scripts. */
async function takeSecret({ page, keys, scripts, inspect = () => {}, label = "Secret", save = "Save (.PAK)" }) {
  await inspect("secret");
  const secret = await page.getByLabel(label, { exact: true }).inputValue();
  if (scripts) {
    await press(page, "Copy");
    is("what was copied", await page.evaluate(() => navigator.clipboard.readText()), secret);
    await press(page, "Show");
    is("the eye hides", await page.locator("#secret").getAttribute("type"), "password");
    const [download] = await Promise.all([page.waitForEvent("download"), press(page, save)]);
    is("the file's name", /^key_\w{11}\.PAK$/.test(download.suggestedFilename()), true);
    is("what was saved", readFileSync(await download.path(), "utf8").trim(), secret);
  }
  await page.getByLabel("I have copied it").check();
  await press(page, "Done");
  await page.waitForURL(new RegExp(`${keys}\\??$`));
  if ((await page.content()).includes(secret)) throw new Error("the secret is shown again");
  return secret;
}

/** The row of a key in the table. */
const row = (page, name) => page.locator("tbody tr").filter({ hasText: name });

/** Something that is done from a menu of three dots, or without scripts by its link. */
async function fromMenu(page, name, act) {
  await row(page, name).locator("summary").click();
  await row(page, name).getByRole("link", { name: act }).click();
}

async function vergeos({ page, keys, scripts, control, inspect }) {
  const name = `CI ${scripts}`;
  await page.goto(keys);
  await press(page, "New API Key");
  is("two panels", await page.locator("fieldset.panel > legend").allInnerTexts(), ["API Key", "Access"]);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Description").fill("<b>builds</b>");
  is("kinds of expiry", (await page.locator("#expires_at legend").innerText()), "Expiration Type");
  await page.locator("#expires_date").fill("2099-01-31T10:00");
  await page.getByLabel("Set Date").first().check();
  const allow = page.locator("#allow");
  await allow.getByLabel("Address 1").fill("192.168.1.0/24");
  await allow.getByRole("button", { name: "Add entry" }).click();
  await allow.getByLabel("Address 2").fill("not an address");
  await page.getByRole("button", { name: "Submit", exact: true }).click();
  // What does not fit is said at its field; everything typed is still there.
  is("the wrong entry", await page.locator("[aria-invalid=true]").last().inputValue(), "not an address");
  is("the name stays", await page.getByLabel("Name", { exact: true }).inputValue(), name);
  await inspect("refused form");
  await allow.getByLabel("Address 2").fill("192.168.2.7");
  await page.getByRole("button", { name: "Submit", exact: true }).click();
  const secret = await takeSecret({ page, keys, scripts, save: "Save", inspect });
  is("columns", await columns(page), ["Name", "Last Logged In", "Last Logged In IP", "Expires", "Created"]);
  is("days left", /^\d+ days$/.test(await row(page, name).locator("[data-title=Expires]").innerText()), true);
  is("markup stays text", await page.locator("tbody b").count(), 0);
  await row(page, name).getByRole("link", { name: "Edit" }).click();
  await page.getByLabel("Name", { exact: true }).fill(`${name} renamed`);
  await press(page, "Submit");
  is("renamed", await page.locator("h1").innerText().then((text) => text.startsWith(`${name} renamed`)), true);
  const { key } = await control.rest("POST", "/keys/by-secret", { body: { secret }, secret: true });
  is("entries", key.allow.map(({ cidr, enabled }) => [cidr, enabled]), [["192.168.1.0/24", true], ["192.168.2.7/32", true]]);
  await page.goto(keys);
  if (!scripts) return;
  await row(page, name).getByRole("link", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.waitForURL(`**${keys}`);
  is("gone", await row(page, name).count(), 0);
  await page.goto(`${keys}/new`);
  await page.getByLabel("Name", { exact: true }).fill("kept");
  await page.getByLabel("Never Expire").check();
  await page.getByRole("button", { name: "Submit", exact: true }).click();
  await takeSecret({ page, keys, scripts, save: "Save" });
}

async function vergecloud({ page, keys, scripts, inspect }) {
  const name = `pipeline ${scripts}`;
  await page.goto(keys);
  await press(page, "Create API Key");
  await page.getByLabel("API Key Name", { exact: true }).fill(name);
  const forth = async () => { if (scripts) await page.getByRole("button", { name: "Next", exact: true }).click(); };
  await forth();
  await page.getByLabel("Specific services only").check();
  await page.getByRole("textbox", { name: "Services" }).fill("cdn dns");
  await forth();
  const roles = await page.locator("#roles label").allInnerTexts();
  is("eight roles", roles.length, 8);
  await page.getByRole("checkbox", { name: /^DNS Manager/ }).check();
  await page.getByRole("checkbox", { name: /^Cache Purger/ }).check();
  await forth();
  if (scripts) is("review", (await page.locator("section.card dd").allInnerTexts())[0].includes(name), true);
  await inspect("review");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await takeSecret({ page, keys, scripts });
  is("columns", await columns(page), ["Name or Description", "API Key", "Roles", "Created At"]);
  if (scripts) {
    await row(page, name).getByRole("button", { name: /^Copy/ }).click();
    is("its id is copied", /^key_\w{11}$/.test(await page.evaluate(() => navigator.clipboard.readText())), true);
  }
  is("no editing", await row(page, name).getByRole("link", { name: "Edit" }).count(), 0);
  await row(page, name).getByRole("link", { name: /^View details/ }).click();
  await page.getByLabel("Service", { exact: true }).fill("video");
  await press(page, "Ask");
  is("why", await page.locator(".why .failed").count() > 0, true);
  await page.goto(keys);
  await row(page, name).getByRole("link", { name: "Revoke" }).click();
  is("a warning", (await page.locator(".warning").innerText()).includes("cannot be undone"), true);
  await page.getByRole("button", { name: "Revoke" }).click();
  is("revoked", await page.locator("h1 .badge").innerText(), "Revoked");
}

async function ipaware({ page, keys, scripts, control, inspect }) {
  const name = `Production Server ${scripts}`;
  await page.goto(keys);
  await press(page, "Create New Key");
  await page.getByLabel("Key Name", { exact: true }).fill(name);
  await page.getByLabel("Role", { exact: true }).selectOption({ label: "Developer" });
  await page.getByRole("button", { name: "Create", exact: true }).click();
  is("the id too", /key_\w{11}/.test(await page.locator("dd code").first().innerText()), true);
  await takeSecret({ page, keys, scripts, label: "Secret Key" });
  is("columns", await columns(page), ["Name", "Key ID", "Role", "Created", "Status"]);
  is("a green badge", await row(page, name).locator(".badge.active").innerText(), "Active");
  // Two administrators: the second one sees both versions.
  await row(page, name).getByRole("link", { name: "Edit" }).click();
  await page.getByLabel("Key Name", { exact: true }).waitFor();
  const [, id] = /(key_\w+)\/edit$/.exec(page.url());
  const revision = await page.locator("[name=revision]").inputValue();
  is("the other's", (await control.rest("PATCH", `/keys/${id}`, { body: { name: `${name} theirs` }, headers: { "if-match": `"${revision}"` } })).status, 200);
  await page.getByLabel("Key Name", { exact: true }).fill(`${name} mine`);
  await press(page, "Save Changes");
  is("both versions", await page.locator(".conflict td").allInnerTexts(), [`${name} theirs`, `${name} mine`]);
  await inspect("two versions");
  await press(page, "Save mine over theirs");
  is("mine", (await page.locator("h1").innerText()).startsWith(`${name} mine`), true);
  if (!scripts) return;
  await page.goto(keys);
  await row(page, name).getByRole("link", { name: "Revoke" }).click();
  is("the warning", (await page.locator(".warning").innerText()).startsWith("Applications using this key will stop working"), true);
  await page.getByRole("button", { name: "Revoke Key", exact: true }).click();
  await page.goto(keys);
  is("it has left the table", await row(page, name).count(), 0);
}

async function valar({ page, keys, scripts, inspect }) {
  const name = `CI/CD Pipeline ${scripts}`;
  await page.goto(keys);
  await press(page, "Create API Key");
  is("six expiries", await page.locator("#expires_at label").allInnerTexts().then((all) => all.map((text) => text.trim())), ["1 Day", "1 Week", "1 Month", "3 Months", "1 Year", "No Expiry"]);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("3 Months").check();
  await page.locator("#allow").getByLabel("Address 1").fill("10.0.0.0/24");
  await page.getByRole("button", { name: "Create Key", exact: true }).click();
  const secret = await takeSecret({ page, keys, scripts });
  is("columns", await columns(page), ["Name", "Key Prefix", "Status", "Expires", "Last Used"]);
  is("the first 12", await row(page, name).locator("[data-title='Key Prefix']").innerText(), secret.slice(0, 12));
  await fromMenu(page, name, "View Audit Log");
  await page.getByRole("link", { name: "Refresh" }).click();
  await page.goto(keys);
  await row(page, name).locator("summary").click();
  await inspect("open menu");
  await row(page, name).getByRole("link", { name: "Rotate" }).click();
  await page.locator("#confirm").fill("something else");
  await page.getByRole("button", { name: "Rotate Key", exact: true }).click();
  is("the name is asked for", await page.locator("#act-error").count(), 1);
  await inspect("another name typed");
  await page.locator("#confirm").fill(name);
  await page.getByRole("button", { name: "Rotate Key", exact: true }).click();
  is("another secret", (await takeSecret({ page, keys, scripts })) === secret, false);
  await row(page, name).getByRole("link", { name }).click();
  await page.getByRole("link", { name: "Edit" }).click();
  await page.getByLabel("Status").selectOption({ label: "Revoked" });
  await press(page, "Save changes");
  is("revoked", await page.locator("h1 .badge").innerText(), "Revoked");
  await page.getByRole("link", { name: "Enable again" }).click();
  await page.getByRole("button", { name: "Enable again" }).click();
  is("enabled again", await page.locator("h1 .badge").innerText(), "Active");
  await page.goto(keys);
  if (scripts) await byKeyboard({ page, keys });
  await fromMenu(page, name, "Delete");
  await page.locator("#confirm").fill(name);
  await page.getByRole("button", { name: "Delete Key", exact: true }).click();
  await page.waitForURL(`**${keys}`);
  is("gone", await row(page, name).count(), 0);
}

/** A key is made and rotated by the keyboard alone; wherever it is, one sees where. */
async function byKeyboard({ page, keys }) {
  const tabTo = async (wanted) => {
    for (let i = 0; i < 100; i++) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate((selector) => {
        const { activeElement: element } = document;
        return { there: element.matches(selector), seen: element === document.body || getComputedStyle(element).outlineStyle !== "none", element: element.outerHTML.slice(0, 100) };
      }, wanted);
      if (!at.seen) throw new Error(`nobody sees that the keyboard is at ${at.element}`);
      if (at.there) return;
    }
    throw new Error(`the keyboard does not reach ${wanted}`);
  };
  const take = async () => {
    await page.locator("#secret").waitFor();
    await tabTo("[data-leaves] input");
    await page.keyboard.press("Space");
    await tabTo("[data-leaves] button");
    await page.keyboard.press("Enter");
    await page.waitForURL(new RegExp(`${keys}\\??$`));
  };
  await tabTo('a[href$="/keys/new"]');
  await page.keyboard.press("Enter");
  await page.locator("#name").waitFor();
  await tabTo("#name");
  await page.keyboard.type("by keyboard");
  await tabTo("[name=send]");
  await page.keyboard.press("Enter");
  await take();
  await tabTo('summary[aria-label$="by keyboard"]');
  await page.keyboard.press("Enter");
  await tabTo('details[open] a[href$="/rotate"]');
  await page.keyboard.press("Enter");
  await page.locator("#confirm").waitFor();
  await tabTo("#confirm");
  await page.keyboard.type("by keyboard");
  await page.keyboard.press("Enter");
  await take();
}

export const WALKS = { vergeos, vergecloud, ipaware, valar };
