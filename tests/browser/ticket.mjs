// A ticket's whole life, a chapter at a time: between two chapters the harness moves the clock of its deadlines and lets the monitor look.

import assert from "node:assert/strict";
import { inBrowser, look, reloadUntil } from "./browser.mjs";

const { SITE, MAILBOX, CHAPTER, TITLE } = process.env;
const ticketNumber = process.env.TICKET;

async function signIn(page, who) {
  await page.goto(`${SITE}/entrar`);
  await page.getByLabel("Correo electrónico").fill(`${who}@faena.example`);
  await page.getByRole("textbox", { name: "Contraseña" }).fill("faena-de-prueba-2026");
  await page.getByRole("button", { name: "Entrar" }).click();
  await page.waitForURL(`${SITE}/cuenta*`);
}

/** The figure at the top of the dashboard by that name. */
async function figure(page, name) {
  await page.goto(`${SITE}/tablero?days=7`);
  const shown = page.locator("dl.figures .figure", { has: page.locator("dt", { hasText: name }) }).locator("dd");
  // What is not there in time is there a little later.
  await reloadUntil(page, `the figure «${name}»`, () => shown.isVisible());
  return shown.innerText();
}

/** The row of a table whose first cell says so. */
const row = (page, region, name) => page.locator(`[aria-labelledby=${region}] tbody tr`, { has: page.locator("th", { hasText: name }) });

/** The alerts that somebody has to look at, or all; what each says happened. */
async function alerts(page, query = "") {
  await page.goto(`${SITE}/alertas${query}`);
  return page.locator("tbody tr", { hasText: TITLE }).locator("td .state").allInnerTexts();
}

/** Waits for the letter with that subject, and follows its link to the ticket or to the alerts. */
async function letter(page, subject) {
  await page.goto(MAILBOX);
  const link = page.getByRole("link", { name: new RegExp(`^${subject}: #${ticketNumber}`) }).first();
  await reloadUntil(page, `the letter «${subject}»`, () => link.isVisible());
  await link.click();
  await page.waitForURL("**/messages/*");
  const leads = await page.frameLocator("iframe").locator(`a[href*="/solicitudes/${ticketNumber}"]`).first().getAttribute("href");
  assert.equal(leads, `${SITE}/solicitudes/${ticketNumber}`);
}

