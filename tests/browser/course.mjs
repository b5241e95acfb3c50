// A course is bought at one provider's page and at the other's, studied and certified; whoever leads the school sees it counted.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { inBrowser, letter, look, reloadUntil, signIn } from "./browser.mjs";

const { SITE, CHAPTER, PROVIDER, BUYER } = process.env;
const title = "Rust con «ñ» & cía.";

const chapters = {
  async bought() {
    await inBrowser(async (page) => {
      await signIn(page, BUYER);
      await page.goto(`${SITE}/cursos/rust`);
      await look(page, "course-for-sale");
      await page.getByRole("button", { name: PROVIDER === "paypal" ? "Pagar con PayPal" : "Pagar con tarjeta" }).click();
      // Our page leads on to the provider's as soon as a worker has opened it.
      await page.getByRole("heading", { name: /Pago de prueba/ }).waitFor();
      await page.getByRole("button", { name: "Pagar", exact: true }).click();
      await page.waitForURL(`${SITE}/**`);
      const state = page.locator("p.lead .state");
      await reloadUntil(page, "the purchase to be paid", async () => (await state.innerText()).includes("Pagada"));
      await look(page, "purchase-paid");
      assert.equal(await letter(page, /Recibo de tu compra/, "/cursos/rust"), `${SITE}/cursos/rust`);
    });
  },

  async studied() {
    await inBrowser(async (page) => {
      await signIn(page, BUYER);
      await page.goto(`${SITE}/mis-cursos`);
      await page.getByRole("link", { name: title }).first().click();
      await page.getByRole("link", { name: /Seguir|Empezar|Continuar/ }).first().click();
      await look(page, "lesson");
      await page.getByRole("button", { name: "Marcar como hecha" }).click();
      await page.getByRole("link", { name: "Ver tu certificado" }).click();
      const fetched = page.getByRole("link", { name: "Descargar" });
      await reloadUntil(page, "the certificate", () => fetched.isVisible());
      await look(page, "certificates");
      const download = page.waitForEvent("download");
      await fetched.click();
      const file = await (await download).path();
      assert.equal((await readFile(file)).subarray(0, 5).toString(), "%PDF-");

      // Anybody can ask whether it is one: by its serial, and with the file itself.
      const check = await letter(page, /Tu certificado está listo/, "/v/");
      await page.goto(check);
      await page.getByRole("heading", { name: "Este certificado es auténtico" }).waitFor();
      await page.locator("input[type=file]").setInputFiles({ name: "certificado.pdf", mimeType: "application/pdf", buffer: await readFile(file) });
      await page.getByRole("button", { name: "Comparar" }).click();
      await page.getByRole("heading", { name: "Este certificado es auténtico" }).waitFor();
      await look(page, "certificate-checked");
    });
  },

  async counted() {
    await inBrowser(async (page) => {
      await signIn(page, "admin@faena.example");
      await page.goto(`${SITE}/admin/statistics?days=30&currency=USD`);
      const figure = (name) => page.locator("dl.figures .figure", { has: page.locator("dt", { hasText: name }) }).locator("dd").innerText();
      await reloadUntil(page, "both sales to be counted", async () => (await figure("Ventas")) === "2");
      assert.match(await figure("Cobrado"), /^98\sUSD$/);
      assert.equal(await page.locator("figure.chart rect").count(), 1, "a bar for the one day");
      assert.match(await page.locator("tbody tr", { hasText: title }).first().innerText(), /98\sUSD/);
      await look(page, "statistics");
    });
  },
};

await chapters[CHAPTER]();
