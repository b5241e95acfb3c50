// A real Chromium, and what every story asks of every page it sees.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const { SITE, MAILBOX } = process.env;
const widths = [360, 1440];
const schemes = ["light", "dark"];
/** Longer than anything takes on a busy machine: as in `wait.rs`. */
const patience = 120_000;

/** Opens a browser for `story(page)` and closes it whatever happens. Any error in the console of any page fails the story. */
export async function inBrowser(story, options = {}) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  try {
    const context = await browser.newContext({ locale: "es-CO", viewport: { width: 1440, height: 900 }, reducedMotion: "reduce", ...options });
    context.setDefaultTimeout(patience);
    const complaints = [];
    context.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    context.on("weberror", (error) => complaints.push(String(error.error())));
    const page = await context.newPage();
    await story(page, context);
    // A page that answers 4xx on purpose is reported by the browser too.
    const unexpected = complaints.filter((text) => !text.includes("Failed to load resource"));
    assert.deepEqual(unexpected, [], "the browser complained");
  } finally {
    await browser.close();
  }
}

/**
 * Looks at the page as it stands: nothing is wider than the window, axe finds nothing. Each width and each scheme once; with SCREENSHOTS, which
 * names a directory for pictures, each width in each scheme.
 */
export async function look(page, name) {
  const pictures = process.env.SCREENSHOTS;
  if (pictures) await mkdir(pictures, { recursive: true });
  // Not before its style sheets have come.
  await page.waitForLoadState("load");
  // Through the debugger, which the page's content security policy does not hold up.
  await page.evaluate(axe);
  const all = widths.flatMap((width) => schemes.map((colorScheme) => ({ width, colorScheme })));
  for (const { width, colorScheme } of pictures ? all : [all.at(0), all.at(-1)]) {
    await page.setViewportSize({ width, height: width < 500 ? 780 : 900 });
    await page.emulateMedia({ colorScheme });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `${name} is ${overflow} px wider than a window of ${width} px`);
    if (pictures) await page.screenshot({ path: `${pictures}/${name}-${width}-${colorScheme}.png`, fullPage: true });
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`);
    assert.deepEqual(found, [], `${name}, ${width} px, ${colorScheme}`);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.emulateMedia({ colorScheme: "light" });
}

/** Asks until there is an answer: the page is loaded anew each time. */
export async function reloadUntil(page, what, condition) {
  const deadline = Date.now() + patience;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited in vain for ${what}`);
    await page.waitForTimeout(100);
    await page.reload();
  }
}

/** Comes in, with the demo's password if there is no other. */
export async function signIn(page, email, password = "faena-de-prueba-2026") {
  await page.goto(`${SITE}/entrar`);
  await page.getByLabel("Correo electrónico").fill(email);
  await page.getByRole("textbox", { name: "Contraseña" }).fill(password);
  await page.getByRole("button", { name: "Entrar" }).click();
  await page.waitForURL((url) => url.pathname !== "/entrar");
}

/** Opens the last letter with that subject, and answers where its first link of that kind leads. */
export async function letter(page, subject, href) {
  await page.goto(MAILBOX);
  const link = page.getByRole("link", { name: subject }).first();
  await reloadUntil(page, `the letter «${subject}»`, () => link.isVisible());
  await link.click();
  await page.waitForURL("**/messages/*");
  return page.frameLocator("iframe").locator(`a[href*="${href}"]`).first().getAttribute("href");
}
