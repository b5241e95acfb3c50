-- The demo's school: a dozen courses, a hundred learners and two years of sales, applied with psql by deploy/up after demo.sql. Applying
-- it again changes nothing. Everything is made of md5 of its own name, so every machine gets the same school, dated back from today.
-- The learners' password is that of demo.sql; their addresses are under .example, which no mail reaches.

begin;
create or replace function pg_temp.dice(seed text, sides bigint) returns bigint language sql immutable as
    $$ select ('x' || substr(md5(seed), 1, 12))::bit(48)::bigint % sides $$;

do $demo$
begin
    if exists (select from school.courses) then
        -- An older demo named payments that no provider knows.
        update school.sales set payment_ref = null where payment_ref like 'demo_payment_%';
        return;
    end if;

    -- Who teaches.
    insert into core.users (email, full_name, role, locale, email_verified_at, password_hash, created_at)
    select t.email, t.full_name, 'instructor', 'es', now(), u.password_hash, now() - interval '780 days'
    from (values ('tomas.arrieta@faena.example', 'Tomás Arrieta Quiñones'), ('yolanda.pena@faena.example', 'Yolanda Peña Zuluaga'),
                 ('dario.echeverri@faena.example', 'Darío Echeverri Muñoz')) as t (email, full_name)
    cross join (select password_hash from core.users where email = 'instructora@faena.example') u
    on conflict (email) do nothing;

    -- What is taught. Prices of COP are in centavos, those of USD in cents.
    insert into school.courses (slug, title, summary, description, instructor_id, level, hours, price_minor, currency, status, published_at, created_at)
    select c.slug, c.title, c.summary, c.description, u.id, c.level, c.hours, c.price_minor, c.currency, 'published',
           now() - c.age * interval '1 day', now() - (c.age + 20) * interval '1 day'
    from (values
        ('primeros-pasos-con-la-terminal', 'Primeros pasos con la terminal', 'Pierde el miedo a la pantalla negra: muévete, busca y encadena órdenes.',
         E'La terminal es la herramienta más vieja del oficio y la que menos cambia. En una tarde aprenderás a moverte por las carpetas, a buscar dentro de los archivos y a unir órdenes pequeñas en una grande.\n\nNo hace falta saber programar. Basta un computador con Linux, macOS o Windows con WSL.',
         'instructora', 'beginner', 6, 0, 'COP', 770),
        ('git-sin-sustos', 'Git sin sustos', 'Ramas, conflictos y vuelta atrás: qué hace Git por dentro y cómo no perder nada.',
         E'Casi todos aprendemos Git de memoria y rezamos cuando algo sale mal. Este curso empieza por el modelo —objetos, referencias y el índice— y desde ahí cada orden se explica sola.\n\nTerminarás sabiendo deshacer cualquier cosa, y sin miedo a los conflictos.',
         'tomas.arrieta', 'beginner', 10, 12900000, 'COP', 740),
        ('python-desde-cero', 'Python desde cero', 'Tu primer lenguaje, con programas que sirven para algo desde la primera semana.',
         E'Variables, decisiones, listas y funciones, siempre con un programa pequeño que resuelve algo de verdad: repartir una cuenta, ordenar fotos, leer una hoja de cálculo.\n\nAl final escribirás un programa tuyo y lo compartirás con otra persona.',
         'instructora', 'beginner', 32, 18900000, 'COP', 730),
        ('sql-para-preguntar-bien', 'SQL para preguntar bien', 'De la primera consulta a las ventanas: preguntarle a una base de datos lo que quieres saber.',
         E'Una base de datos contesta exactamente lo que se le pregunta. Aprenderás a preguntar: filtrar, agrupar, unir tablas y usar ventanas, con los datos de una cadena de librerías.\n\nUsamos PostgreSQL, y casi todo vale para cualquier otra.',
         'yolanda.pena', 'intermediate', 24, 19900000, 'COP', 690),
        ('rust-para-quienes-ya-programan', 'Rust para quienes ya programan', 'Propiedad, préstamos y errores como valores: el compilador de tu lado.',
         E'Vienes de otro lenguaje y el compilador de Rust te regaña. Este curso explica por qué, con programas que crecen lección a lección hasta un servidor pequeño que aguanta.\n\nHace falta haber programado antes en cualquier lenguaje.',
         'dario.echeverri', 'intermediate', 40, 7900, 'USD', 650),
        ('html-y-css-con-criterio', 'HTML y CSS con criterio', 'Páginas que se leen bien en un teléfono, en un lector de pantalla y dentro de diez años.',
         E'Antes que el marco de moda está la página. Aprenderás a marcar el contenido por lo que es, a componer con rejilla y a cuidar el contraste, el teclado y el peso.\n\nTodo lo que hagas funcionará sin JavaScript.',
         'yolanda.pena', 'beginner', 20, 14900000, 'COP', 600),
        ('apis-que-otros-entienden', 'APIs que otros entienden', 'Nombres, errores, versiones y reintentos: diseñar una API que no haya que explicar.',
         E'Una API es una promesa a gente que no conoces. Veremos cómo se nombran las cosas, qué dice un error útil, cómo se pagina, cómo se versiona y cómo se repite una petición sin cobrar dos veces.\n\nLos ejemplos están en HTTP; las ideas valen para todo.',
         'dario.echeverri', 'intermediate', 18, 4900, 'USD', 520),
        ('pruebas-que-dan-confianza', 'Pruebas que dan confianza', 'Qué probar, qué no, y cómo se lee una prueba como una historia.',
         E'Una prueba que nunca falla no prueba nada. Aprenderás a elegir qué vale la pena probar, a escribir pruebas que cuentan una historia y a provocar los fallos que en producción llegan solos.\n\nTrabajamos en Python; los ejercicios tienen versión en JavaScript.',
         'tomas.arrieta', 'intermediate', 16, 15900000, 'COP', 430),
        ('redes-para-quien-programa', 'Redes para quien programa', 'Qué pasa entre tu programa y el del otro lado: TCP, DNS, TLS y sus silencios.',
         E'«La red falla» es el principio de una conversación, no el final. Seguiremos un paquete desde tu programa hasta el servidor, y veremos qué significa cada silencio: una espera, un corte, un nombre que no resuelve.\n\nCon capturas reales y una red de laboratorio que cabe en tu computador.',
         'dario.echeverri', 'advanced', 28, 6900, 'USD', 340),
        ('colas-y-trabajos-en-segundo-plano', 'Colas y trabajos en segundo plano', 'Al menos una vez, exactamente una vez y otras promesas: diseñar trabajos que se pueden repetir.',
         E'Enviar una carta, cobrar, generar un PDF: nada de eso cabe en una petición. Aprenderás a sacar el trabajo de la página sin perderlo y sin hacerlo dos veces, aunque se vaya la luz entre dos líneas.\n\nUsamos PostgreSQL y Redis, y apagamos procesos a propósito.',
         'tomas.arrieta', 'advanced', 22, 5900, 'USD', 210),
        ('estadistica-con-datos-de-verdad', 'Estadística con datos de verdad', 'Promedios que engañan, gráficas que aclaran y cuánta duda cabe en un número.',
         E'Con los datos abiertos de tres ciudades aprenderás a resumir, a comparar y a decir cuánto no sabes. Menos fórmulas y más preguntas.\n\nHace falta saber algo de Python o de hojas de cálculo.',
         'yolanda.pena', 'intermediate', 26, 17900000, 'COP', 120),
        ('seguridad-para-equipos-pequenos', 'Seguridad para equipos pequeños', 'Contraseñas, permisos, copias y qué hacer el día que algo sale mal.',
         E'No hace falta un departamento para hacerlo bien. Haremos la lista de lo que tienes, de quién puede tocarlo y de cómo lo recuperarías mañana; después practicaremos el día malo.\n\nPara quien lleva la tecnología de una empresa de dos a veinte personas.',
         'instructora', 'beginner', 14, 0, 'COP', 60)
    ) as c (slug, title, summary, description, teacher, level, hours, price_minor, currency, age)
    join core.users u on u.email = (c.teacher || '@faena.example')::citext;

    insert into school.sections (course_id, position, title, minutes, is_required, video_host, video_ref, body)
    select c.id, s.position, s.title, s.minutes, s.is_required, s.video_host, s.video_ref, s.body
    from (values
        ('primeros-pasos-con-la-terminal', 1, 'Dónde estás y qué hay aquí', 12, true, 'youtube', 'aqz-KE-bpKQ', E'La terminal siempre está en alguna carpeta. Dos órdenes bastan para no perderse: una dice dónde estás y la otra qué hay alrededor.\n\n    pwd\n    ls -l\n\nPrueba a entrar en una carpeta con cd y vuelve a preguntar dónde estás.'),
        ('primeros-pasos-con-la-terminal', 2, 'Crear, mover y borrar con cuidado', 14, true, null, null, E'Aquí no hay papelera. Antes de borrar, mira qué vas a borrar: la misma lista que le darías a rm, dásela primero a ls.\n\n    ls informe-*.txt\n    rm informe-*.txt'),
        ('primeros-pasos-con-la-terminal', 3, 'Buscar dentro de los archivos', 15, true, null, null, E'grep lee por ti. Dale un texto y una carpeta, y te dirá en qué línea de qué archivo aparece.\n\n    grep -rn "factura" documentos/'),
        ('primeros-pasos-con-la-terminal', 4, 'Unir órdenes con tuberías', 16, true, null, null, E'Cada orden hace una cosa. La barra vertical entrega lo que sale de una a la siguiente, y así tres órdenes pequeñas contestan una pregunta grande.\n\n    cut -d, -f3 ventas.csv | sort | uniq -c | sort -rn | head'),
        ('primeros-pasos-con-la-terminal', 5, 'Para seguir por tu cuenta', 8, false, null, null, E'El manual está a una orden de distancia: man ls. Lee una página a la semana y en un año sabrás más que casi cualquiera.'),
        ('git-sin-sustos', 1, 'Qué guarda Git cuando guarda', 18, true, 'vimeo', '1084537', E'Un commit no es una diferencia: es una foto completa, con un autor, una fecha y un padre. Todo lo demás —ramas, etiquetas, HEAD— son nombres que apuntan a fotos.\n\n    git cat-file -p HEAD'),
        ('git-sin-sustos', 2, 'El índice: lo que vas a guardar', 15, true, null, null, E'Entre tus archivos y el historial hay un sitio intermedio. Por eso se puede guardar media página: la que ya está bien.\n\n    git add -p'),
        ('git-sin-sustos', 3, 'Ramas sin ceremonia', 17, true, null, null, E'Una rama es un nombre que se mueve. Crearla no cuesta nada, y borrarla no borra el trabajo: solo su nombre.'),
        ('git-sin-sustos', 4, 'Conflictos: dos verdades a la vez', 20, true, null, null, E'Un conflicto no es un error. Git dice: aquí dos personas decidieron distinto, y esa decisión es tuya. Lee las dos versiones y su antepasado común antes de elegir.\n\n    git config merge.conflictstyle zdiff3'),
        ('git-sin-sustos', 5, 'Volver atrás, siempre', 19, true, null, null, E'Casi nada se pierde. El registro de referencias recuerda dónde estuvo cada nombre durante noventa días.\n\n    git reflog\n    git reset --hard HEAD@{2}'),
        ('python-desde-cero', 1, 'Tu primer programa', 16, true, 'youtube', 'aqz-KE-bpKQ', E'Un programa es una lista de pasos que alguien seguirá sin preguntar. Empecemos por uno de dos líneas.\n\n    nombre = input("¿Cómo te llamas? ")\n    print(f"Hola, {nombre}.")'),
        ('python-desde-cero', 2, 'Decidir y repetir', 22, true, null, null, E'Con if el programa elige; con for repite. Repartir una cuenta entre amigos necesita las dos cosas.\n\n    for persona in personas:\n        if persona != "quien cumple años":\n            print(persona, cuenta / 4)'),
        ('python-desde-cero', 3, 'Listas y diccionarios', 24, true, null, null, E'Una lista guarda cosas en orden; un diccionario las guarda por nombre. Elegir bien entre las dos es medio programa.'),
        ('python-desde-cero', 4, 'Funciones: ponerle nombre a una idea', 21, true, null, null, E'Una función es un trozo de programa con nombre. Si no encuentras el nombre, todavía no sabes qué hace.\n\n    def propina(cuenta, porcentaje=10):\n        return cuenta * porcentaje // 100'),
        ('python-desde-cero', 5, 'Leer una hoja de cálculo', 26, true, null, null, E'Los datos de la vida vienen en archivos. Abriremos uno de ventas, sumaremos por mes y escribiremos otro con el resultado.'),
        ('python-desde-cero', 6, 'Tu propio programa', 40, true, null, null, E'Elige algo que hagas a mano todas las semanas. Escríbelo en pasos, y después en Python. No importa que sea pequeño: importa que lo uses.'),
        ('sql-para-preguntar-bien', 1, 'Una tabla es una lista de hechos', 15, true, null, null, E'Cada fila afirma algo: esta persona compró este libro este día. Antes de consultar, di en voz alta qué afirma una fila.\n\n    select titulo, precio from libros where precio < 40000;'),
        ('sql-para-preguntar-bien', 2, 'Agrupar sin perderse', 20, true, null, null, E'group by cambia de qué habla cada fila del resultado: ya no es una venta, es un mes. Todo lo que selecciones tiene que poder decirse de un mes.'),
        ('sql-para-preguntar-bien', 3, 'Unir tablas', 24, true, 'vimeo', '1084537', E'Un join combina hechos que comparten algo. El peligro es multiplicar filas sin querer: cuenta antes y después.'),
        ('sql-para-preguntar-bien', 4, 'Ventanas', 26, true, null, null, E'Una ventana mira a las vecinas sin fundirlas: el total acumulado, el puesto, la diferencia con el mes anterior.\n\n    select mes, total, total - lag(total) over (order by mes) as cambio from ventas_por_mes;'),
        ('sql-para-preguntar-bien', 5, 'Leer un plan de ejecución', 22, false, null, null, E'explain cuenta qué piensa hacer la base de datos. Aprende a buscar una cosa: dónde lee muchas filas para quedarse con pocas.'),
        ('rust-para-quienes-ya-programan', 1, 'Propiedad: quién responde de qué', 25, true, 'youtube', 'aqz-KE-bpKQ', E'Cada valor tiene un dueño, y cuando el dueño se va, el valor se libera. Esa única regla evita media docena de errores clásicos.\n\n    let carta = String::from("hola");\n    entregar(carta);\n    // carta ya no es nuestra'),
        ('rust-para-quienes-ya-programan', 2, 'Préstamos', 24, true, null, null, E'Prestar es dejar mirar sin dar. Muchos pueden mirar a la vez, o uno solo puede cambiar: nunca las dos cosas.'),
        ('rust-para-quienes-ya-programan', 3, 'Errores que se ven', 22, true, null, null, E'Una función que puede fallar lo dice en su tipo. El signo de interrogación no esconde el error: lo pasa a quien sabe qué hacer.\n\n    let texto = fs::read_to_string(ruta)?;'),
        ('rust-para-quienes-ya-programan', 4, 'Tipos que no permiten tonterías', 26, true, null, null, E'Si un pedido pagado necesita una fecha de pago, que no exista un pedido pagado sin ella. Los enums hacen imposible lo imposible.'),
        ('rust-para-quienes-ya-programan', 5, 'Un servidor pequeño que aguanta', 45, true, null, null, E'Juntamos todo: un servidor que atiende a muchas personas a la vez, pone límites a cada una y se apaga sin dejar nada a medias.'),
        ('html-y-css-con-criterio', 1, 'El contenido primero', 14, true, null, null, E'Escribe la página sin una línea de CSS. Si así se entiende, ya tienes la mitad del trabajo hecho.'),
        ('html-y-css-con-criterio', 2, 'Cajas que caben', 20, true, 'youtube', 'aqz-KE-bpKQ', E'La rejilla reparte el espacio que hay, no el que imaginaste. Empieza por la pantalla más estrecha y deja que crezca.\n\n    grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr));'),
        ('html-y-css-con-criterio', 3, 'Color y contraste', 16, true, null, null, E'Cuatro y medio a uno no es un capricho: es la diferencia entre leer al sol y no leer. Mide, no adivines.'),
        ('html-y-css-con-criterio', 4, 'Formularios que ayudan', 22, true, null, null, E'Una etiqueta que se ve, un error que dice qué hacer y nada que se borre al equivocarse. Eso es un buen formulario.'),
        ('html-y-css-con-criterio', 5, 'Probar con el teclado y con los oídos', 18, false, null, null, E'Suelta el ratón durante una hora. Después enciende el lector de pantalla y escucha tu página.'),
        ('apis-que-otros-entienden', 1, 'Nombrar recursos', 16, true, null, null, E'Los nombres que elijas hoy los escribirá alguien dentro de cinco años. Usa los del negocio, en plural y sin abreviar.'),
        ('apis-que-otros-entienden', 2, 'Errores útiles', 18, true, null, null, E'Un buen error dice qué campo, qué se esperaba y si vale la pena repetir. Un mal error dice 500.\n\n    {"type": "about:blank", "status": 422, "detail": "monto: debe ser un entero positivo"}'),
        ('apis-que-otros-entienden', 3, 'Repetir sin cobrar dos veces', 20, true, 'vimeo', '1084537', E'La respuesta se perdió: ¿se hizo o no se hizo? Con una clave de idempotencia la pregunta deja de importar.'),
        ('apis-que-otros-entienden', 4, 'Páginas y cursores', 15, true, null, null, E'«Página 3» cambia mientras la lees. Un cursor dice «después de esta», y eso no cambia.'),
        ('pruebas-que-dan-confianza', 1, 'Qué merece una prueba', 15, true, null, null, E'Pregúntate qué te despertaría de noche. Empieza por ahí.'),
        ('pruebas-que-dan-confianza', 2, 'Dado, cuando, entonces', 18, true, null, null, E'Una prueba es una historia en tres frases. Si necesita una cuarta, son dos pruebas.'),
        ('pruebas-que-dan-confianza', 3, 'Provocar los fallos', 22, true, 'youtube', 'aqz-KE-bpKQ', E'La red se corta, el disco se llena, el proceso muere entre dos líneas. Si no lo provocas tú, lo hará un viernes.'),
        ('pruebas-que-dan-confianza', 4, 'Esperar sin dormir', 14, true, null, null, E'Un sleep en una prueba es una mentira: o espera de más o espera de menos. Pregunta hasta que sea verdad, con un límite.'),
        ('redes-para-quien-programa', 1, 'De tu programa al cable', 20, true, null, null, E'Escribir en un socket no envía nada: deja los bytes en una cola. Entender quién los recoge explica la mitad de los misterios.'),
        ('redes-para-quien-programa', 2, 'Nombres que resuelven', 18, true, null, null, E'Antes de culpar al servidor, pregunta por su nombre.\n\n    dig +short compilandocode.example'),
        ('redes-para-quien-programa', 3, 'TLS sin magia', 26, true, 'vimeo', '1084537', E'Tres preguntas en orden: ¿quién eres?, ¿quién lo dice? y ¿todavía vale? Casi todos los errores de certificados son una de las tres.'),
        ('redes-para-quien-programa', 4, 'Los silencios', 22, true, null, null, E'Una conexión cortada avisa; un cable desenchufado, no. Por eso toda espera necesita un límite.'),
        ('colas-y-trabajos-en-segundo-plano', 1, 'Prometer dentro de la transacción', 20, true, 'youtube', 'aqz-KE-bpKQ', E'Si el pedido se guarda y el trabajo se pierde, mentiste. La promesa va en la misma transacción que la hizo necesaria.'),
        ('colas-y-trabajos-en-segundo-plano', 2, 'Al menos una vez', 18, true, null, null, E'Entre hacer algo y anotar que se hizo cabe un apagón. Diseña para que la segunda vez no haga daño.'),
        ('colas-y-trabajos-en-segundo-plano', 3, 'Reservas, vallas y trabajadores que resucitan', 26, true, null, null, E'Un trabajador dormido puede despertar y creer que sigue a cargo. Un número que solo crece le dice que no.'),
        ('colas-y-trabajos-en-segundo-plano', 4, 'Apagar procesos a propósito', 24, true, null, null, E'kill -9 es el mejor profesor. Lo haremos mil veces y contaremos: ni una carta de menos, ni un cobro de más.'),
        ('estadistica-con-datos-de-verdad', 1, 'El promedio no vive en ninguna parte', 17, true, null, null, E'Nadie tiene el salario promedio. Mira la forma antes que el centro.'),
        ('estadistica-con-datos-de-verdad', 2, 'Comparar grupos', 22, true, null, null, E'¿Son distintos o es el azar? Baraja las etiquetas mil veces y mira cuántas veces sale una diferencia así.'),
        ('estadistica-con-datos-de-verdad', 3, 'Gráficas que no mienten', 20, true, 'vimeo', '1084537', E'El eje empieza en cero cuando dibujas barras. No es una regla de estilo: es lo que el ojo cree.'),
        ('estadistica-con-datos-de-verdad', 4, 'Cuánto no sabemos', 19, false, null, null, E'Un número sin su duda es media respuesta.'),
        ('seguridad-para-equipos-pequenos', 1, 'La lista de lo que importa', 15, true, null, null, E'No se puede cuidar lo que no se conoce. Escribe qué tienes, dónde está y qué pasaría si mañana no estuviera.'),
        ('seguridad-para-equipos-pequenos', 2, 'Contraseñas y segundo paso', 14, true, null, null, E'Un gestor de contraseñas y un segundo paso detienen casi todo lo que llega por correo.'),
        ('seguridad-para-equipos-pequenos', 3, 'Copias que se pueden recuperar', 18, true, 'youtube', 'aqz-KE-bpKQ', E'Una copia que nunca has recuperado es una esperanza. Recupera una cada mes, entera.'),
        ('seguridad-para-equipos-pequenos', 4, 'El día malo', 20, true, null, null, E'A quién se llama, qué se apaga y qué se dice. Practícalo cuando no pasa nada.')
    ) as s (slug, position, title, minutes, is_required, video_host, video_ref, body)
    join school.courses c on c.slug = s.slug;

    -- Who learns: a hundred people, who came little by little.
    insert into core.users (email, full_name, role, locale, email_verified_at, password_hash, created_at)
    select format('aprendiz.%s@aprendices.example', lpad(n::text, 3, '0')),
           first[1 + pg_temp.dice('first' || n, 32)] || ' ' || last[1 + pg_temp.dice('last' || n, 40)] || ' ' || last[1 + pg_temp.dice('second' || n, 40)],
           'learner', case when pg_temp.dice('locale' || n, 12) = 0 then 'en' else 'es' end, now(),
           (select password_hash from core.users where email = 'aprendiz@faena.example'),
           now() - make_interval(days => (735 * (1 - n / 101.0))::integer + 12, hours => pg_temp.dice('hour' || n, 14)::integer)
    from generate_series(1, 100) n,
         (select string_to_array('María José,Santiago,Valentina,Íñigo,Luz Marina,Andrés Felipe,Begoña,Nicolás,Ximena,Ángel,Rocío,Joaquín,Daniela,Óscar,Lucía,Mateo,Catalina,Julián,Noelia,Sebastián,Paola,Ramón,Inés,Gonzalo,Mónica,Esteban,Yésica,Hernán,Aitana,César,Fabiola,Emilio', ',') as first,
                 string_to_array('Gómez,Núñez,Rodríguez,Zuluaga,Peña,Martínez,Echeverría,Castaño,Ordóñez,Ibáñez,Restrepo,Villalobos,Quiñones,Salazar,Muñoz,Guzmán,Acuña,Londoño,Cárdenas,Vélez,Santamaría,Ñáñez,Bermúdez,Rincón,Arango,Paredes,Cifuentes,Mejía,Yáñez,Ospina,Barragán,Fuentes,Colmenares,Uribe,Páez,Carvajal,Montoya,Duque,Arévalo,Tovar', ',') as last) names
    on conflict (email) do nothing;

    -- What they bought, and when: never before the course was there or the person had come, and not in the days that the nightly comparison
    -- looks at, because no provider knows of these; they are without a payment's name, so that nobody tries to give their money back.
    create temporary table bought on commit drop as
    select md5('sale' || u.email || c.slug)::uuid as id, u.id as user_id, c.id as course_id, c.title, u.locale, c.currency,
           case when c.price_minor = 0 then 0 when at < now() - interval '400 days' then c.price_minor * 4 / 5 else c.price_minor end as amount_minor,
           case when c.price_minor = 0 then 'free'
                when c.currency <> 'COP' and pg_temp.dice('provider' || u.email || c.slug, 3) = 0 then 'paypal' else 'stripe' end as provider,
           t.at, pg_temp.dice('fate' || u.email || c.slug, 100) as fate
    from core.users u
    cross join school.courses c
    cross join lateral (
        select greatest(u.created_at, c.published_at)
               + (now() - interval '4 days' - greatest(u.created_at, c.published_at)) * power(pg_temp.dice('when' || u.email || c.slug, 1000) / 1000.0, 1.7)
               + make_interval(mins => pg_temp.dice('minute' || u.email || c.slug, 600)::integer) as at
    ) t
    where u.email like 'aprendiz.%@aprendices.example' and pg_temp.dice('wants' || u.email || c.slug, 100) < 52 and t.at < now() - interval '4 days';

    insert into school.sales (id, user_id, course_id, provider, state, amount_minor, currency, description, locale, checkout_key, checkout_ref,
                              charged_minor, charged_currency, refunded_minor, created_at, updated_at, expires_at, paid_at)
    select id, user_id, course_id, provider,
           case when provider = 'free' or fate >= 9 then 'paid' when fate < 4 then 'refunded' when fate = 4 then 'part_refunded' when fate = 5 then 'lost' else 'expired' end,
           amount_minor, currency, left(title, 127), locale, 'demo:' || id,
           case when provider <> 'free' then 'demo_checkout_' || id end,
           case when provider = 'free' or fate in (6, 7, 8) then 0 else amount_minor end, currency,
           case when provider = 'free' then 0 when fate < 4 then amount_minor when fate = 4 then amount_minor / 2 else 0 end,
           at - interval '4 minutes', at, at + interval '1 hour', case when provider = 'free' or fate not in (6, 7, 8) then at end
    from bought;

    insert into school.refunds (id, sale_id, origin, reason, amount_minor, currency, provider_ref, state, created_at, settled_at)
    select md5('refund' || id)::uuid, id, 'admin', 'No era lo que esperaba', case when fate < 4 then amount_minor else amount_minor / 2 end, currency,
           'demo_refund_' || id, 'succeeded', at + interval '5 days', at + interval '5 days'
    -- PayPal is asked about a refund for a month, and would know of none of these.
    from bought
    where provider <> 'free' and fate < 5 and at < now() - case provider when 'paypal' then interval '36 days' else interval '6 days' end;
    -- Those of the last days are still what they were.
    update school.sales s set state = 'paid', refunded_minor = 0
    from bought b where b.id = s.id and s.state in ('refunded', 'part_refunded') and not exists (select from school.refunds r where r.sale_id = s.id);

    insert into school.disputes (provider, dispute_ref, sale_id, state, amount_minor, currency, opened_at, closed_at)
    select provider, 'demo_dispute_' || id, id, case fate when 5 then 'lost' else 'won' end, amount_minor, currency, at + interval '12 hours',
           at + case fate when 5 then interval '20 hours' else interval '3 days' end
    from bought where provider <> 'free' and fate in (5, 9);

    -- The money that this moved.
    create temporary table moved on commit drop as
    select id as sale_id, provider, 'charge' as kind, 'demo_payment_' || id as ref, at, currency, 'clearing' as debit, 'revenue' as credit, amount_minor
    from bought where provider <> 'free' and fate not in (6, 7, 8)
    union all
    select id, provider, 'fee', 'demo_payment_' || id, at, currency, 'fees', 'clearing', amount_minor * 29 / 1000 + case currency when 'COP' then 90000 else 30 end
    from bought where provider <> 'free' and fate not in (6, 7, 8)
    union all
    select r.sale_id, s.provider, 'refund', r.provider_ref, r.settled_at, r.currency, 'refunds', 'clearing', r.amount_minor
    from school.refunds r join school.sales s on s.id = r.sale_id
    union all
    select sale_id, provider, 'dispute', dispute_ref, opened_at, currency, 'disputes', 'clearing', amount_minor from school.disputes
    union all
    select sale_id, provider, 'dispute_reversal', dispute_ref, closed_at, currency, 'clearing', 'disputes', amount_minor from school.disputes where state = 'won';

    insert into school.ledger_transactions (sale_id, provider, kind, source_ref, effective_at, posted_at)
    select sale_id, provider, kind, ref, at, at from moved order by at, ref, kind;
    insert into school.ledger_lines (transaction_id, account, currency, amount_minor)
    select t.id, l.account, m.currency, l.amount_minor
    from moved m
    join school.ledger_transactions t on (t.provider, t.kind, t.source_ref) = (m.provider, m.kind, m.ref)
    cross join lateral (values (m.debit, m.amount_minor), (m.credit, -m.amount_minor)) as l (account, amount_minor);

    -- What it opened, and how far each has come: most are still short of their last lesson. Whoever is not has a certificate: see demo-certificates.sql.
    insert into school.enrolments (user_id, course_id, sale_id, state, enrolled_at)
    select user_id, course_id, id, case when state in ('refunded', 'lost') then 'revoked' else 'active' end, paid_at
    from school.sales where paid_at is not null and state <> 'expired';
    insert into school.progress (user_id, section_id, completed_at)
    select e.user_id, s.id, e.enrolled_at + (now() - e.enrolled_at) * (s.position / 12.0)
    from school.enrolments e
    join school.sections s on s.course_id = e.course_id
    where s.position <= pg_temp.dice('diligence' || e.user_id || '.' || e.course_id, 8)
      and (pg_temp.dice('finishes' || e.user_id || '.' || e.course_id, 100) < 10
           or s.position < (select max(l.position) from school.sections l where l.course_id = s.course_id and l.is_required));
    update school.enrolments e set completed_at = done.at
    from (
        select e.user_id, e.course_id, max(p.completed_at) as at
        from school.enrolments e
        join school.sections s on s.course_id = e.course_id and s.is_required
        left join school.progress p on p.section_id = s.id and p.user_id = e.user_id
        group by e.user_id, e.course_id having count(*) = count(p.completed_at)
    ) done
    where (e.user_id, e.course_id) = (done.user_id, done.course_id) and e.state = 'active';
end $demo$;
commit;