const chapters = {
  async opened() {
    await inBrowser(async (page) => {
      await signIn(page, "jefa");
      assert.equal(await figure(page, "Cumplimiento"), "—");
      assert.equal(await figure(page, "Sin resolver"), "0");
      await look(page, "dashboard-empty");
    });
    await inBrowser(async (page) => {
      await signIn(page, "cliente");
      await page.goto(`${SITE}/solicitudes/nueva`);
      await page.getByLabel("Solicitud", { exact: true }).fill(TITLE);
      await page.getByLabel("Qué pasa").fill("Desde las ocho nadie entra al sistema y la báscula no manda el peso. Hay camiones esperando.");
      await page.getByLabel("Prioridad").selectOption("urgent");
      await page.getByRole("button", { name: "Enviar la solicitud" }).click();
      await page.waitForURL(/solicitudes\/\d+/);
      assert.equal(await page.locator(".clock", { hasText: "Quedan" }).count(), 2);
    });
  },

  async counted() {
    await inBrowser(async (page) => {
      await signIn(page, "cliente");
      // The reader's clock is three hours fast, and stands still but for what the story lets pass.
      await page.clock.install({ time: Date.now() + 3 * 3_600_000 });
      await page.clock.pauseAt(Date.now() + 3 * 3_600_000 + 60_000);
      const answer = await page.goto(`${SITE}/solicitudes/${ticketNumber}`);
      const [, served] = (await answer.text()).match(/data-due=[^>]*>([^<]*)</);
      const timer = page.locator("[data-due]").first();
      assert.match(served, /^Quedan \d/);
      assert.equal(await timer.innerText(), served, "as the page says it without the script");
      assert.equal(await timer.getAttribute("role"), "timer", "a timer is not read aloud each second");
      assert.equal(await page.locator("[aria-live] [data-due], [role=status] [data-due], [role=alert] [data-due]").count(), 0);
      const at = async (name) => Date.parse(await timer.getAttribute(name));
      const left = (await at("data-due")) - (await at("data-now"));
      for (const [ms, says, looks] of [
        [left - 90_000, "Quedan 1 min 30 s", "running"],
        [31_000, "Quedan 59 s", "running"],
        [59_000, "Quedan 0 s", "running"],
        [1, "Venció hace 0 s", "dead"],
        [62_000, "Venció hace 1 min 02 s", "dead"],
      ]) {
        await page.clock.runFor(ms);
        assert.equal(await timer.innerText(), says);
        assert.ok((await timer.locator("xpath=..").getAttribute("class")).split(" ").includes(looks), says);
      }
    });
  },

  async warned() {
    await inBrowser(async (page) => {
      await signIn(page, "agente");
      assert.deepEqual(await alerts(page), ["Vence pronto"]);
      await look(page, "alerts-warned");
      await letter(page, "El plazo vence pronto");
    });
    await inBrowser(async (page) => {
      await signIn(page, "jefa");
      assert.equal(await figure(page, "Vencen pronto"), "1");
      assert.equal(await figure(page, "Vencidos ahora"), "0");
    });
  },

  async breached() {
    await inBrowser(async (page) => {
      await signIn(page, "jefa");
      assert.deepEqual(await alerts(page), ["Incumplido"]);
      await page.locator("tbody tr", { hasText: TITLE }).getByRole("button", { name: "Marcar como vista" }).click();
      await page.getByText("Marcaste una alerta como vista.").waitFor();
      await letter(page, "Plazo incumplido");
      assert.equal(await figure(page, "Vencidos ahora"), "1");
      assert.equal(await figure(page, "Cumplimiento"), "0,0\u202f%");
      await page.locator(".figure.bad").waitFor();
      await look(page, "dashboard-breached");
    });
  },

  async escalated() {
    await inBrowser(async (page) => {
      await signIn(page, "jefa");
      // What somebody took note of comes again when it has become worse.
      assert.deepEqual(await alerts(page), ["Escalado"]);
      assert.deepEqual((await alerts(page, "?show=all")).sort(), ["Escalado", "Incumplido", "Vence pronto"]);
      await page.goto(`${SITE}/alertas`);
      await look(page, "alerts-escalated");
      await letter(page, "Plazo incumplido y todavía pendiente");
    });
  },

  async answered() {
    await inBrowser(async (page) => {
      await signIn(page, "agente");
      await page.goto(`${SITE}/solicitudes`);
      await page.getByRole("link", { name: new RegExp(TITLE) }).click();
      await page.getByLabel("Asignar a").selectOption({ label: "Íñigo Zúñiga Ceballos" });
      await page.getByRole("button", { name: "Asignar", exact: true }).click();
      await page.locator("aside dd", { hasText: "Íñigo Zúñiga Ceballos" }).waitFor();
      await page.getByLabel("Responder").fill("El enlace principal está caído: pasamos la planta al de respaldo.");
      await page.getByRole("button", { name: "Enviar", exact: true }).click();
      await page.locator(".clock", { hasText: "Cumplida fuera de plazo" }).waitFor();
      // An agent's dashboard is about what they see to.
      assert.equal(await figure(page, "Sin resolver"), "1");
      await page.getByText("Solo con las solicitudes que atiendes.").waitFor();
    });
    await inBrowser(async (page) => {
      await signIn(page, "cliente");
      await page.goto(`${SITE}/solicitudes/${ticketNumber}`);
      await page.locator("article", { hasText: "pasamos la planta al de respaldo" }).waitFor();
      await look(page, "ticket-answered");
    });
  },

  async resolved() {
    await inBrowser(async (page) => {
      await signIn(page, "agente");
      await page.goto(`${SITE}/solicitudes/${ticketNumber}`);
      await page.locator("summary", { hasText: "Resolver" }).click();
      await page.getByLabel("Qué se hizo").fill("El proveedor reparó la fibra. Diez pesadas seguidas llegaron al sistema.");
      await page.locator("form[action$='/resolver'] button").click();
      await page.locator("aside .state", { hasText: "Resuelta" }).waitFor();
      assert.equal(await page.locator(".clock", { hasText: "Cumplida" }).count(), 2);
    });
    await inBrowser(async (page) => {
      await signIn(page, "cliente");
      await page.goto(`${SITE}/solicitudes/${ticketNumber}`);
      await page.locator("article", { hasText: "Diez pesadas seguidas" }).waitFor();
      // What the desk's people look at is not the client's.
      assert.equal(await page.getByRole("link", { name: "Tablero" }).count(), 0);
      assert.equal((await page.goto(`${SITE}/tablero`)).status(), 403);
    });
    await inBrowser(async (page) => {
      await signIn(page, "jefa");
      assert.equal(await figure(page, "Vencidos ahora"), "0");
      assert.equal(await figure(page, "Sin resolver"), "0");
      assert.equal(await figure(page, "Resueltas"), "1");
      assert.equal(await figure(page, "Cumplimiento"), "50,0\u202f%");
      assert.deepEqual(await row(page, "promises", "Primera respuesta · Urgente").locator("td").allInnerTexts(), ["0", "1", "0,0\u202f%", "0", "0"]);
      assert.deepEqual(await row(page, "promises", "Solución · Urgente").locator("td").allInnerTexts(), ["1", "0", "100,0\u202f%", "0", "0"]);
      await look(page, "dashboard-resolved");
    });
  },

  async reported() {
    await inBrowser(async (page) => {
      await signIn(page, "jefa");
      await page.goto(`${SITE}/informes`);
      await page.getByLabel("Informe").selectOption("tickets");
      await page.getByLabel("Formato").selectOption("csv");
      await page.getByRole("button", { name: "Pedir el informe" }).click();
      const file = page.getByRole("link", { name: "Descargar" });
      await reloadUntil(page, "the report to be ready", () => file.isVisible());
      await look(page, "reports-ready");
      const answer = await page.request.get(`${SITE}${await file.getAttribute("href")}`);
      assert.equal(answer.status(), 200);
      const lines = (await answer.text()).trim().split("\r\n");
      assert.equal(lines.length, 2);
      for (const said of [ticketNumber, TITLE, "Urgente", "Resuelta", "Íñigo Zúñiga Ceballos", "Cumplido fuera de plazo", "Cumplido"]) {
        assert.ok(lines[1].split(",").includes(said), `${said}: ${lines[1]}`);
      }

      // A page that was loaded while the report was being made asks until it is there, and then no more.
      await page.clock.install();
      await page.clock.pauseAt(Date.now() + 60_000);
      let asked = 0;
      await page.route("**/informes", async (route) => {
        if (route.request().isNavigationRequest()) {
          const answer = await route.fetch();
          return route.fulfill({ response: answer, body: (await answer.text()).replace("<body", '<body data-refresh-s="5"') });
        }
        asked += 1;
        return route.continue();
      });
      await page.goto(`${SITE}/informes`);
      await page.clock.runFor(5_000);
      await page.locator("body:not([data-refresh-s])").waitFor();
      await page.clock.runFor(600_000);
      // What the page had asked for comes before what is asked for here.
      await page.evaluate(() => fetch(location.href).then(() => null));
      assert.equal(asked, 2, "once by the page, and once here");
    });
  },
};

await chapters[CHAPTER]();
