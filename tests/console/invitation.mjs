// Somebody is invited in one browser, and comes in another.
import { path } from "./pages.mjs";
import { Looker, Watcher } from "./look.mjs";

const is = (what, got, wanted) => {
  if (got !== wanted) throw new Error(`${what}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`);
};

/** Invites by the keyboard alone, comes by the link, and signs in with the key; `stranger` opens a page of somebody who is not signed in. */
export async function invitation({ page, stranger, control, preset, scripts, screenshots }) {
  await page.goto(path(preset, "people/new"));
  await page.locator("#name").focus();
  await page.keyboard.type("Kim Lee");
  await page.keyboard.press("Enter");
  await page.getByText("This link is shown once").waitFor();
  const looker = new Looker(page, preset, scripts ? screenshots : undefined);
  if (scripts) await looker.look("invited");
  const first = await page.locator("#link").inputValue();
  is("the link's place", new URL(first).origin + new URL(first).pathname, `${control.url}/console/invitation`);
  await page.getByLabel("I have copied it").check();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("row").filter({ hasText: "Kim Lee" }).getByText("Invited", { exact: true }).waitFor();
  // Before they come, their roles are changed, and they get another link.
  const row = page.getByRole("row").filter({ hasText: "Kim Lee" });
  await row.getByRole("link", { name: "Kim Lee" }).click();
  await page.locator("#roles").fill("viewer auditor");
  await page.getByRole("button", { name: "Save" }).click();
  await row.getByText("auditor", { exact: true }).waitFor();
  await row.getByRole("button", { name: "New link" }).click();
  const link = await page.locator("#link").inputValue();
  is("another link", link === first, false);
  await page.getByLabel("I have copied it").check();
  await page.getByRole("button", { name: "Done" }).click();
  const other = await stranger();
  const watcher = new Watcher(other, control.url);
  const asked = [];
  other.on("request", (request) => asked.push(request.url()));
  await other.goto(link);
  if (scripts) {
    is("filled in", await other.locator("#link").inputValue(), new URL(link).hash.slice(1));
    is("and gone from the address", new URL(other.url()).hash, "");
    await new Looker(other, preset, screenshots).look("invitation");
  } else {
    await other.locator("#link").fill(link);
  }
  await other.getByRole("button", { name: "Accept, and show my key" }).click();
  const secret = await other.locator("#secret").inputValue();
  is("what was asked for holds the link", asked.some((url) => url.includes(new URL(link).hash.slice(1, 20)) && !url.includes("#")), false);
  if (scripts) await new Looker(other, preset, screenshots).look("welcome");
  await other.getByLabel("I have copied it").check();
  await other.getByRole("button", { name: "Sign in" }).click();
  if (scripts) await new Looker(other, preset, screenshots).look("sign-in");
  await other.locator("#key").fill(secret);
  await other.getByRole("button", { name: "Sign in", exact: true }).click();
  await other.goto(path(preset, "keys"));
  is("signed in", new URL(other.url()).pathname, path(preset, "keys"));
  await page.reload();
  await page.getByRole("row").filter({ hasText: "Kim Lee" }).getByRole("link", { name: "Remove" }).click();
  await page.getByRole("button", { name: "Remove" }).click();
  await other.goto(path(preset, "keys"));
  is("out with the next click", new URL(other.url()).pathname, "/console/sign-in");
  watcher.check();
}
