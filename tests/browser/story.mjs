// The whole story: somebody registers, reads the letter that a worker sent, proves the address; an operator sees the job.

import assert from "node:assert/strict";
import { inBrowser, look, reloadUntil } from "./browser.mjs";

const { SITE, MAILBOX } = process.env;
const name = "Begoña Ñúñez 李雷";
const email = "begona@learner.example";
const password = "cuatro caballos correctos y una grapa";

await inBrowser(async (page) => {
  // A visitor makes mistakes first, and each is named at its field.
  await page.goto(`${SITE}/`);
  await look(page, "landing");
  await page.goto(`${SITE}/registro`);
  await look(page, "register");
  await page.getByLabel("Nombre completo").fill(name);
  await page.getByLabel("Correo electrónico").fill("begona@@learner");
  await page.getByRole("textbox", { name: "Contraseña" }).fill("contraseña");
  await page.getByRole("button", { name: "Crear cuenta" }).click();
  await page.getByRole("alert").waitFor();
  assert.equal(await page.getByLabel("Correo electrónico").getAttribute("aria-invalid"), "true");
  assert.equal(await page.getByRole("textbox", { name: "Contraseña" }).getAttribute("aria-invalid"), "true");
  assert.equal(await page.getByLabel("Nombre completo").inputValue(), name);
  assert.equal(await page.getByRole("textbox", { name: "Contraseña" }).inputValue(), "");
  await look(page, "register-mistakes");

  // Then gets it right.
  await page.getByLabel("Correo electrónico").fill(email);
  await page.getByRole("textbox", { name: "Contraseña" }).fill(password);
  await page.getByRole("button", { name: "Crear cuenta" }).click();
  await page.waitForURL(`${SITE}/cuenta*`);
  assert.match(await page.getByRole("heading", { level: 1 }).innerText(), new RegExp(name));
  await look(page, "account-unverified");
  await reloadUntil(page, "the letter to be sent", async () =>
    (await page.locator("[aria-current=step]").innerText()).includes("Enviada"),
  );

  // The letter lies in the mailbox; its button leads back.
  const mailbox = await page.context().newPage();
  await mailbox.goto(MAILBOX);
  await look(mailbox, "mailbox");
  await mailbox.getByRole("link", { name: /Te damos la bienvenida/ }).first().click();
  await mailbox.waitForURL("**/messages/*");
  await look(mailbox, "mailbox-letter");
  const letter = mailbox.frameLocator("iframe");
  assert.match(await letter.locator("h1").innerText(), new RegExp(name));
  const link = await letter.locator("a[href*='/verificar?token=']").first().getAttribute("href");
  await mailbox.close();
  await page.goto(link);
  await look(page, "verify");
  await page.getByRole("button", { name: "Sí, es mi correo" }).click();
  await page.getByText("Confirmado el").waitFor();
  await look(page, "account-verified");
  await page.goto(link);
  await page.getByRole("heading", { name: "Este enlace ya se usó" }).waitFor();

  // Leaves, comes back with a wrong password, then with the right one.
  await page.goto(`${SITE}/cuenta`);
  await page.getByRole("button", { name: "Salir" }).click();
  await page.getByRole("link", { name: "Entrar" }).first().waitFor();
  await page.goto(`${SITE}/cuenta`);
  assert.match(page.url(), /\/entrar/);
  await page.getByLabel("Correo electrónico").fill(email);
  await page.getByRole("textbox", { name: "Contraseña" }).fill("otra cosa muy distinta");
  await page.getByRole("button", { name: "Entrar" }).click();
  await page.getByText("El correo o la contraseña no son correctos.").waitFor();
  await look(page, "login-refused");
  await page.getByRole("textbox", { name: "Contraseña" }).fill(password);
  await page.getByRole("button", { name: "Entrar" }).click();
  await page.waitForURL(`${SITE}/cuenta*`);

  // A learner has no business at /ops.
  const answer = await page.goto(`${SITE}/ops`);
  assert.equal(answer.status(), 403);
  await look(page, "forbidden");
});
