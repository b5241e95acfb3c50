-- Tickets $1 + 1 to $1 + $2 of $3, as people write them in Spanish, over the 24 months before now, the newest last: of all clients, some of which write far more
-- than others; words are as unequal. The same numbers make the same tickets.
with lists as materialized (
    select
        array['No imprime', 'No enciende', 'No conecta', 'Va muy lento', 'Se apaga solo', 'Da error al abrir', 'Se quedó congelado', 'No reconoce la contraseña',
            'Pide actualizar', 'No sincroniza', 'Aparece sin conexión', 'Perdió la configuración', 'Hace un ruido extraño', 'No guarda los cambios',
            'Muestra una pantalla azul', 'No llega', 'Está bloqueado', 'Pide un código', 'Se cae a media mañana', 'Duplicó los registros', 'Falta permiso para',
            'Solicitud de acceso a', 'Instalar', 'Reemplazar', 'Trasladar', 'Renovar la licencia de', 'Caducó el certificado de', 'Restaurar una copia de'] as problems,
        array['la impresora', 'el correo', 'la VPN', 'el portátil', 'el teléfono', 'la red inalámbrica', 'el servidor de archivos', 'Outlook', 'Excel', 'SAP', 'Teams',
            'el escáner', 'el monitor', 'el teclado', 'la videoconferencia', 'el cortafuegos', 'la base de datos', 'el sistema de nómina', 'la página web', 'el antivirus',
            'la facturación electrónica', 'el lector de huella', 'la báscula', 'el proyector', 'el conmutador', 'la cámara de la entrada', 'el inventario', 'OneDrive',
            'el buzón compartido', 'la carpeta de contratos', 'el escritorio remoto', 'el reloj de marcación', 'el tablero de indicadores', 'la tableta', 'el módem',
            'la unidad de respaldo', 'el planificador de rutas', 'la centralita', 'el generador de códigos de barras', 'el firmador digital'] as things,
        array['recepción', 'contabilidad', 'bodega', 'gerencia', 'talento humano', 'la sede de Medellín', 'la sede de Bogotá', 'la planta de Armenia', 'urgencias', 'farmacia',
            'el segundo piso', 'la sala de juntas', 'laboratorio', 'compras', 'tesorería', 'la sucursal de Cúcuta', 'el turno de la noche', 'la oficina jurídica',
            'consulta externa', 'el muelle de carga', 'la finca', 'logística', 'mercadeo', 'la caja principal'] as places,
        array['Desde esta mañana nos pasa lo mismo y ya reiniciamos el equipo dos veces.', 'El mensaje dice que no se encontró la ruta de acceso.',
            'Probamos con otro cable y con otro usuario, y sigue igual.', 'Necesitamos que quede funcionando antes del cierre de mes.',
            'A mi compañera sí le abre, pero a mí me pide la contraseña una y otra vez.', 'Ayer hubo un corte de energía y después empezó el problema.',
            'Adjunto la captura de pantalla con el código de error.', 'Por favor llamarme a la extensión antes de conectarse.', 'Es urgente porque hay clientes esperando en la fila.',
            'No hemos instalado nada nuevo en las últimas semanas.', 'La última actualización de Windows quedó pendiente de reinicio.', 'El técnico anterior había cambiado la memoria.',
            'Cuando conecto la VPN se pierde el acceso a la carpeta compartida.', 'La luz verde parpadea y luego queda en naranja.', 'Solo ocurre después del mediodía, cuando todos están conectados.',
            'Revisamos la dirección IP y está duplicada con otra máquina.', 'El archivo pesa más de diez megas y el correo lo devuelve.', 'Se necesita autorización del jefe del área.',
            'El proveedor dice que el circuito está activo y sin pérdidas.', 'Hay que recuperar un documento que se borró por accidente.', 'La impresión sale con rayas y manchas de tóner.',
            'El usuario nuevo empieza el lunes y todavía no tiene cuenta.', 'Ya liberamos espacio en el disco, pero el aviso vuelve a salir.', 'La hora del equipo está adelantada siete minutos.',
            'Al cerrar sesión se pierden los accesos directos del escritorio.', 'No aparece en la lista de dispositivos de la red.', 'Funciona con los datos del celular, así que parece ser la red de la oficina.',
            'La garantía vence este año y queremos aprovecharla.', 'El certificado digital caducó y no deja firmar las facturas.', 'Quedo atenta a la respuesta, muchas gracias.'] as sentences,
        array['Restrepo', 'Zuluaga', 'Echeverri', 'Cárdenas', 'Quintero', 'Ibáñez', 'Montoya', 'Agudelo', 'Peñaranda', 'Salazar', 'Giraldo', 'Bermúdez', 'Arango', 'Castaño',
            'Muñetón', 'Velásquez', 'Hoyos', 'Jaramillo', 'Londoño', 'Mejía', 'Ocampo', 'Patiño', 'Quiñones', 'Rendón', 'Sepúlveda', 'Tabares', 'Urrego', 'Villegas',
            'Yepes', 'Zapata'] as names
), clients as materialized (
    select array_agg(id order by id) as ids from desk.clients
), chosen as materialized (
    select n,
        array(select ('x' || substr(md5(n || ':' || k), 1, 7))::bit(28)::bigint / 268435456.0::float8 from generate_series(1, 16) k) as r
    from generate_series($1::bigint + 1, $1::bigint + $2::bigint) n
)
insert into desk.tickets (created_at, client_id, title, description, category, priority, created_by, updated_at)
select at, client_id, title, description, (array['access', 'hardware', 'network', 'software', 'billing', 'other'])[1 + floor(r[14] * 6)::integer],
    (array['low', 'normal', 'normal', 'high'])[1 + floor(r[15] * 4)::integer], (select min(id) from core.users), at
from chosen, lists, clients,
    lateral (select date_trunc('second', now() - interval '24 months' * (1 - n / ($3::bigint + 1.0))) as at) moment,
    lateral (select ids[1 + floor(power(r[1], 2) * cardinality(ids))::integer] as client_id) owner,
    lateral (select problems[1 + floor(power(r[2], 1.7) * cardinality(problems))::integer] || ' ' || things[1 + floor(power(r[3], 1.7) * cardinality(things))::integer]
        || case when r[4] < 0.6 then ' en ' || places[1 + floor(power(r[5], 1.5) * cardinality(places))::integer] else '' end as title) named,
    lateral (select string_agg(sentences[1 + floor(power(r[k], 1.4) * cardinality(sentences))::integer], ' ' order by k)
        || E'\nEquipo EQ-' || lpad((n * 7919 % 1000000)::text, 6, '0') || ', ' || names[1 + floor(power(r[13], 2) * cardinality(names))::integer]
        || case when n % 5000 = 17 then ', lote zafiro ' || n else '' end || '.' as description
        from generate_series(6, 6 + floor(r[16] * 6)::integer) k) told
