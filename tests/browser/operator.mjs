// An operator is paged: a letter was refused for good. She finds the dead job, reads why, and retries it when the cause is gone.

import assert from "node:assert/strict";
import { inBrowser, look, reloadUntil } from "./browser.mjs";

const { SITE, MAILBOX, DEAD_JOB, WAITING_JOB } = process.env;

const misbehave = (method, rules) =>
  fetch(`${MAILBOX}/api/misbehave/smtp`, { method, headers: { "content-type": "application/json" }, body: rules && JSON.stringify({ rules }) });

await inBrowser(async (page) => {
  await page.goto(`${SITE}/entrar`);
  await page.getByLabel("Correo electrónico").fill("operadora@faena.example");
  await page.getByRole("textbox", { name: "Contraseña" }).fill("faena-de-prueba-2026");
  await page.getByRole("button", { name: "Entrar" }).click();
  await page.getByRole("button", { name: "Salir" }).waitFor();

  await page.goto(`${SITE}/ops`);
  await look(page, "ops");

  // While the page cannot refresh itself it says so, and takes it back.
  const stale = page.locator("[data-stale]");
  await page.route("**/ops", (route) => route.abort());
  await stale.waitFor({ state: "visible" });
  await look(page, "ops-stale");
  await page.unroute("**/ops");
  await stale.waitFor({ state: "hidden" });
  await page.goto(`${SITE}/ops/jobs?state=dead`);
  await look(page, "ops-dead");
  await page.locator(`a[href="/ops/jobs/${DEAD_JOB}"]`).first().click();
  await page.getByText("554 5.7.1 refused by our policy").first().waitFor();
  await look(page, "ops-job-dead");

  // The cause is gone; one click, and the letter leaves.
  assert.equal((await misbehave("DELETE")).ok, true);
  await page.locator("form[action$='/retry'] button").click();
  await page.getByRole("status").first().waitFor();
  await reloadUntil(page, "the job to be completed", async () => (await page.getByRole("heading", { level: 1 }).innerText()).match(/completad/i));
  await look(page, "ops-job-completed");
  const kept = await (await fetch(`${MAILBOX}/api/messages`)).json();
  assert.equal(kept.length, 1);

  // Another one waits, and nobody wants it any more: two clicks, because it cannot be taken back.
  await page.goto(`${SITE}/ops/jobs/${WAITING_JOB}`);
  await look(page, "ops-job-scheduled");

  // First she takes what it is to do for wrong, and then puts it off.
  await page.getByRole("link", { name: "Cambiar" }).click();
  await look(page, "ops-job-edit");
  const right = await page.getByLabel("Argumentos").inputValue();
  await page.getByLabel("Argumentos").fill('{"user_id": "nadie"}');
  await page.getByRole("button", { name: "Guardar el cambio" }).click();
  await page.getByText("args/user_id").waitFor();
  await look(page, "ops-job-edit-refused");
  await page.getByLabel("Argumentos").fill(right);
  await page.locator("#run_at").fill("2031-05-06T07:08");
  await page.getByRole("button", { name: "Guardar el cambio" }).click();
  await page.getByRole("status").first().waitFor();
  await reloadUntil(page, "the job to wait for its new time", async () => (await page.locator("dl").innerText()).includes("2031-05-06 07:08"));

  await page.locator("details.sure summary").click();
  await page.locator("form[action$='/cancel'] button").click();
  await page.getByRole("status").first().waitFor();
  await reloadUntil(page, "the job to be cancelled", async () => (await page.getByRole("heading", { level: 1 }).innerText()).match(/cancelad/i));
  await look(page, "ops-job-cancelled");

  // What it held is nobody's business any more.
  await page.locator("details.sure summary").click();
  await page.locator("form[action$='/delete'] button").click();
  await page.waitForURL(/ops\/jobs\?state=cancelled$/);
  assert.equal((await page.goto(`${SITE}/ops/jobs/${WAITING_JOB}`)).status(), 404);
});
