# La escuela.
nav-courses = Cursos
nav-my-courses = Mis cursos
courses-title = Cursos
courses-lead = Cortos, en español y hechos para terminarse.
courses-none = Todavía no hay ninguno. Vuelve pronto.
level-beginner = Para empezar
level-intermediate = Con algo de experiencia
level-advanced = Avanzado
course-hours = { $hours ->
    [one] una hora
   *[other] { $hours } horas
}
course-free = Gratis
course-sections = Lo que verás
course-yours = Este curso es tuyo
course-taught = Enseñas este curso
course-read = Leer las lecciones
course-go-on = Seguir
course-sign-in = Entrar para inscribirte
course-enrol = Inscribirme
course-enrolled = Ya estás dentro. Empieza cuando quieras.
course-completed = Terminaste el curso. ¡Enhorabuena!
course-already = Este curso ya es tuyo.
course-unsold = Este curso ya no se ofrece.
course-suspended = En pausa mientras se aclara el pago.
course-revoked = Cerrado: el pago se devolvió.
course-teacher = Enseña
course-learners = Estudiantes
section-minutes = { $minutes } min
section-optional = opcional
section-done = hecha
lesson-video = Video
lesson-done = Marcar como hecha
lesson-next = Siguiente
lesson-before = Anterior
lesson-after = Saltar a la siguiente
my-courses-none = Todavía no tienes ninguno.
my-courses-taught = Los que enseñas
my-courses-taken = Los que tomas
my-courses-progress = Lecciones hechas
my-courses-completed = Terminado el { $at }

# Comprar y pagar.
nav-sales = Ventas
course-no-provider = Ahora mismo no se puede comprar. Vuelve pronto.
pay-with-stripe = Pagar con tarjeta
pay-with-paypal = Pagar con PayPal
pay-title = Vamos al pago
pay-go = Ir a pagar
pay-wait = Preparamos la página del pago; tarda un par de segundos.
purchase-title = Tu compra
purchases-title = Mis compras
purchases-none = Todavía no hay ninguna.
purchase-amount = Importe
purchase-refunded = Devuelto
purchase-refund = Devolución
purchase-declined = Ese medio de pago fue rechazado y no se cobró nada. Vuelve a la página de pago y elige otro.
purchase-unpaid = Volviste sin pagar y no se cobró nada. Puedes ir a pagar ahora, o elegir otra forma de pago.
purchase-when = Fecha
purchase-number = Número
purchase-course = Ir al curso
sale-course = Curso
sale-state = Estado
sale-pending = Por pagar
sale-on-its-way = Pago en camino
sale-paid = Pagada
sale-part-refunded = Devuelta en parte
sale-refunded = Devuelta
sale-disputed = En disputa
sale-lost = Disputa perdida
sale-review = En revisión
sale-expired = Vencida
sale-failed = No se pudo pagar
sale-pending-say = Esperamos noticias del pago. Si ya pagaste, suelen llegar en segundos; algunos medios tardan horas.
sale-on-its-way-say = Ya pagaste y el dinero está en camino; según el medio de pago tarda horas o días. No vuelvas a pagar: el curso se abre solo cuando llegue.
sale-paid-say = El curso ya es tuyo.
sale-part-refunded-say = Te devolvimos una parte; el curso sigue abierto.
sale-refunded-say = Te devolvimos el dinero. Tu banco puede tardar unos días en mostrarlo.
sale-disputed-say = Tu banco reclama este pago. El curso queda en pausa hasta que se aclare.
sale-lost-say = Tu banco recuperó el dinero y el curso quedó cerrado.
sale-review-say = Algo no cuadra en este pago y una persona lo está mirando. No tienes que hacer nada.
sale-expired-say = Se acabó el tiempo para pagar y no se cobró nada. Puedes volver a empezar desde el curso.
sale-failed-say = El pago no se pudo hacer y no se cobró nada. Puedes volver a empezar desde el curso.
refund-requested = pedida
refund-pending = en camino
refund-succeeded = hecha
refund-failed = no se pudo
refund-came-back = el banco no la aceptó y el dinero volvió a nosotros
sales-all = todas
sale-provider = Cobra
sale-buyer = Compra
sale-charged = Cobrado
sale-refunds = Devoluciones
sale-refund = Devolver dinero…
sale-refund-amount = Cuánto
sale-refund-hint = Vacío: todo lo que queda, { $left }.
sale-refund-reason = Por qué
sale-refund-sure = Sí, devolverlo
sale-refund-asked = La devolución quedó pedida. Aquí se verá en qué queda.
sale-movements = Movimientos
sale-messages = Avisos recibidos
movement-charge = cobro
movement-fee = comisión
movement-refund = devolución
movement-refund-reversal = devolución que volvió
movement-dispute = disputa
movement-dispute-reversal = disputa ganada
ledger-clearing = con quien cobra
ledger-revenue = ingresos
ledger-fees = comisiones
ledger-refunds = devoluciones
ledger-disputes = disputas
ledger-suspense = en suspenso
message-waits = por mirar
message-applied = se miró la compra
message-ignored = no es nuestro
sale-close-review = Ya está visto
sale-review-closed = La revisión quedó cerrada.
sale-review-not-closed = No cambió nada: la revisión ya estaba cerrada o todavía queda dinero por devolver.
review-amount = El importe que llegó no es el de la compra. Devuélvelo: el curso sigue cerrado.
review-currency = El dinero llegó en otra moneda. Devuélvelo: el curso sigue cerrado.
review-account = El pago fue a otra cuenta. Mira la del proveedor.
review-livemode = El pago es del otro entorno: de pruebas aquí, o real en pruebas.
review-sale = El proveedor dice que este pago es de otra compra.
review-bought-again = El dinero volvió a nosotros y el curso ya se compró otra vez: devuélvelo.
review-second-payment = El curso ya estaba pagado; este segundo pago se devuelve solo.
refund-too-fine = Tiene más decimales que la moneda. Separa los miles con espacios. Quedan { $left }.
refund-no-amount = Escribe un importe como 49,50. Quedan { $left }.
refund-nothing = Cero no devuelve nada. Quedan { $left }.
refund-other-currency = La compra no se pagó en esa moneda. Quedan { $left }.
refund-too-much = Es más de lo que queda: { $left }.
refund-not-now = Ahora no se puede devolver: decide el banco, o no ha llegado nada. Quedan { $left }.
refund-form-used = Este formulario ya pidió otra devolución; mírala abajo. Si quieres además esta, envíalo de nuevo. Quedan { $left }.
refund-unknown-payment = Quedan { $left }, y este dinero se anotó sin el nombre de su pago en el proveedor: no se puede devolver desde aquí.

