// Every page of the help desk, as each of those who use it sees it; and a ticket from its first word to its end with the keyboard alone.

import assert from "node:assert/strict";
import { inBrowser, look } from "./browser.mjs";

const { SITE } = process.env;

async function signIn(page, who) {
  await page.goto(`${SITE}/entrar`);
  await page.getByLabel("Correo electrónico").fill(`${who}@faena.example`);
  await page.getByRole("textbox", { name: "Contraseña" }).fill("faena-de-prueba-2026");
  await page.getByRole("button", { name: "Entrar" }).click();
  await page.waitForURL((url) => url.pathname !== "/entrar");
}

/** Goes through the page with the tabulator, whatever is folded opened first: all that takes the focus is seen, shows that it has it, and is left again. */
async function walk(page, name) {
  await page.evaluate(() => {
    document.querySelectorAll("main details").forEach((details) => (details.open = true));
    document.activeElement?.blur();
  });
  const seen = new Set();
  let last;
  for (let step = 0; step < 1500; step += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      element.dataset.walked ??= String(document.querySelectorAll("[data-walked]").length);
      const style = getComputedStyle(element);
      const box = element.getBoundingClientRect();
      const within = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
      return {
        id: element.dataset.walked,
        html: element.outerHTML.slice(0, 160),
        isSeen: box.width > 0 && box.height > 0 && within && style.visibility === "visible",
        isMarked: (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none",
      };
    });
    // A day's field has parts of its own.
    if (focused && focused.id === last) continue;
    last = focused?.id;
    if (!focused || seen.has(focused.id)) {
      const wanted = await page.locator("main :is(a[href], button, input:not([type=hidden]), select, textarea, summary)").evaluateAll((all) => {
        const isOne = (element) => !element.matches(":disabled") && element.getClientRects().length > 0 && element.type !== "radio";
        return all.filter((element) => isOne(element) && element.dataset.walked === undefined).map((element) => element.outerHTML.slice(0, 160));
      });
      assert.deepEqual(wanted, [], `${name}: what the keyboard does not reach`);
      return;
    }
    seen.add(focused.id);
    assert.ok(focused.isSeen, `${name}: what has the focus is not seen: ${focused.html}`);
    assert.ok(focused.isMarked, `${name}: nothing shows that it has the focus: ${focused.html}`);
  }
  assert.fail(`${name}: the tabulator never comes to an end`);
}

/** Presses the tabulator until that element has the focus. */
async function tabTo(page, locator) {
  for (let step = 0; step < 300; step += 1) {
    if (await locator.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`the keyboard does not get to ${locator}`);
}

async function tour(who, pages) {
  await inBrowser(async (page) => {
    await signIn(page, who);
    // A page that renews itself is looked at as it is: what it asks for does not come.
    await page.addInitScript(() => {
      globalThis.fetch = () => new Promise(() => {});
    });
    for (const [name, path] of Object.entries(pages)) {
      const answer = await page.goto(`${SITE}${typeof path === "function" ? await path(page) : path}`);
      assert.ok(answer.ok() || answer.status() === 410, `${path} answers ${answer.status()}`);
      await look(page, `${who}-${name}`);
      await walk(page, `${who}-${name}`);
    }
  });
}

/** The first link of a list's rows. */
const first = (list, selector = "tbody th a") => async (page) => {
  await page.goto(`${SITE}${list}`);
  return page.locator(selector).first().getAttribute("href");
};

await tour("jefa", {
  dashboard: "/tablero",
  tickets: "/solicitudes",
  "tickets-filtered": "/solicitudes?status=all&order=deadline&overdue=yes",
  ticket: first("/solicitudes"),
  "ticket-resolved": first("/solicitudes?status=resolved"),
  "ticket-void": first("/solicitudes?status=closed"),
  "new-ticket": "/solicitudes/nueva",
  archive: "/solicitudes/archivo",
  "archive-none": "/solicitudes/archivo?title=nada+que+se+le+parezca",
  archived: first("/solicitudes/archivo"),
  alerts: "/alertas",
  "alerts-all": "/alertas?show=all",
  clients: "/clientes",
  client: first("/clientes"),
  "client-policies": async (page) => `${await first("/clientes")(page)}/plazos`,
  "client-edit": async (page) => `${await first("/clientes")(page)}/editar`,
  "new-client": "/clientes/nuevo",
  policies: "/plazos",
  calendars: "/calendarios",
  calendar: first("/calendarios"),
  "new-calendar": "/calendarios/nuevo",
  reports: "/informes",
  articles: "/ayuda",
  "articles-drafts": "/ayuda?state=draft",
  article: first("/ayuda", "main li a, main h2 a"),
  "new-article": "/ayuda/articulos/nuevo",
  search: "/buscar?q=impresora",
});
await tour("agente", { dashboard: "/tablero", tickets: "/solicitudes?whose=mine", client: first("/clientes"), policies: "/plazos" });
await tour("enfermeria", {
  account: "/cuenta",
  letters: "/cuenta/cartas",
  tickets: "/solicitudes?status=all",
  ticket: first("/solicitudes?status=all"),
  "new-ticket": "/solicitudes/nueva",
  archive: "/solicitudes/archivo",
  articles: "/ayuda",
});
await tour("operadora", { housekeeping: "/ops/housekeeping" });
await tour("admin", { chat: "/admin/chat", accounts: "/admin/accounts", account: first("/admin/accounts") });

const TITLE = "Con el teclado y nada más";
await inBrowser(async (page) => {
  await signIn(page, "enfermeria");
  await page.goto(`${SITE}/solicitudes/nueva`);
  await tabTo(page, page.getByLabel("Solicitud", { exact: true }));
  await page.keyboard.type(TITLE);
  await tabTo(page, page.getByLabel("Qué pasa"));
  await page.keyboard.type("El ratón no está.");
  await tabTo(page, page.getByRole("button", { name: "Enviar la solicitud" }));
  await page.keyboard.press("Enter");
  await page.waitForURL(/solicitudes\/\d+$/);
});
await inBrowser(async (page) => {
  await signIn(page, "agente");
  await page.goto(`${SITE}/solicitudes`);
  await tabTo(page, page.getByRole("link", { name: new RegExp(TITLE) }));
  await page.keyboard.press("Enter");
  await page.waitForURL(/solicitudes\/\d+$/);
  await tabTo(page, page.getByLabel("Asignar a"));
  // What this keyboard has no key for does not choose.
  const chosen = () => page.getByLabel("Asignar a").evaluate((list) => list.selectedOptions[0].text);
  for (let tries = 0; tries < 50 && !(await chosen()).includes("Íñigo"); tries += 1) await page.keyboard.press("ArrowDown");
  await tabTo(page, page.getByRole("button", { name: "Asignar", exact: true }));
  await page.keyboard.press("Enter");
  await page.locator("aside dd", { hasText: "Íñigo" }).waitFor();
  await tabTo(page, page.getByLabel("Responder"));
  await page.keyboard.type("Le llevamos uno.");
  await tabTo(page, page.getByRole("button", { name: "Enviar", exact: true }));
  await page.keyboard.press("Enter");
  await page.locator("article", { hasText: "Le llevamos uno." }).waitFor();
  await tabTo(page, page.locator("summary", { hasText: "Resolver" }));
  await page.keyboard.press("Enter");
  await tabTo(page, page.getByLabel("Qué se hizo"));
  await page.keyboard.type("Hay ratón.");
  await tabTo(page, page.locator("form[action$='/resolver'] button"));
  await page.keyboard.press("Enter");
  await page.locator("aside .state", { hasText: "Resuelta" }).waitFor();
});
