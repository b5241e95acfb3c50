-- The demo's tickets: four hundred of the last six months, each with what was promised, said and done about it, some of them late, some waiting, a few near
-- their deadline or past it at this moment. Applied with psql by deploy/up after demo-desk.sql. Applying it again changes nothing.
--
-- What is drawn is drawn by a seed: two installations differ by the day alone. Deadlines are worked out here by the calendars' hours, as the desk itself
-- does it, so that whoever goes on with a ticket goes on from where it stands. What has come about within the last minutes has not been told of: the next
-- look of `monitor_sla` does that.

do $demo$
begin
    if exists (select from desk.clients where name = 'Northwind Logistics Ltd.')
        or not exists (select from core.users where email = 'agente@faena.example') then
        return;
    end if;
    perform setseed(0.2026), desk.make_partitions(3, current_date - 200);

    -- Who else there is. Their password is that of the other demo accounts.
    create temporary table demo_people on commit drop as
    select * from (values
        ('daniela@faena.example', 'Daniela Quiñones Rueda', 'agent', 'es', 'America/Bogota', null),
        ('mateo@faena.example', 'Mateo Ávila Sepúlveda', 'agent', 'es', 'America/Bogota', null),
        ('enfermeria@faena.example', 'Yolanda Ñúñez Páez', 'client', 'es', 'America/Bogota', 'Hospital San Roque'),
        ('laboratorio@faena.example', 'Germán Echeverry Díaz', 'client', 'es', 'America/Bogota', 'Hospital San Roque'),
        ('despachos@faena.example', 'Wilson Cárdenas Ríos', 'client', 'es', 'America/Bogota', 'Cooperativa Andina de Transporte'),
        ('northwind@faena.example', 'Priya Nair', 'client', 'en', 'Europe/Madrid', 'Northwind Logistics Ltd.'),
        ('colegio@faena.example', 'Amparo Güiza León', 'client', 'es', 'America/Bogota', 'Gimnasio del Norte')
    ) p (email, full_name, role, locale, time_zone, client);
    insert into core.users (email, full_name, role, locale, time_zone, email_verified_at, password_hash)
    select p.email, p.full_name, p.role, p.locale, p.time_zone, now(), a.password_hash
    from demo_people p join core.users a on a.email = 'agente@faena.example'
    on conflict (email) do nothing;

    insert into desk.calendars (name, time_zone) values ('Oficina de Madrid', 'Europe/Madrid');
    insert into desk.calendar_hours (calendar_id, weekday, opens_minute, closes_minute)
    select c.id, weekday, 9 * 60, 18 * 60 from desk.calendars c, generate_series(1, 5) weekday where c.name = 'Oficina de Madrid';
    insert into desk.clients (name, calendar_id)
    select n.name, c.id
    from (values ('Cooperativa Andina de Transporte', 'Oficina de Bogotá'), ('Northwind Logistics Ltd.', 'Oficina de Madrid'), ('Gimnasio del Norte', 'Oficina de Bogotá'))
        n (name, calendar)
    join desk.calendars c on c.name = n.calendar;
    -- The last one's has ended: it is served, and nothing is promised any more.
    insert into desk.contracts (client_id, reference, starts_on, ends_on)
    select c.id, n.reference, current_date + n.starts, current_date + n.ends
    from (values ('Cooperativa Andina de Transporte', 'CAT-7', -400, null), ('Northwind Logistics Ltd.', 'NW-2', -365, 90), ('Gimnasio del Norte', 'GN-1', -500, -45))
        n (client, reference, starts, ends)
    join desk.clients c on c.name = n.client;
    -- Who pays more is answered sooner.
    insert into desk.sla_policies (client_id, priority, first_response_minutes, resolution_minutes, warn_minutes, escalate_minutes)
    select id, 'urgent', 10, 60, 5, '{15, 30}' from desk.clients where name = 'Hospital San Roque'
    on conflict (client_id, priority) do nothing;
    insert into desk.contacts (user_id, client_id)
    select u.id, c.id from demo_people p join core.users u on u.email = p.email::citext join desk.clients c on c.name = p.client
    on conflict (user_id) do nothing;

    -- What people ask, and what they are told. {1} and {2} differ from ticket to ticket.
    create temporary table demo_matters (
        id integer generated always as identity, locale text, category text, priority text, tags text[], title text, description text, answer text, note text,
        solution text
    ) on commit drop;
    insert into demo_matters (locale, category, priority, tags, title, description, answer, note, solution) values
    ('es', 'network', 'high', '{vpn}', 'La VPN se cae cada pocos minutos desde {1}', 'Conecta bien y a los dos o tres minutos se pierde. Ya reinicié el router y probé con otro cable. Pasa desde {1}, en el equipo PC-{2}.',
     'Gracias. Vemos cortes de la sesión cada 180 segundos: parece el tiempo de inactividad del cortafuegos. Lo estamos cambiando.', 'El perfil de {1} todavía tiene el túnel viejo. Revisar los demás antes de que llamen.', 'Se actualizó el perfil de la VPN y la conexión aguantó 40 minutos de prueba. Si vuelve a caerse, responde aquí.'),
    ('es', 'network', 'urgent', '{internet, sede}', 'Sin internet en {1}', 'Desde hace diez minutos nadie navega en {1}. Los teléfonos tampoco funcionan. La luz del módem está en rojo.',
     'Lo vemos caído también desde aquí. Ya abrimos el caso con el proveedor y pasamos la sede al enlace de respaldo.', 'Caso del proveedor: TT-88{2}. Pedir segundo nivel si no hay técnico en 30 minutos.', 'El proveedor reparó la fibra. La sede volvió al enlace principal y el respaldo quedó probado.'),
    ('es', 'network', 'normal', '{wifi}', 'El wifi de {1} va muy lento por las tardes', 'Entre las dos y las cinco abrir una página tarda un minuto. Por la mañana va bien.',
     'Medimos la saturación del canal y a esa hora hay cuarenta equipos en un solo punto de acceso. Proponemos añadir otro.', null, 'Se instaló un segundo punto de acceso y se repartieron los canales. A las tres de la tarde se midieron 85 Mb/s.'),
    ('es', 'access', 'normal', '{contraseña}', 'No puedo entrar al correo: la cuenta está bloqueada', 'Me dice «La cuenta está bloqueada» desde esta mañana. No he cambiado la contraseña. Usuario: {2}.',
     'La bloqueó un teléfono que sigue probando la contraseña anterior. ¿Tienes el correo en algún teléfono viejo?', null, 'Se quitó el teléfono viejo de la cuenta y se desbloqueó. Ya entra con normalidad.'),
    ('es', 'access', 'low', '{permisos}', 'Permisos para la carpeta compartida de {1}', 'Necesitamos que dos personas nuevas lean y escriban en la carpeta de {1}. Adjunto los nombres en el correo de mi jefe.',
     'Recibido. Falta el visto bueno de quien responde por la carpeta; ya se lo pedimos.', null, 'Se dieron los permisos y se comprobó con las dos personas.'),
    ('es', 'access', 'high', '{sap}', 'SAP no abre en {1}', 'Sale «No se puede iniciar la sesión» al abrir SAP por el escritorio remoto. Somos seis personas paradas.',
     'El servidor de escritorio remoto se quedó sin licencias libres. Estamos cerrando sesiones colgadas.', 'Las sesiones desconectadas no se cierran: falta la directiva de 2 horas.', 'Se liberaron las licencias y se puso un límite a las sesiones desconectadas. Entraron las seis personas.'),
    ('es', 'access', 'normal', '{alta}', 'Alta de una persona nueva en {1}', 'El lunes entra una persona en {1}. Necesita equipo, correo y acceso a la aplicación de pedidos.',
     'Hecho el alta del correo. El equipo PC-{2} queda preparado el viernes.', null, 'Cuenta, equipo y accesos entregados. La persona entró y cambió la contraseña.'),
    ('es', 'hardware', 'normal', '{impresora}', 'La impresora IMP-{2} aparece sin conexión', 'Nadie puede imprimir en {1}. La reiniciamos dos veces. Los documentos se quedan en la cola.',
     'La impresora cambió de dirección al reiniciarse. Le estamos poniendo una fija.', null, 'Tiene dirección fija y la cola quedó vacía. Se imprimió una página de prueba.'),
    ('es', 'hardware', 'low', '{impresora, tóner}', 'Cambio de tóner en {1}', 'Imprime con rayas desde ayer. Es la IMP-{2}.',
     'Sale un técnico con el tóner en la ruta de mañana.', null, 'Tóner cambiado y tambor limpio.'),
    ('es', 'hardware', 'high', '{portátil}', 'El portátil no enciende', 'Se quedó la pantalla negra después de una actualización. Tengo una presentación a las dos.',
     '¿Se enciende alguna luz al conectar el cargador? Mientras tanto te llevamos uno prestado.', 'Si es la placa, entra en garantía: serie {2}.', 'Era la memoria mal asentada. Se asentó, pasó la prueba y la presentación salió a tiempo.'),
    ('es', 'hardware', 'normal', '{báscula}', 'La báscula de {1} no manda el peso', 'Pesa bien pero en el sistema sale cero. Empezó hoy.',
     'El convertidor de serie a red no responde. Vamos con uno de repuesto.', null, 'Se cambió el convertidor. Diez pesadas seguidas llegaron al sistema.'),
    ('es', 'hardware', 'urgent', '{servidor}', 'El servidor SRV-{2} pita y va lentísimo', 'Pita sin parar y todo lo que está en él va muy despacio, también la facturación.',
     'Falló un disco del conjunto. Los datos están bien; cambiamos el disco ahora.', 'Queda un disco de la misma tanda. Pedir dos.', 'Disco cambiado y conjunto reconstruido. Las copias de la noche están completas.'),
    ('es', 'software', 'normal', '{correo}', 'Los correos a clientes se devuelven', 'Desde ayer vuelven los correos a gmail con «550 5.7.26». A otros sí llegan.',
     'Falta una firma en los correos que salen por la aplicación de pedidos. La estamos añadiendo.', null, 'Firma DKIM y registro SPF corregidos. Tres correos de prueba llegaron a la bandeja de entrada.'),
    ('es', 'software', 'high', '{facturación}', 'La facturación electrónica rechaza todas las facturas', 'Sale «certificado vencido» al enviar. Hay {2} facturas esperando y cierra el mes.',
     'El certificado venció anoche. Ya tenemos el nuevo; lo instalamos y reenviamos las pendientes.', 'Poner una alerta 30 días antes del vencimiento.', 'Certificado renovado y facturas reenviadas: todas aceptadas.'),
    ('es', 'software', 'normal', '{excel}', 'Excel se cierra al abrir el informe de {1}', 'Abre, piensa un rato y se cierra. Con otros archivos no pasa.',
     'El archivo tiene una conexión a un servidor que ya no existe. ¿Podemos quitarla?', null, 'Se quitó la conexión rota y el informe abre en cuatro segundos.'),
    ('es', 'software', 'low', '{pdf}', 'Instalar un editor de PDF', 'Necesito firmar y unir documentos. ¿Cuál se puede usar?',
     'Hay uno aprobado y sin coste. Lo enviamos a tu equipo esta noche.', null, 'Instalado. El icono está en el escritorio.'),
    ('es', 'software', 'normal', '{teams}', 'No se oye el micrófono en las reuniones', 'En Teams nadie me oye, pero en otras aplicaciones sí funciona.',
     'Teams eligió el micrófono de la cámara. ¿Ves «Auriculares» en Configuración → Dispositivos?', null, 'Se eligió el micrófono correcto y se actualizó el controlador.'),
    ('es', 'software', 'high', '{copias}', 'La copia de seguridad de {1} falló tres noches', 'El informe de copias llega en rojo desde el viernes.',
     'El disco de destino está al 98 %. Estamos moviendo lo más antiguo al archivo.', 'Ampliar el volumen: pedir cotización.', 'Se amplió el destino y la copia de anoche terminó bien. Se probó a restaurar un archivo.'),
    ('es', 'software', 'normal', '{historia clínica}', 'La historia clínica tarda en abrir en {1}', 'Cada paciente tarda medio minuto. En consulta externa va normal.',
     'La consulta hace un recorrido completo de la tabla de órdenes. Preparamos un índice.', null, 'Con el índice nuevo abre en un segundo. Lo vigilamos una semana.'),
    ('es', 'billing', 'low', '{factura}', 'No entendemos un cobro de la factura {2}', 'Aparecen dos licencias que no reconocemos.',
     'Son las de las dos altas del mes pasado. Te enviamos el detalle.', null, 'Detalle enviado y aceptado.'),
    ('es', 'billing', 'low', '{contrato}', 'Añadir una sede al contrato', 'Abrimos sede en {1} y queremos incluirla.',
     'Con gusto. Comercial te llama hoy para el anexo.', null, 'Anexo firmado; la sede queda cubierta.'),
    ('es', 'other', 'normal', '{phishing}', 'Recibimos un correo sospechoso del banco', 'Pide entrar a un enlace y «validar la cuenta». Dos personas lo abrieron.',
     'No era del banco. Bloqueamos el remitente y el enlace. ¿Alguna de las dos escribió su contraseña?', 'Revisar accesos de las dos cuentas en las últimas 24 horas.', 'Nadie escribió la contraseña; por si acaso se cambiaron las dos. Queda bloqueado para todos.'),
    ('es', 'other', 'normal', '{cámaras}', 'Dos cámaras de {1} no graban', 'La 3 y la 7 salen en negro desde el fin de semana.',
     'Perdieron la alimentación por el cable de red. Vamos a revisar el conmutador.', null, 'Se cambió el puerto del conmutador y ya graban.'),
    ('es', 'other', 'low', '{videoconferencia}', 'Preparar la sala de juntas para una videoconferencia', 'El jueves a las diez hay una reunión con {1}. ¿Pueden dejarla lista?',
     'Agendado. Llegamos media hora antes.', null, 'La reunión salió bien, con imagen y sonido.'),
    ('en', 'network', 'high', '{vpn}', 'VPN drops every few minutes from {1}', 'It connects and then dies after two or three minutes. Machine LT-{2}. A colleague in the same room is fine.',
     'Thanks. Your profile still points to the old gateway; we are pushing the new one.', 'Check the other laptops of that batch.', 'New profile installed; the tunnel stayed up for an hour. Reply here if it drops again.'),
    ('en', 'software', 'urgent', '{wms}', 'Warehouse system is down in {1}', 'Scanners show "no connection" since a quarter of an hour. Trucks are waiting at the dock.',
     'We see the database connection pool exhausted. Restarting the service now.', 'Third time this month: ask the vendor for the patch.', 'Service restarted and the pool enlarged. All scanners are back; we watch it today.'),
    ('en', 'software', 'normal', '{labels}', 'Shipping labels print with the wrong address', 'Labels for {1} carry the previous customer''s address. Order {2}.',
     'The template caches the last address. A fix is on its way to test.', null, 'Fixed template deployed and ten labels checked.'),
    ('en', 'access', 'normal', '{onboarding}', 'New starter on Monday in {1}', 'Please prepare a laptop, mail and access to the warehouse system.',
     'Mail is ready. The laptop LT-{2} will be at the desk on Friday.', null, 'All set: signed in and changed the password.'),
    ('en', 'access', 'low', '{permissions}', 'Read access to the customs folder', 'I need to read the customs folder for the audit.',
     'We asked its owner; waiting for a yes.', null, 'Granted, read only.'),
    ('en', 'hardware', 'normal', '{scanner}', 'Scanner SC-{2} does not charge', 'The cradle light stays off. We tried another cable.',
     'Looks like the contacts. A spare is in the post.', null, 'Spare arrived and works; the old one went back for repair.'),
    ('en', 'hardware', 'high', '{printer}', 'Label printer jams on every third label', 'Dock {1} is printing by hand. We cleaned it already.',
     'The roller is worn. A technician comes today between two and four.', null, 'Roller replaced, a hundred labels printed without a jam.'),
    ('en', 'billing', 'low', '{invoice}', 'Two licences on invoice {2} that we do not know', 'We have twelve people, the invoice says fourteen.',
     'You are right about one of them; a credit note is coming.', null, 'Credit note issued.');

    -- When each calendar is open, and for how long it was before: time is added and measured by looks at this.
    create temporary table demo_open on commit drop as
    select calendar_id, opens_at, closes_at, coalesce(sum(extract(epoch from closes_at - opens_at)) over earlier, 0) as before_s
    from (
        select h.calendar_id, (d.day + make_interval(mins => h.opens_minute)) at time zone c.time_zone,
            (d.day + make_interval(mins => h.closes_minute)) at time zone c.time_zone
        from desk.calendars c
        join desk.calendar_hours h on h.calendar_id = c.id
        cross join lateral (select current_date::timestamp + make_interval(days => n) as day from generate_series(-220, 200) n) d
        where extract(isodow from d.day) = h.weekday
            and not exists (select from desk.calendar_holidays o where o.calendar_id = c.id and o.day = d.day::date)
        union all
        select id, now() - interval '220 days', now() + interval '200 days' from desk.calendars where is_always_open
    ) hours (calendar_id, opens_at, closes_at)
    window earlier as (partition by calendar_id order by opens_at rows between unbounded preceding and 1 preceding);
    create index on demo_open (calendar_id, opens_at);
    create index on demo_open (calendar_id, before_s);
    -- How many seconds it has been open by a moment; and the moment by which it has been open for so many.
    create function pg_temp.worked(calendar bigint, at timestamptz) returns numeric language sql stable as
        'select before_s + extract(epoch from least(at, closes_at) - opens_at) from pg_temp.demo_open where calendar_id = calendar and opens_at <= at
         order by opens_at desc limit 1';
    create function pg_temp.worked_by(calendar bigint, seconds numeric) returns timestamptz language sql stable as
        $$select date_trunc('second', opens_at + (seconds - before_s) * interval '1 second') from pg_temp.demo_open where calendar_id = calendar and before_s < seconds
          order by before_s desc limit 1$$;

    -- Who asks for what, and when: more of late than in the beginning, most of them in the morning. Of each the chances by which its life is drawn.
    create temporary table demo_drawn on commit drop as
    with dice as materialized (
        select n, floor(180 * (1 - sqrt(random())))::integer as days, random() as who, random() as hour, random() as what, random() as a, random() as b, random() as c,
            random() as d, random() as e, random() as f
        from generate_series(1, 400) n
    ), asked as materialized (
        select d.*, c.id as client_id, c.name as client, k.id as calendar_id, k.time_zone, k.is_always_open,
            current_date - days - case when k.is_always_open then 0 else greatest(extract(isodow from current_date - days)::integer - 5, 0) end as day
        from dice d
        join desk.clients c on c.name = case when who < 0.3 then 'Cafés del Quindío S. A.' when who < 0.55 then 'Hospital San Roque'
            when who < 0.75 then 'Cooperativa Andina de Transporte' when who < 0.9 then 'Northwind Logistics Ltd.' else 'Gimnasio del Norte' end
        join desk.calendars k on k.id = c.calendar_id
    )
    select client_id, client, calendar_id, what, a, b, c, d, e, f, null::text as priority,
        date_trunc('second', case when is_always_open then day::timestamp at time zone 'UTC' + hour * interval '24 hours'
            else day::timestamp at time zone time_zone + interval '7 hours 40 minutes' + hour * hour * interval '10 hours' end) as created_at
    from asked;
    delete from demo_drawn where created_at > now() - interval '90 minutes';
    -- What is near its deadline now, or has just passed it, where it is day and night; and what waits there for an answer. A chance of 1 for an answer or a
    -- solution: there is none yet.
    insert into demo_drawn
    select c.id, c.name, c.calendar_id, l.what, l.answer, l.solution, l.asks, random(), random(), l.whose, l.priority, date_trunc('second', now() - l.ago)
    from desk.clients c,
        (values ('urgent', interval '7 minutes', 1, 1, 0.9, 0.1, 0.9), ('urgent', '24 minutes', 1, 1, 0.9, 0.6, 0.1), ('high', '40 minutes', 1, 1, 0.9, 0.2, 0.9),
            ('high', '95 minutes', 1, 1, 0.9, 0.7, 0.3), ('normal', '225 minutes', 1, 1, 0.9, 0.3, 0.1), ('normal', '1420 minutes', 0.3, 1, 0.9, 0.8, 0.1),
            ('high', '500 minutes', 0.4, 1, 0.9, 0.6, 0.5), ('urgent', '200 minutes', 0.5, 1, 0.9, 0.9, 0.8), ('low', '35 minutes', 1, 1, 0.9, 0.5, 0.9),
            ('normal', '310 minutes', 0.2, 1, 0.01, 0.1, 0.2), ('high', '150 minutes', 0.3, 1, 0.01, 0.4, 0.6))
            l (priority, ago, answer, solution, asks, what, whose)
    where c.name = 'Hospital San Roque';

    -- By what each was promised, and how its time went: the answer, perhaps a question to the client, the solution, the end.
    create temporary table demo_lives on commit drop as
    with matters as materialized (
        select w.*, m.id as matter_id, coalesce(w.priority, m.priority) as of_priority
        from (
            -- Of those in the client's language and, where it is said, of that priority.
            select d.*, (select array_agg(m.id order by m.id) from demo_matters m
                where m.locale = case when d.client like 'Northwind%' then 'en' else 'es' end and m.priority = coalesce(d.priority, m.priority)) as choice
            from demo_drawn d
        ) w
        join demo_matters m on m.id = w.choice[1 + floor(w.what * cardinality(w.choice))::integer]
    ), promised as materialized (
        select m.*, k.id as contract_id, p.id as policy_id, p.revision as policy_revision,
            case when k.id is not null or c.without_contract = 'serve' then p.first_response_minutes * 60 end as answer_s,
            case when k.id is not null or c.without_contract = 'serve' then p.resolution_minutes * 60 end as solution_s,
            p.warn_minutes * 60 as warn_s, (select array_agg(60::bigint * e order by e) from unnest(p.escalate_minutes) e) as escalate_s,
            pg_temp.worked(m.calendar_id, m.created_at) as began_s
        from matters m
        join desk.clients c on c.id = m.client_id
        left join desk.contracts k on k.client_id = c.id and m.created_at::date >= k.starts_on and (k.ends_on is null or m.created_at::date <= k.ends_on)
        cross join lateral (
            select * from desk.sla_policies p where p.priority = m.of_priority and (p.client_id = c.id or p.client_id is null) order by p.client_id nulls last limit 1
        ) p
    ), answered as materialized (
        select *, case when a < 1 then pg_temp.worked_by(calendar_id, began_s + answer_in_s) end as answered_at
        from (
            -- Nine of ten in time.
            select *, round((coalesce(answer_s, 28800) * case when a < 0.9 then 0.04 + a else 1.05 + (a - 0.9) * 12 end)::numeric) as answer_in_s from promised
        ) p
    ), asked as materialized (
        -- One of four is asked something and answers after some hours; one of fifty never.
        select *, case when c < 0.25 and answered_at < now() then answered_at end as asked_at,
            case when c < 0.25 and c >= 0.02 and answered_at < now() then answered_at + date_trunc('second', interval '40 minutes' + d * d * interval '60 hours') end as heard_at
        from answered
    ), resolved as (
        -- Four of five in time.
        select *, case when b < 1 and c >= 0.02 and answered_at < now() and (asked_at is null or heard_at < now()) then pg_temp.worked_by(calendar_id,
                pg_temp.worked(calendar_id, coalesce(heard_at, answered_at)) + greatest(round((coalesce(solution_s, 108000)
                    * case when b < 0.8 then 0.08 + b else 1.05 + (b - 0.8) * 5 end)::numeric) - answer_in_s, 420)) end as solved_at
        from asked
    ), ended as (
        select *, case when answered_at < now() then answered_at end as first_at, case when heard_at < now() then heard_at end as resumed_at,
            case when solved_at < now() then solved_at end as resolved_at
        from resolved
    )
    select nextval('desk.ticket_ids') as id, l.*
    from (
        select e.*, case when e.e < 0.7 and e.resolved_at < now() - interval '3 days' then e.resolved_at + interval '3 days' end as closed_at,
            (select u.id from core.users u where u.email = case when f < 0.45 then 'agente@faena.example'::citext when f < 0.8 then 'daniela@faena.example'
                else 'mateo@faena.example' end and (first_at is not null or f < 0.4)) as agent_id,
            (select u.id from core.users u join desk.contacts k on k.user_id = u.id where k.client_id = e.client_id order by u.id
                limit 1 offset (select floor(d * count(*))::integer from desk.contacts k where k.client_id = e.client_id)) as requester_id
        from ended e
        order by e.created_at
    ) l;

    insert into desk.tickets (id, created_at, client_id, title, description, category, tags, priority, status, created_by, assigned_to, contract_id,
        first_responded_at, resolved_at, closed_at, lock_version, updated_at)
    select l.id, l.created_at, l.client_id, w.title, w.description, m.category, m.tags, l.of_priority,
        case when l.closed_at is not null then 'closed' when l.resolved_at is not null then 'resolved' when l.asked_at is not null and l.resumed_at is null
            then 'waiting_client' when l.agent_id is not null then 'open' else 'new' end,
        coalesce(l.requester_id, l.agent_id, (select id from core.users where email = 'agente@faena.example')), l.agent_id, l.contract_id, l.first_at, l.resolved_at,
        l.closed_at, num_nonnulls(l.agent_id, l.first_at, l.asked_at, l.resumed_at, l.resolved_at, l.closed_at),
        greatest(l.created_at, l.first_at, l.resumed_at, l.resolved_at, l.closed_at)
    from demo_lives l
    join demo_matters m on m.id = l.matter_id
    cross join lateral (select
        (case when m.locale = 'en' then array['Rotterdam', 'Leeds', 'dock 4', 'the Porto office', 'Hamburg', 'gate B']
            else array['la planta de Armenia', 'consulta externa', 'la bodega de Yumbo', 'la sede norte', 'la sala de profesores', 'contabilidad'] end)[1 + floor(l.d * 6)] as place,
        (100 + floor(l.e * 899))::integer::text as number) v
    cross join lateral (select replace(replace(m.title, '{1}', v.place), '{2}', v.number) as title,
        replace(replace(m.description, '{1}', v.place), '{2}', v.number) as description) w;

    -- What was said. The client reads the answer, the question and the solution; the agents also their notes.
    insert into desk.comments (ticket_id, ticket_created_at, author_id, body, is_internal, by_desk, created_at)
    select l.id, l.created_at, s.author_id, replace(replace(s.body, '{1}', 'esa sede'), '{2}', (100 + floor(l.e * 899))::integer::text), s.is_internal, s.by_desk, s.at
    from demo_lives l
    join demo_matters m on m.id = l.matter_id
    cross join lateral (values
        (l.agent_id, m.note, true, true, l.first_at - interval '1 minute'),
        (l.agent_id, m.answer || case when l.asked_at is null then '' when m.locale = 'en' then e'\n\nCould you tell us when it happened last, and send a picture of the message?'
            else e'\n\n¿Nos dices a qué hora pasó la última vez y nos mandas una foto del mensaje?' end, false, true, l.first_at),
        (l.requester_id, case when m.locale = 'en' then 'It was this morning, around nine. The picture is on its way by mail.' else 'Fue esta mañana, sobre las nueve. La foto va por correo.' end, false, false,
            l.resumed_at),
        (l.agent_id, m.solution, false, true, l.resolved_at)
    ) s (author_id, body, is_internal, by_desk, at)
    where s.at is not null and s.author_id is not null and s.body is not null and s.at >= l.created_at
    order by s.at;

    -- Who did what.
    insert into core.audit_log (at, actor_id, action, subject, detail)
    select a.at, a.actor_id, a.action, 'ticket:' || l.id, a.detail
    from demo_lives l
    join desk.tickets t on (t.id, t.created_at) = (l.id, l.created_at)
    cross join lateral (values
        (1, l.created_at, t.created_by, 'open_ticket', '{}'::jsonb),
        (2, case when l.agent_id is not null then least(l.first_at, l.created_at + interval '7 minutes') end, l.agent_id, 'assign_ticket',
            jsonb_build_object('from', null, 'to', l.agent_id, 'status', '{"from": "new", "to": "open"}'::jsonb)),
        (3, l.first_at, l.agent_id, 'comment_ticket', '{"internal": false}'),
        (4, l.asked_at, l.agent_id, 'wait_for_client', '{"status": {"from": "open", "to": "waiting_client"}}'),
        (5, l.resumed_at, l.requester_id, 'comment_ticket', '{"internal": false, "status": {"from": "waiting_client", "to": "open"}}'),
        (6, l.resolved_at, l.agent_id, 'resolve_ticket', '{"status": {"from": "open", "to": "resolved"}}'),
        (7, l.closed_at, l.agent_id, 'close_ticket', '{"status": {"from": "resolved", "to": "closed"}}')
    ) a (step, at, actor_id, action, detail)
    where a.at <= now()
    order by a.at, a.step;

    -- The clocks of what was promised. Each runs from `run_at`, when `used_s` of it was used up, to its end, if there is one.
    create temporary table demo_clocks on commit drop as
    with runs as (
        select l.*, p.promise, p.target_s, p.ended_at, p.asked_at is not null and p.resumed_at is null as is_paused,
            coalesce(p.resumed_at, l.created_at) as run_at,
            case when p.asked_at is null then 0 else pg_temp.worked(l.calendar_id, p.asked_at) - l.began_s end as used_s
        from demo_lives l
        cross join lateral (values ('first_response', l.answer_s, l.first_at, null, null), ('resolution', l.solution_s, l.resolved_at, l.asked_at, l.resumed_at))
            p (promise, target_s, ended_at, asked_at, resumed_at)
        where p.target_s is not null
    ), marks as (
        select *, pg_temp.worked(calendar_id, run_at) - used_s as zero_s from runs
    ), planned as (
        select *, case when not is_paused then pg_temp.worked_by(calendar_id, zero_s + target_s) end as due_at,
            case when not is_paused then greatest(run_at, pg_temp.worked_by(calendar_id, zero_s + greatest(target_s - warn_s, 1))) end as warn_at,
            case when is_paused then '{}' else (select array_agg(pg_temp.worked_by(calendar_id, zero_s + target_s + e) order by e) from unnest(escalate_s) e) end as escalate_at
        from marks
    ), judged as (
        select *, case when ended_at <= due_at then 'met' when ended_at is not null then 'missed' when is_paused then 'paused' else 'running' end as state,
            -- What has come about since is for the monitor to tell.
            coalesce(ended_at, now() - interval '8 minutes') as told_to
        from planned
    )
    select *, case when due_at < told_to then 2 + (select count(*) from unnest(escalate_at) e where e < told_to) when warn_at < told_to then 1 else 0 end::smallint as level
    from judged;
    insert into desk.sla_clocks (ticket_id, ticket_created_at, promise, cycle, policy_id, policy_revision, calendar_id, calendar_revision, target_s, warn_s,
        escalate_s, state, started_at, consumed_s, counted_to, warn_at, due_at, escalate_at, level, next_at, stopped_at)
    select c.id, c.created_at, c.promise, 1, c.policy_id, c.policy_revision, c.calendar_id, k.revision, c.target_s, c.warn_s, c.escalate_s, c.state, c.created_at,
        case when c.ended_at is null then c.used_s else pg_temp.worked(c.calendar_id, c.ended_at) - c.zero_s end,
        case when c.is_paused then c.asked_at else coalesce(c.ended_at, c.run_at) end, least(c.warn_at, c.due_at), c.due_at, c.escalate_at, c.level,
        case when c.state = 'running' then case c.level when 0 then least(c.warn_at, c.due_at) when 1 then c.due_at else c.escalate_at[c.level - 1] end end, c.ended_at
    from demo_clocks c
    join desk.calendars k on k.id = c.calendar_id
    order by c.created_at, c.promise;
    insert into desk.sla_pauses (clock_id, during, reason)
    select k.id, tstzrange(c.asked_at, c.resumed_at), 'waiting_client'
    from demo_clocks c join desk.sla_clocks k on (k.ticket_id, k.promise) = (c.id, c.promise)
    where c.promise = 'resolution' and c.asked_at is not null;

    -- What was told about them, at the next look, and who took note of it; what is of today may still be looked at.
    insert into desk.alerts (clock_id, ticket_id, level, due_at, reached_at, created_at, after_level, acknowledged_at, acknowledged_by)
    select k.id, c.id, l.level, c.due_at, r.reached_at, r.reached_at + interval '3 minutes', l.level - 1, n.noted_at, case when n.noted_at is not null then m.id end
    from demo_clocks c
    join desk.sla_clocks k on (k.ticket_id, k.promise) = (c.id, c.promise)
    cross join lateral generate_series(1, c.level) l (level)
    cross join lateral (select case l.level when 1 then least(c.warn_at, c.due_at) when 2 then c.due_at else c.escalate_at[l.level - 2] end as reached_at) r
    cross join lateral (select case when c.ended_at is not null or r.reached_at < now() - interval '1 day' then r.reached_at + interval '3 minutes' + (5 + c.d * 40) * interval '1 minute'
        end as noted_at) n
    join core.users m on m.email = case when l.level > 2 then 'jefa@faena.example' else 'agente@faena.example' end::citext
    where r.reached_at + interval '3 minutes' < now()
    order by r.reached_at;
end $demo$;
