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
purchase-when = Fecha
purchase-number = Número
purchase-course = Ir al curso
sale-course = Curso
sale-state = Estado
sale-pending = Por pagar
sale-paid = Pagada
sale-part-refunded = Devuelta en parte
sale-refunded = Devuelta
sale-disputed = En disputa
sale-lost = Disputa perdida
sale-review = En revisión
sale-expired = Vencida
sale-failed = No se pudo pagar
sale-pending-say = Esperamos noticias del pago. Si ya pagaste, suelen llegar en segundos; algunos medios tardan horas.
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
sale-close-review = Ya está visto
sale-review-closed = La revisión quedó cerrada.
review-amount = El importe que llegó no es el de la compra. Devuélvelo: el curso sigue cerrado.
review-currency = El dinero llegó en otra moneda. Devuélvelo: el curso sigue cerrado.
review-account = El pago fue a otra cuenta. Mira la del proveedor.
review-livemode = El pago es del otro entorno: de pruebas aquí, o real en pruebas.
review-sale = El proveedor dice que este pago es de otra compra.
review-second-payment = El curso ya estaba pagado; este segundo pago se devuelve solo.
refund-too-fine = Tiene más decimales que la moneda. Separa los miles con espacios. Quedan { $left }.
refund-no-amount = Escribe un importe como 49,50. Quedan { $left }.
refund-too-much = Es más de lo que queda: { $left }.
refund-not-now = Ahora no se puede devolver: decide el banco, o no ha llegado nada. Quedan { $left }.
refund-unknown-payment = Quedan { $left }, y este dinero se anotó sin el nombre de su pago en el proveedor: no se puede devolver desde aquí.

# Las cuentas, comparadas.
reconciliation-title = Conciliación
reconciliation-none = Nuestras cuentas y las de quien cobra coinciden.
reconciliation-what = Qué no coincide
reconciliation-ours = Aquí
reconciliation-theirs = Allí
reconciliation-since = Desde
reconciliation-runs = Comparaciones
reconciliation-never = Todavía no se ha comparado nada.
reconciliation-seen = Vistos
reconciliation-asked = Por averiguar
difference-no-such-sale = Un pago sin compra
difference-amount = El importe no es el mismo
difference-paid-here-only = Aquí está pagada y allí no
difference-missing-there = Allí no la conocen

# Estadísticas de ventas.
statistics-title = Estadísticas de ventas
statistics-until = Datos hasta
statistics-never = Todavía no hay datos: se calculan cada media hora.
statistics-stale = Los datos tienen más de tres cuartos de hora: mira si hay un worker en marcha.
statistics-failed = Los datos no se pudieron actualizar; son los últimos que hay.
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
