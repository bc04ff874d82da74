// Signing in at a real identity provider, with and without scripts: it is of another site, as it is for people.
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import Provider from "oidc-provider";
import { step } from "../e2e/steps.mjs";

const CLIENT = { id: "console", secret: "a secret of the console's" };
/** Who has an account there, and in which groups they are. */
const ACCOUNTS = { jo: ["ops", "staff"], sam: ["staff"] };
const PATIENCE_MS = 15_000;

/** A provider that knows the console at this address. */
async function provide(console_) {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://localhost:${server.address().port}`;
  const said = [console.info, console.warn];
  console.info = console.warn = () => {};
  const provider = new Provider(issuer, {
    clients: [{ client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [`${console_}/console/sign-in/callback`] }],
    claims: { openid: ["sub"], profile: ["name"], groups: ["groups"] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    cookies: { keys: ["for this test"] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: `${id} of ops`, groups: ACCOUNTS[id] ?? [] }) }),
  });
  [console.info, console.warn] = said;
  server.on("request", provider.callback());
  return { issuer, end: () => server.close() };
}

const is = (what, got, wanted) => {
  if (got !== wanted) throw new Error(`${what}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`);
};

async function login(page, who) {
  await page.getByRole("link", { name: "Sign in with your organisation" }).click();
  await page.locator("[name=login]").fill(who);
  await page.locator("[name=password]").fill("whatever");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
}

/** Somebody signs in, comes to where they were, and out again; somebody without a role does not. */
async function walk(browser, control, scripts) {
  const context = await browser.newContext({ baseURL: control.url, locale: "en-GB", javaScriptEnabled: scripts });
  context.setDefaultTimeout(PATIENCE_MS);
  try {
    const page = await context.newPage();
    const keys = `/console/r/${control.realm}/keys?search=nothing`;
    await page.goto(keys);
    await login(page, "jo");
    await page.waitForURL(`${control.url}${keys}`);
    await page.locator("details.menu summary").first().click();
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.waitForURL(/sign-in$/);
    const left = await page.goto(keys);
    is("signed out", new URL(left.url()).pathname, "/console/sign-in");
  } finally {
    await context.close();
  }
  const other = await browser.newContext({ baseURL: control.url, locale: "en-GB", javaScriptEnabled: scripts });
  other.setDefaultTimeout(PATIENCE_MS);
  try {
    const page = await other.newPage();
    await page.goto("/console");
    await login(page, "sam");
    is("who may do nothing is told so", (await page.locator("[role=alert]").innerText()).startsWith("You may do nothing here yet"), true);
    await page.goto("/console");
    is("and is not let in", new URL(page.url()).pathname, "/console/sign-in");
  } finally {
    await other.close();
  }
}

/** The server of `control` is started again with a provider beside it. */
export async function atProvider(browser, control) {
  let provider;
  await step("an identity provider", async () => {
    provider = await provide(control.url);
    await control.stop();
    writeFileSync(control.file("oidc-secret"), CLIENT.secret);
    await control.serve([
      "--oidc-issuer", provider.issuer, "--oidc-client", CLIENT.id, "--oidc-secret-file", control.file("oidc-secret"), "--oidc-console", control.url,
      "--oidc-scope", "profile", "--oidc-scope", "groups", "--oidc-grant", "groups=ops:administrator@*",
    ]);
  });
  for (const scripts of [true, false]) {
    await step(`signing in at the provider, ${scripts ? "with" : "without"} scripts`, () => walk(browser, control, scripts));
  }
  await step("the log says who signed in where", async () => {
    const { activity } = await control.rest("GET", "/activity?action=key.create", { realm: "management" });
    is("the actor", activity[0].actor, `oidc:jo at ${provider.issuer}`);
  });
  provider?.end();
}
