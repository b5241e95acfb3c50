// Somebody of a client helps themselves; an agent writes down what was missing.

import assert from "node:assert/strict";
import { inBrowser, look } from "./browser.mjs";

const { SITE } = process.env;

async function signIn(page, who) {
  await page.goto(`${SITE}/entrar`);
  await page.getByLabel("Correo electrónico").fill(`${who}@faena.example`);
  await page.getByRole("textbox", { name: "Contraseña" }).fill("faena-de-prueba-2026");
  await page.getByRole("button", { name: "Entrar" }).click();
  await page.waitForURL(`${SITE}/cuenta*`);
}

await inBrowser(async (page) => {
  await signIn(page, "cliente");
  await page.goto(`${SITE}/solicitudes/nueva`);
  await page.getByLabel("Solicitud", { exact: true }).fill("La VPN se cae en la planta de Armenia");
  await page.getByLabel("Qué pasa").fill("Conecta y a los dos minutos se pierde la red del proveedor. Ya cambié la contraseña y reinicié el router.");
  await page.getByRole("button", { name: "Enviar la solicitud" }).click();
  await page.waitForURL(/solicitudes\/\d+/);

  // With a typo and without accents.
  await page.goto(`${SITE}/solicitudes`);
  await look(page, "tickets");
  await page.getByRole("searchbox").fill("contrasenia vpn");
  await page.getByRole("searchbox").press("Enter");
  await page.waitForURL(/buscar\?q=/);
  await page.getByText("También se buscó").waitFor();
  assert.ok((await page.locator("mark").count()) >= 2);
  await look(page, "search");
  await page.getByRole("link", { name: /La VPN no conecta/ }).click();
  await page.waitForURL("**/ayuda/vpn-no-conecta");
  await look(page, "article");
  await page.goto(`${SITE}/ayuda`);
  await look(page, "articles");
  await page.goto(`${SITE}/buscar?q=${"%".repeat(9)}`);
  await look(page, "search-refused");
});

await inBrowser(async (page) => {
  await signIn(page, "agente");
  await page.goto(`${SITE}/ayuda/articulos/nuevo`);
  await look(page, "editor");
  await page.getByLabel("Título").fill("Compartir un calendario");
  await page.getByLabel("Texto").fill("# Pasos\n\n1. Abre *Outlook*.\n2. Pulsa **Compartir**.\n\n| Permiso | Qué ve |\n| --- | --- |\n| Disponibilidad | Solo si estás ocupado, en cualquier semana del año |\n\n```\nmuy_largo " + "x".repeat(200) + "\n```\n");
  await page.getByRole("button", { name: "Vista previa" }).click();
  await page.getByRole("heading", { name: "Pasos" }).waitFor();
  await look(page, "editor-preview");
  await page.getByLabel("Dirección").fill("phishing");
  await page.getByRole("button", { name: "Guardar" }).click();
  await page.getByText("ya tiene esta dirección").waitFor();
  await look(page, "editor-refused");
  await page.getByLabel("Dirección").fill("");
  await page.getByRole("button", { name: "Guardar" }).click();
  await page.waitForURL("**/ayuda/compartir-un-calendario");
  await page.getByRole("button", { name: "Publicar" }).click();
  await page.locator(".state").getByText("Publicado").waitFor();
  await look(page, "article-of-the-desk");
  await page.goto(`${SITE}/buscar?q=armenia`);
  await look(page, "search-of-the-desk");
  await page.getByRole("link", { name: /La VPN se cae en la planta/ }).click();
  await page.getByRole("heading", { name: "Artículos que pueden servir" }).waitFor();
  await look(page, "ticket-with-articles");
});