# Las cuentas, comparadas.
reconciliation-title = Conciliación
reconciliation-none = Nuestras cuentas y las de quien cobra coinciden.
reconciliation-none-asked = { $sales ->
    [one] No hay diferencias. La última comparación volvió a preguntar por una venta; lo que se sepa queda en ella.
   *[other] No hay diferencias. La última comparación volvió a preguntar por { $sales } ventas; lo que se sepa queda en cada una.
}
reconciliation-not-yet = Todavía no se ha comparado con: { $providers }.
reconciliation-closed = Quedó visto. Si cambia alguno de los dos importes, vuelve a salir.
reconciliation-what = Qué no coincide
reconciliation-ours = Aquí
reconciliation-theirs = Allí
reconciliation-since = Desde
reconciliation-runs = Comparaciones
reconciliation-never = Todavía no se ha comparado nada.
reconciliation-seen = Vistos
reconciliation-asked = Se volvió a preguntar
difference-no-such-sale = Un pago sin compra
difference-amount = El importe no es el mismo
difference-paid-here-only = Aquí está pagada y allí no
difference-missing-there = Allí no la conocen

# Estadísticas de ventas.
statistics-title = Estadísticas de ventas
statistics-until = Datos hasta
statistics-never = Todavía no hay datos: se calculan cada media hora. Si no llegan, mira si hay un worker en marcha.
statistics-stale = Los datos tienen más de tres cuartos de hora: mira si hay un worker en marcha.
statistics-failed = Los datos no se pudieron actualizar; son los últimos que hay.
statistics-clock = Los días van por el reloj de { $zone }.
statistics-agree = Coinciden con el libro, comparados el
statistics-differ = No coincidían con el libro, comparados el
statistics-stretch = Periodo
statistics-currency = Moneda
statistics-days = { $days ->
    [365] un año
    [730] dos años
   *[other] { $days } días
}
statistics-sales = Ventas
statistics-gross = Cobrado
statistics-returned = Devuelto
statistics-net = Neto
statistics-by-day = Neto por día
statistics-best = El mejor día:
statistics-as-table = Como tabla
statistics-day = Día
statistics-by-course = Por curso

# Certificados.
nav-certificates = Mis certificados
nav-all-certificates = Certificados
course-certificate = Ver tu certificado
certificates-none = Todavía no tienes ninguno. Llega solo cuando terminas un curso.
certificates-none-counts = Ahora mismo no vale ninguno tuyo.
certificates-ended = Ya no valen
certificate-replaced-do = Otro ocupó su lugar; la página de su serie dice cuál.
certificate-refunded-do = Si vuelves a tomar el curso se emite otro, sin repetir las lecciones.
certificate-revoked-do = Si crees que es un error, escribe a la escuela: puede emitir otro, con otra serie.
certificate-on-its-way = Se está preparando
certificate-in-trouble = Falta un detalle; lo estamos mirando
certificate-unprintable = No se pudo emitir: tu nombre lleva signos que no tenemos cómo imprimir:
certificate-unprintable-cure = Escríbelo con otros en tu cuenta, como quieres que aparezca; el certificado sale enseguida.
certificate-change-name = Cambiar mi nombre
certificate-refunded = el pago del curso se devolvió.
certificate-download = Descargar
certificate-badge = Insignia digital (Open Badges)
certificate-serial = Serie
certificate-holder = Nombre
certificate-course = Curso
certificate-completed = Completado
certificate-ended = Dejó de valer
certificate-reason = Motivo
certificate-successor = Vale en su lugar
certificate-last-revoked = Retirado el último
certificate-signed = Firma
certificate-statement = lo firmado

