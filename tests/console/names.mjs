// Names that would be something else if a page took them for more than text.
import { ORG, path } from "./pages.mjs";

const NAMES = [
  '<img src="http://evil.example/x" onerror="document.title=1">',
  '"><script>document.title="taken"</script>',
  "' autofocus onfocus='document.title=1",
  '=HYPERLINK("http://evil.example")',
  "{{7*7}} ${7*7} {% include secret %}",
  "שלום (עולם) 1.2.3",
  "مفتاح <b>النشر</b>",
];
/** Marks that turn the direction of what follows: no name holds them. */
const REFUSED = ["gnp.\u202Eexe", "\u2066hidden\u2069", "two\nlines"];

const is = (what, got, wanted) => {
  if (JSON.stringify(got) !== JSON.stringify(wanted)) throw new Error(`${what}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`);
};

/** Each stays what was typed, wherever it is shown, and turns nothing around it. */
export async function hostileNames(page, control, preset) {
  const create = (name) => control.rest("POST", "/keys", { body: { org: ORG, name }, secret: true });
  for (const name of REFUSED) is(`status of ${JSON.stringify(name)}`, (await create(name)).status, 422);
  for (const name of NAMES) {
    const made = await create(name);
    is(`status of ${name}`, made.status, 201);
    const base = path(preset, "keys");
    const own = `${base}/${made.key.key_id}`;
    const places = [[base, `tr:has(input[value="${made.key.key_id}"]) .name bdi`], [own, "h1 bdi"], [`${own}/delete`, "h1 bdi"]];
    for (const [at, where] of places) {
      await page.goto(at);
      is(at, await page.locator(where).innerText(), name);
      is(`${at}: apart from its neighbours`, await page.locator(where).evaluate((bdi) => getComputedStyle(bdi).unicodeBidi), "isolate");
      is(`${at}: elements of its own`, await page.locator("main :is(img, script, b)").count(), 0);
      is(`${at}: title`, (await page.title()).endsWith("Edgelatch"), true);
    }
    await page.goto(`${own}/edit`);
    is("in a field", await page.locator("#name").inputValue(), name);
    is("the direction of the page", await page.evaluate(() => getComputedStyle(document.body).direction), "ltr");
  }
}
