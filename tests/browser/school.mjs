// What becomes of a school's money, letters and certificates afterwards: given back, disputed, refused, corrected, revoked.

import assert from "node:assert/strict";
import { inBrowser, letter, look, reloadUntil, signIn } from "./browser.mjs";

const { SITE, MAILBOX, CHAPTER, SALE, SESSION, CERTIFICATE, SERIAL } = process.env;
const [learner, other, third] = ["aprendiz@faena.example", "nandu@faena.example", "sol@faena.example"];
const course = `${SITE}/cursos/rust`;

const post = (path, body, method = "POST") =>
  fetch(`${MAILBOX}${path}`, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

/** The letters to somebody whose subject begins so, once there are that many. */
async function letters(page, address, subject, count) {
  let found = [];
  await reloadUntil(page, `${count} letters «${subject}» to ${address}`, async () => {
    const all = await (await fetch(`${MAILBOX}/api/messages?to=${address}`)).json();
    found = all.filter((one) => one.subject.startsWith(subject));
    return found.length >= count;
  });
  assert.equal(found.length, count);
  return found;
}

/** Tells the course something, and waits until it is known how many are told. */
async function announce(page, title) {
  await page.goto(`${course}/avisos`);
  await page.getByLabel("Asunto").fill(title);
  await page.getByLabel("Aviso", { exact: true }).fill("El jueves a las 18:00 hay dudas en directo.\n\nTrae la tuya.");
  await page.getByRole("button", { name: "Avisar a todos" }).click();
  await page.getByText("El aviso está en camino.").waitFor();
  const told = page.locator("article", { hasText: title });
  await reloadUntil(page, "its letters to be promised", async () => (await told.innerText()).includes("3 cartas"));
}

const chapters = {
  async refunded() {
    await inBrowser(async (page) => {
      await signIn(page, "admin@faena.example");
      await page.goto(`${SITE}/admin/sales`);
      await page.locator(`a[href="/admin/sales/${SALE}"]`).click();
      await page.getByText("Devolver dinero…").click();
      await page.getByLabel(/^Cuánto/).fill("49,00 EUR");
      await page.getByRole("button", { name: "Sí, devolverlo" }).click();
      await page.getByText("no se pagó en esa moneda").waitFor();
      await look(page, "sale-refund-refused");
      await page.getByLabel(/^Cuánto/).fill("49,00 USD");
      await page.getByLabel("Por qué").fill("No era lo que esperaba");
      await page.getByRole("button", { name: "Sí, devolverlo" }).click();
      await page.getByText("La devolución quedó pedida").waitFor();
      await reloadUntil(page, "the money to be back", async () => (await page.locator("h1 .state").innerText()).includes("Devuelta"));
      await look(page, "sale-refunded");
      await letter(page, /Te devolvimos 49/, "/compras");
    });
    await inBrowser(async (page) => {
      await signIn(page, learner);
      await page.goto(`${SITE}/mis-cursos`);
      await page.getByText("Cerrado: el pago se devolvió.").waitFor();
      await look(page, "my-courses-closed");
    });
  },

  async disputed() {
    assert.equal((await post("/api/stripe/happen", { dispute: { session: SESSION } })).ok, true);
    await inBrowser(async (page) => {
      await signIn(page, "admin@faena.example");
      await page.goto(`${SITE}/admin/sales/${SALE}`);
      await reloadUntil(page, "the dispute", async () => (await page.locator("h1 .state").innerText()).includes("En disputa"));
      assert.equal(await page.getByText("Devolver dinero…").count(), 0, "a bank decides now");
      await look(page, "sale-disputed");
      await page.goto(`${SITE}/admin/sales?state=disputed`);
      await page.locator(`a[href="/admin/sales/${SALE}"]`).waitFor();
      await page.goto(`${SITE}/ops`);
      await page.getByText(`El banco reclama el pago de la compra ${SALE}`).waitFor();
    });
    await inBrowser(async (page) => {
      await signIn(page, other);
      await page.goto(`${SITE}/mis-cursos`);
      await page.getByText("En pausa mientras se aclara el pago.").waitFor();
    });
  },

  // One sale was refunded and the other is disputed.
  async counted() {
    await inBrowser(async (page) => {
      await signIn(page, "admin@faena.example");
      await page.goto(`${SITE}/admin/statistics?days=30&currency=USD`);
      const figure = (name) => page.locator("dl.figures .figure", { has: page.locator("dt", { hasText: name }) }).locator("dd").innerText();
      await reloadUntil(page, "all to be counted", async () => (await figure("Devuelto")).startsWith("98"));
      assert.equal(await figure("Ventas"), "2");
      assert.match(await figure("Neto"), /^0\sUSD$/);
      await page.locator("details.figures-of summary").click();
      assert.match(await page.locator("details.figures-of tbody tr").first().innerText(), /98\sUSD\s+98\sUSD\s+0\sUSD/);
      await look(page, "statistics-of-nothing");
    });
  },

  async reset() {
    await inBrowser(async (page) => {
      await page.goto(`${SITE}/entrar`);
      await page.getByRole("link", { name: "Olvidé mi contraseña" }).click();
      await page.getByLabel("Correo electrónico").fill(learner);
      await page.getByRole("button", { name: "Enviar el enlace" }).click();
      await page.getByText("la carta va en camino").waitFor();
      const link = await letter(page, /Elige otra contraseña/, "/contrasena/nueva");
      await page.goto(link);
      await look(page, "new-password");
      await page.getByRole("textbox", { name: "Contraseña" }).fill("siete tortugas leen a oscuras");
      await page.getByRole("button", { name: "Cambiar la contraseña" }).click();
      await page.getByText("Tu contraseña quedó cambiada").waitFor();
      await page.goto(link);
      await page.getByRole("heading", { name: "Este enlace ya no sirve" }).waitFor();
      await signIn(page, learner, "siete tortugas leen a oscuras");
    });
  },

  async announced() {
    await inBrowser(async (page) => {
      await signIn(page, "instructora@faena.example");
      await page.goto(`${course}/avisos`);
      await look(page, "announcements");
      await announce(page, "Primer aviso");
      for (const address of [learner, other, third]) await letters(page, address, "Primer aviso", 1);

      // One reads it and wants no more: one click on our page. Looking says nothing.
      const [first] = await letters(page, learner, "Primer aviso", 1);
      await page.goto(first.html.match(/href="([^"]*\/baja[^"]*)"/)[1].replaceAll("&amp;", "&"));
      await look(page, "unsubscribe");
      await page.getByRole("button", { name: "No quiero recibirlas" }).click();
      await page.getByRole("heading", { name: "No te las enviaremos más" }).waitFor();
      // Another one's mail program says it, as RFC 8058 has it.
      const [second] = await letters(page, other, "Primer aviso", 1);
      const header = (name) => second.headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? "";
      assert.equal(header("list-unsubscribe-post"), "List-Unsubscribe=One-Click");
      const said = await fetch(header("list-unsubscribe").match(/<(https?:[^>]*)>/)[1], { method: "POST", body: new URLSearchParams({ "List-Unsubscribe": "One-Click" }) });
      assert.equal(said.status, 200);

      // The third one's address is gone: the next letter comes back, and the operator sees it.
      assert.equal((await post("/api/misbehave/smtp", { rules: [{ at: "rcpt", to: third, do: { reply: { code: 550, text: "5.1.1 no such mailbox" } } }] }, "PUT")).ok, true);
      await announce(page, "Segundo aviso");
    });
    await inBrowser(async (page) => {
      await signIn(page, "operadora@faena.example");
      await page.goto(`${SITE}/ops/mail`);
      const row = page.locator("tbody tr", { hasText: third });
      await reloadUntil(page, "the address to be suppressed", () => row.isVisible());
      assert.match(await row.innerText(), /El buzón no existe[^]*5\.1\.1 no such mailbox/);
      await look(page, "ops-mail");
      // It was a mistake of theirs, and is mended.
      assert.equal((await fetch(`${MAILBOX}/api/misbehave/smtp`, { method: "DELETE" })).ok, true);
      await row.getByRole("button", { name: /Levantar/ }).click();
      await page.getByText("Levantado: las próximas cartas saldrán.").waitFor();
      assert.equal(await row.count(), 0);
    });
    await inBrowser(async (page) => {
      await signIn(page, "instructora@faena.example");
      await announce(page, "Tercer aviso");
      await letters(page, third, "Tercer aviso", 1);
    });
  },

  async amended() {
    await inBrowser(async (page) => {
      await signIn(page, "admin@faena.example");
      await page.goto(`${SITE}/admin/certificates`);
      await page.locator(`a[href="/admin/certificates/${CERTIFICATE}"]`).click();
      await page.getByText("Emitir con otro nombre…").click();
      await page.getByLabel("Nombre", { exact: true }).fill("María del Mar Ibáñez Ñáñez");
      await look(page, "certificate-reissue");
      await page.getByRole("button", { name: "Emitir", exact: true }).click();
      await page.getByText("En cuanto esté listo, vale este.").waitFor();
      await page.goto(`${SITE}/admin/certificates/${CERTIFICATE}`);
      await reloadUntil(page, "the new one", async () => (await page.locator("h1 .state").innerText()).includes("reemplazado"));
      const successor = await page.locator("table a[href^='/admin/certificates/']").first().getAttribute("href");

      await page.goto(`${SITE}/v/${SERIAL}`);
      await page.getByRole("heading", { name: "Este certificado fue reemplazado" }).waitFor();
      await look(page, "check-superseded");
      await page.locator("dl.facts a[href^='/v/CC-']").first().click();
      await page.getByRole("heading", { name: "Este certificado es auténtico" }).waitFor();
      await page.getByText("María del Mar Ibáñez Ñáñez").waitFor();
      const checked = page.url();

      await page.goto(`${SITE}${successor}`);
      await page.getByText("Retirar…").click();
      await page.getByLabel("Por qué", { exact: true }).fill("Otra persona hizo los ejercicios");
      await page.getByRole("button", { name: "Sí, retirarlo" }).click();
      await page.getByText("La página para comprobarlo ya lo dice.").waitFor();
      await page.goto(checked);
      await page.getByRole("heading", { name: "Este certificado fue retirado" }).waitFor();
      await page.getByText("Otra persona hizo los ejercicios").waitFor();
      await look(page, "check-revoked");
    });
  },
};

await chapters[CHAPTER]();
