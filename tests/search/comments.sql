-- What was said under the tickets with numbers after $1, as people at a help desk write: an answer and mostly a solution to the client, their own word under every
-- other, a note of agents' under every third. The same numbers make the same comments.
with lists as materialized (
    select
        array['Buenos días, ya estamos revisando el caso y le contamos en un momento.', '¿Nos puede enviar una captura de pantalla con el mensaje completo?',
            'Reiniciamos el servicio de impresión y vaciamos la cola; por favor pruebe de nuevo.', 'La cuenta estaba bloqueada por intentos fallidos y ya quedó habilitada.',
            'Nos conectamos a su equipo y actualizamos el controlador de video.', 'El proveedor confirma una falla en la zona y promete solución antes del mediodía.',
            'Cambiamos la contraseña y la sincronización del correo volvió a funcionar.', 'Por favor cierre la VPN, espere un minuto y conéctela otra vez.',
            'Programamos la visita del técnico para mañana a primera hora.', 'Restauramos la carpeta desde la copia de la noche anterior.',
            'Se amplió el buzón y se archivaron los mensajes de más de dos años.', 'El certificado se renovó y la firma electrónica ya no muestra la advertencia.'] as answers,
        array['Muchas gracias, ya quedó funcionando.', 'Sigue igual, ahora también en el equipo de la recepción.', 'Adjunto lo que pidieron, la extensión es la misma.',
            'Perfecto, confirmo que ya imprime.', 'Hoy volvió a aparecer el mismo error al abrir Outlook.', 'Quedamos atentos a la visita.'] as replies,
        array['Revisado con el proveedor: número de caso {n}, escalado a segundo nivel.', 'Ojo: equipo sin garantía, cotizar reemplazo antes de volver a abrir.',
            'El registro de eventos muestra el código de parada y un disco con sectores dañados.', 'Pendiente la aprobación del jefe de infraestructura.',
            'Se dejó regla temporal en el cortafuegos, retirarla el viernes.'] as notes
), said as (
    select t.id, t.created_at, k.step, k.is_internal, k.words[1 + ('x' || substr(md5(t.id || ':' || k.step), 1, 6))::bit(24)::integer % cardinality(k.words)] as body
    from desk.tickets t, lists,
        lateral (values (1, false, answers, 1), (2, false, replies, 2), (3, true, notes, 3), (4, false, answers, 1)) k (step, is_internal, words, each)
    where t.id > $1 and t.id % k.each = 0
)
insert into desk.comments (ticket_id, ticket_created_at, author_id, body, is_internal, created_at)
select id, created_at, (select min(id) from core.users), replace(body, '{n}', (id * 31 % 100000)::text), is_internal, created_at + step * interval '20 minutes'
from said order by id, step
