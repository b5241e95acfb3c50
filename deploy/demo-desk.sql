-- The demo's help desk: calendars, policies, and two clients, one of which the demo's client opens tickets for. Applied with psql by deploy/up after
-- demo.sql. Applying it again changes nothing. Its tickets are in demo-tickets.sql. Articles stand at the end.

do $demo$
declare
    office bigint;
    always bigint;
    coffee bigint;
begin
    if exists (select from desk.clients) then
        return;
    end if;
    insert into desk.calendars (name, time_zone) values ('Oficina de Bogotá', 'America/Bogota') returning id into office;
    insert into desk.calendar_hours (calendar_id, weekday, opens_minute, closes_minute)
    select office, weekday, 8 * 60, 18 * 60 from generate_series(1, 5) weekday;
    -- Colombia's holidays that fall on the same day each year (ley 51 de 1983), of this year and the next.
    insert into desk.calendar_holidays (calendar_id, day, name)
    select office, make_date(year, h.month, h.day), h.name
    from generate_series(extract(year from now())::integer, extract(year from now())::integer + 1) year,
        (values (1, 1, 'Año Nuevo'), (5, 1, 'Día del Trabajo'), (7, 20, 'Independencia'), (8, 7, 'Batalla de Boyacá'),
                (12, 8, 'Inmaculada Concepción'), (12, 25, 'Navidad')) as h (month, day, name);
    insert into desk.calendars (name, time_zone, is_always_open) values ('Día y noche', 'UTC', true) returning id into always;
    insert into desk.sla_policies (priority, first_response_minutes, resolution_minutes, warn_minutes, escalate_minutes) values
        ('low', 480, null, 60, '{240}'),
        ('normal', 240, 1440, 30, '{60, 240}'),
        ('high', 60, 480, 30, '{60}'),
        ('urgent', 15, 120, 10, '{30, 60}');
    insert into desk.clients (name, calendar_id) values ('Cafés del Quindío S. A.', office) returning id into coffee;
    insert into desk.contracts (client_id, reference, starts_on) values (coffee, 'CQ-1', current_date - 200);
    insert into desk.contacts (user_id, client_id) select id, coffee from core.users where email = 'cliente@faena.example';
    insert into desk.clients (name, calendar_id, without_contract) values ('Hospital San Roque', always, 'serve');
end $demo$;