# Comprobar un certificado.
check-title = Comprobar un certificado
check-ask = Escribe la serie que lleva impresa, o trae el archivo.
check-go = Comprobar
check-valid = Este certificado es auténtico
check-valid-say = Lo emitimos nosotros, y sigue valiendo.
check-revoked = Este certificado fue retirado
check-revoked-say = Lo emitimos nosotros, pero ya no vale.
check-superseded = Este certificado fue reemplazado
check-superseded-say = Lo corregimos y emitimos otro, que es el que vale.
check-superseded-revoked-say = Lo corregimos y emitimos otro, que después fue retirado: ya no vale ninguno.
check-forged = Este certificado no es de fiar
check-forged-say = Lo que guardamos no coincide con su firma. Escríbenos antes de creerlo.
check-unknown = No conocemos este certificado
check-unknown-say = No emitimos ninguno así. Revisa la serie: son dieciséis letras y números después de CC.
check-another = Comprobar otro
check-file = ¿Tienes el archivo?
check-file-say = Así se ve si es el mismo que emitimos, byte por byte. No guardamos nada de él.
check-file-go = Comparar
check-file-same = El archivo es el que emitimos.
check-file-another = El archivo es de otro certificado nuestro.
check-file-unknown = El archivo no es ninguno de los nuestros: alguien lo cambió, o se guardó de otra manera.
check-file-too-large = El archivo pasa de 1 MiB; ningún certificado nuestro es tan grande.
check-file-missing = Elige un archivo primero.

# Certificados, para quien administra.
certificates-in-trouble = No se pueden emitir
certificates-all = Todos
certificates-find = Serie, correo o nombre
certificates-nothing = No hay ninguno.
certificate-state = Estado
certificate-is-valid = vale
certificate-is-on-its-way = en camino
certificate-is-in-trouble = sin emitir
certificate-is-revoked = retirado
certificate-is-superseded = reemplazado
certificate-account = Cuenta
certificate-asked = Pedido
certificate-issued = Emitido
certificate-check = comprobar
certificate-revisions = Todas las versiones
certificate-problem-say = No se puede emitir. Corrige el nombre aquí abajo, o instala la fuente que falta y vuelve a ejecutar el trabajo.
certificate-reissue = Emitir con otro nombre…
certificate-issue-anew = Emitir uno nuevo…
certificate-name = Nombre
certificate-name-hint = Como se imprime. El que vale ahora queda reemplazado en cuanto el nuevo esté listo.
certificate-note = Por qué (no se publica)
certificate-reissue-sure = Emitir
certificate-reissued = Pedido. En cuanto esté listo, vale este.
certificate-ask = Pedir un certificado…
certificate-ask-say = Para quien terminó un curso y no tiene ninguno.
certificate-ask-sure = Pedirlo
ask-no-person = No hay ninguna cuenta con ese correo.
ask-no-course = Elige un curso.
ask-not-taken = No sigue ese curso.
ask-not-open = El curso no está abierto para esa persona: su pago está en disputa o se devolvió.
ask-nothing-done = Todavía no ha hecho ninguna lección.
ask-unfinished = No lo ha terminado; le falta: { $lessons }.
ask-has-one = Ya tiene uno, que se corrige en su propia página.
ask-other = Ver ese certificado
certificate-revoke = Retirar…
certificate-why = Por qué
certificate-why-hint = Lo lee cualquiera que compruebe el certificado.
certificate-why-blank = Escribe el motivo.
certificate-revoke-sure = Sí, retirarlo
certificate-revoked = Retirado. La página para comprobarlo ya lo dice.
certificate-not-now = Ya no se puede: dejó de valer, o hay otro en camino.

# Avisos de un curso.
announcements-title = Avisos
announcements-none = Todavía no hay ninguno.
announcement-subject = Asunto
announcement-body = Aviso
announcement-body-hint = Deja una línea en blanco entre párrafos.
announcement-reaches = { $learners ->
    [0] Nadie sigue el curso todavía.
    [one] Le llegará por correo a la única persona que sigue el curso, salvo que no quiera estas cartas.
   *[other] Les llegará por correo a las { $learners } personas que siguen el curso, salvo a quien no quiera estas cartas.
}
announcement-tell = Avisar a todos
announcement-told = El aviso está en camino.
announcement-too-many = Ya van { $most } avisos en 24 horas: este tendrá que esperar a mañana.
announcement-letters = { $letters ->
    [one] una carta
   *[other] { $letters } cartas
}
announcement-sent = { $letters ->
    [one] una enviada
   *[other] { $letters } enviadas
}
announcement-withheld = { $letters ->
    [one] una retenida (no la quieren, o la dirección no la acepta)
   *[other] { $letters } retenidas (no las quieren, o la dirección no las acepta)
}
announcement-on-its-way = en camino
