# Las cartas, para verlas.
dev-mail-title = Las cartas
dev-mail-say = Cada carta con datos inventados, como la ve quien la recibe.
dev-mail-letter = Carta
dev-mail-subject = Asunto
dev-mail-stream = Tipo
dev-mail-text = Texto
stream-transactional = Lo que pediste
stream-notifications = Avisos
stream-broadcast = Novedades
stream-transactional-say = Enlaces para entrar, recibos y devoluciones. Siempre te llegan.
stream-notifications-say = Tus certificados y tus informes; las respuestas a tus solicitudes; y las solicitudes que atiendes, con sus plazos.
stream-broadcast-say = Lo que cuenta quien imparte tus cursos.

# Las cartas que cada quien quiere.
preferences-title = Mis cartas
preferences-say = Elige qué cartas quieres recibir.
preferences-saved = Quedó guardado.
preferences-save = Guardar
unsubscribe-title = No recibir más cartas
unsubscribe-notifications = Avisos de CompilandoCode: certificados, informes y solicitudes.
unsubscribe-broadcast = Novedades de tus cursos.
unsubscribe-say = Los enlaces para entrar y los recibos te seguirán llegando.
unsubscribe-submit = No quiero recibirlas
unsubscribe-done = No te las enviaremos más
unsubscribe-done-say = Si cambias de idea, puedes volver a pedirlas desde tu cuenta.
unsubscribe-preferences = Elegir mis cartas
unsubscribe-forged = Este enlace no sirve
unsubscribe-forged-say = Está incompleto. Ábrelo otra vez desde la carta, o elige tus cartas desde tu cuenta.

# Las direcciones que no reciben cartas, para quien opera.
ops-mail = Correo
ops-mail-say = A estas direcciones no sale ninguna carta; tras una queja, ninguna salvo las que la persona pide. Levantarlo deja salir las próximas; una carta retenida sale al reintentar su trabajo.
suppression-find = Buscar una dirección
suppression-none = Ninguna dirección está suprimida.
suppression-address = Dirección
suppression-cause = Por qué
suppression-seen = Lo que se vio
suppression-since = Desde
suppression-lift = Levantar
suppression-lifted = Levantado: las próximas cartas saldrán.
suppression-add = Suprimir una dirección
suppression-why = Por qué
suppression-added = Suprimida: no le llegará ninguna carta más.
suppression-already = Esta dirección ya no recibe cartas.
suppression-again = { $times ->
    [one] (ya se levantó una vez)
   *[other] (ya se levantó { $times } veces)
}
suppression-hard-bounce = El buzón no existe
suppression-soft-bounces = Tres cartas devueltas en siete días
suppression-complaint = Se quejó de una carta
suppression-operator = Lo decidió quien opera