-- What the desk has written down.
insert into desk.kb_articles (locale, slug, title, audience, client_id, state, body, author_id, editor_id, created_at, updated_at, published_at)
select a.locale, a.slug, a.title, a.audience, c.id, a.state, a.body, u.id, u.id, now(), now(), case when a.state = 'published' then now() end
from (values
    ('es', 'restablecer-contrasena', 'Restablecer la contraseña del correo o del equipo', 'clients', null, 'published', $md$Sirve para la cuenta con la que entras al correo, a Teams y a tu equipo: es la misma.

## Si todavía recuerdas la actual

1. Pulsa **Ctrl + Alt + Supr** y elige *Cambiar una contraseña*.
2. Escribe la actual y dos veces la nueva.
3. Cierra la sesión y vuelve a entrar. El teléfono te la pedirá de nuevo: es normal.

La nueva tiene 14 caracteres o más y no repite ninguna de las cinco anteriores. Cuatro palabras que no vayan juntas se recuerdan mejor que símbolos al azar.

## Si la olvidaste

Entra a la página de acceso y pulsa *¿No puedes acceder a tu cuenta?*. El código llega al teléfono que registraste. Si cambiaste de número, **abre una solicitud desde la cuenta de tu jefe**: por teléfono no restablecemos contraseñas.

> Si ves «La cuenta está bloqueada», espera 15 minutos: se desbloquea sola. Casi siempre es un teléfono viejo que sigue intentando entrar con la contraseña anterior.$md$),
    ('es', 'vpn-no-conecta', 'La VPN no conecta o se cae cada pocos minutos', 'clients', null, 'published', $md$## Antes de nada

- ¿Abre alguna página sin la VPN? Si no, el problema es tu internet.
- ¿Estás en un hotel o un aeropuerto? Abre primero el navegador y acepta sus condiciones.

## Según lo que diga

| Mensaje | Qué hacer |
| --- | --- |
| Error 809 o «no responde» | La red bloquea la VPN. Prueba con los datos del móvil; si así conecta, cuéntanos en qué red estabas. |
| Error 691 | La contraseña caducó: [restablécela](/ayuda/restablecer-contrasena). |
| «Certificado no válido» | Mira la fecha y la hora del equipo. Con más de 5 minutos de diferencia no conecta. |
| Conecta y se cae | Acércate al router o usa un cable. En wifi de 2,4 GHz con muchos vecinos pasa a diario. |

Si nada sirve, abre una solicitud con **el mensaje exacto, la hora y la red** desde la que intentabas.$md$),
    ('es', 'impresora-no-imprime', 'La impresora no imprime o aparece sin conexión', 'clients', null, 'published', $md$1. Mira la pantalla de la impresora: papel, tóner o una tapa abierta.
2. En el equipo: *Configuración → Impresoras*, elige la tuya y pulsa **Abrir la cola**. Si hay un documento con error, cancélalo: los demás esperan detrás de él.
3. Apágala, cuenta hasta diez y enciéndela. Tarda un minuto en volver a la red.
4. ¿Sigue «sin conexión»? Quita la impresora y agrégala otra vez por su nombre, que está en la etiqueta verde (por ejemplo `IMP-BOG-03`).

Si imprime **rayas o manchas**, no abras el tóner: dinos el nombre de la impresora y llevamos otro.$md$),
    ('es', 'correo-lleno', 'El buzón está lleno y no llegan correos', 'clients', null, 'published', $md$Cada buzón tiene 50 GB. Al 90 % llega un aviso; al 100 % los correos que te envían **se devuelven a quien los manda**.

## Hacer sitio en diez minutos

1. En Outlook, *Buscar* y escribe `size:>10MB`: casi todo el espacio está en unos pocos adjuntos.
2. Guarda los que necesites en OneDrive y borra esos correos.
3. Vacía **Elementos eliminados** y **Correo no deseado**: mientras estén ahí, ocupan.

¿Necesitas conservarlos por ley o por contrato? Pide el *archivo en línea*: no cuesta nada y mueve solo lo que tiene más de dos años.$md$),
    ('es', 'phishing', 'Recibí un correo sospechoso: qué hago', 'clients', null, 'published', $md$**No pulses nada y no respondas.** Tampoco lo borres todavía.

- Usa el botón *Notificar → Suplantación de identidad*: nos llega con lo que hace falta para bloquearlo a todos.
- ¿Pulsaste un enlace o escribiste tu contraseña? [Cámbiala ahora](/ayuda/restablecer-contrasena) y abre una solicitud **urgente**. Nadie te va a regañar; lo que hace daño es el tiempo que pasa.
- ¿Abriste un archivo? Desconecta el cable o el wifi, deja el equipo encendido y llámanos.

Nosotros nunca pedimos tu contraseña ni códigos, ni por correo ni por teléfono.$md$),
    ('es', 'acceso-sap-planta', 'Acceso a SAP desde la planta de Armenia', 'clients', 'Cafés del Quindío S. A.', 'published', $md$En la planta se entra por el escritorio remoto, no por la VPN.

1. Abre *Escritorio remoto* y conéctate a `rds.cafesquindio.example`.
2. Entra con tu usuario de siempre, precedido de `CQ\`.
3. SAP está en el menú de inicio. La báscula imprime por `IMP-ARM-01`.

Entre las 2:00 y las 3:00 los domingos hay mantenimiento y no se puede entrar.$md$),
    ('es', 'escalar-red-proveedor', 'Cómo escalar una caída de red con el proveedor', 'desk', null, 'published', $md$Solo para quienes atienden la mesa.

1. Comprueba que no es nuestro: `mtr` desde dos sedes y la consola del cortafuegos.
2. Llama al NOC del proveedor con **el número de circuito** (está en la ficha del cliente) y pide el *ticket* de ellos.
3. Escríbelo como nota interna y pon la solicitud en espera **solo si** el cliente ya sabe qué pasa: el plazo de solución sigue corriendo si no esperamos al cliente.
4. A los 30 minutos sin técnico asignado, pide el segundo nivel; a los 60, avisa a Consuelo.$md$),
    ('es', 'migracion-windows-11', 'Migración a Windows 11: lo que hay que saber', 'clients', null, 'draft', $md$Falta confirmar fechas con cada cliente.

- Qué equipos cumplen (TPM 2.0, 8 GB).
- Qué programas se probaron.
- Cuánto tarda: unas dos horas, con copia antes.$md$),
    ('es', 'fax-virtual', 'Configurar el fax virtual', 'clients', null, 'archived', $md$El servicio se retiró en 2025. Se conserva por los contratos que todavía lo nombran.$md$),
    ('en', 'reset-your-password', 'Reset the password of your mail or computer', 'clients', null, 'published', $md$One account opens your mail, Teams and your computer.

## If you still know the present one

1. Press **Ctrl + Alt + Del** and choose *Change a password*.
2. Type the present one, and the new one twice.
3. Sign out and in again. Your phone will ask for it too.

## If you have forgotten it

On the sign-in page choose *Can't access your account?*. The code goes to the phone that you registered. With another number by now, **have your manager open a ticket**: we reset no passwords over the phone.$md$),
    ('en', 'vpn-does-not-connect', 'The VPN does not connect, or drops every few minutes', 'clients', null, 'published', $md$- Does any page open without the VPN? If not, it is your internet.
- In a hotel, open the browser first and accept their terms.

| Message | What to do |
| --- | --- |
| Error 809, "not responding" | The network blocks it. Try your phone's data, and tell us which network it was. |
| Error 691 | The password has expired: [reset it](/help/reset-your-password). |
| "Certificate not valid" | Check the date and time of your computer. |

Still nothing? Open a ticket with **the exact message, the time and the network**.$md$)
) as a (locale, slug, title, audience, client, state, body)
join core.users u on u.email = 'agente@faena.example'
left join desk.clients c on c.name = a.client
on conflict (locale, slug) do nothing;
